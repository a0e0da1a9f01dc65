"""Small data sets and build functions shared by the tests of populations."""

from __future__ import annotations

import numpy as np
import pytest

import fitwell as fw


@pytest.fixture
def regression():
    """Return 50 rows of 3 features with one target, and 20 validation rows."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(70, 3)).astype(np.float32)
    y = (x @ np.array([[1.0], [-2.0], [0.5]]) + 0.1 * generator.normal(size=(70, 1))).astype(np.float32)
    return x[:50], y[:50], (x[50:], y[50:])


@pytest.fixture
def classes():
    """Return 60 rows of 4 features in 3 classes, and 20 validation rows."""
    generator = np.random.default_rng(1)
    y = np.arange(80) % 3
    x = (generator.normal(size=(80, 4)) + np.eye(3, 4)[y]).astype(np.float32)
    return x[:60], y[:60], (x[60:], y[60:])


def dense(setting):
    """Build a small regression network."""
    model = fw.Sequential([fw.Input((3,)), fw.layers.Dense(5, activation="tanh"), fw.layers.Dense(1)])
    model.compile(loss="mse", optimizer=fw.optimizers.SGD(setting.get("learning_rate", 0.05)))
    return model


@pytest.fixture
def trained(regression):
    """Return a population of six members after four epochs."""
    x, y, validation = regression
    population = fw.Population(dense, fw.grid(learning_rate=[0.01, 0.1, 0.05]), seeds=[3, 8])
    return population.fit(x, y, epochs=4, validation_data=validation, verbose=0)
