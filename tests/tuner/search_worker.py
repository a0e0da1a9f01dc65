"""A search in a separate process, for tests that kill one or let several share a study.

``python searching_worker.py STORAGE TRIALS SLEEP``: trains linear models; each epoch takes SLEEP seconds, so
that there is time to be killed in.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

import fitwell as fw
from fitwell import tuner

SPACE = {"learning_rate": tuner.Float(1e-3, 1e-1, log=True)}


def data() -> tuple[np.ndarray, np.ndarray]:
    """Return a line with noise."""
    random = np.random.default_rng(0)
    x = random.normal(size=(40, 2)).astype(np.float32)
    return x, (x @ [1.0, -2.0] + 0.1 * random.normal(size=40)).astype(np.float32)


def build(setting: dict[str, Any]) -> fw.Model:
    """Return a linear model."""
    model = fw.Sequential([fw.Input((2,)), fw.layers.Dense(1)])
    model.compile(loss="mse", optimizer=fw.optimizers.SGD(setting["learning_rate"]))
    return model


def search(storage: object, trials: int, sleep: float = 0.0, **settings: Any) -> tuner.SearchResult:
    """Run the search."""
    slow = fw.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: time.sleep(sleep))
    settings = {"sampler": "random", "epochs": 4, "batch": 2, "verbose": 0} | settings
    return tuner.search(
        build, SPACE, data(), trials=trials, storage=storage, callbacks=[slow] if sleep else None, **settings
    )


if __name__ == "__main__":
    search(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
