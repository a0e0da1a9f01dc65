"""One of several processes that share a population: trains every nth setting and writes the members to a file.

``python training_part.py RANK PROCESSES FILE``
"""

from __future__ import annotations

import sys

import numpy as np

import fitwell as fw

RATES = fw.grid(rate=[0.01, 0.03, 0.1])


def build(setting):
    """Build a small network."""
    model = fw.Sequential([fw.Input((3,)), fw.layers.Dense(4, activation="relu"), fw.layers.Dense(1)])
    model.compile(loss="mse", optimizer=fw.optimizers.SGD(setting["rate"], momentum=0.9))
    return model


def train(members, **settings):
    """Return a population of these members, trained on rows that are the same everywhere."""
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    population = fw.Population(build, members, seeds=[3, 5])
    return population.fit(x, x[:, :1] * x[:, 1:2], epochs=4, batch_size=8, verbose=0, **settings)


if __name__ == "__main__":
    rank, processes = int(sys.argv[1]), int(sys.argv[2])
    train(RATES[rank::processes], folds=2).save(sys.argv[3])
