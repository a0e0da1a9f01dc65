"""A run frees its memory at once, without waiting for the garbage collector."""

from __future__ import annotations

import gc
from typing import Any

import jax
import numpy as np

import fitwell as fw
from fitwell import layers as L

X = np.ones((50, 4), np.float32)
Y = X[:, :1]


def kept_by(call: Any) -> int:
    """Return how many arrays more live on after three calls, without the garbage collector."""
    call()
    gc.collect()
    gc.disable()
    try:
        before = len(jax.live_arrays())
        for _ in range(3):
            call()
        return len(jax.live_arrays()) - before
    finally:
        gc.enable()


class Look(fw.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        pass


def test_the_rows_of_a_run_are_let_go_when_it_ends() -> None:
    model = fw.Sequential([L.Input((4,)), L.Dense(2), L.Dense(1)])
    model.compile(loss="mse")
    stopping = fw.callbacks.EarlyStopping
    runs: dict[str, dict[str, Any]] = {
        "bare": {},
        "validated": {"validation_data": (X, Y)},
        "split": {"validation_split": 0.2},
        "compiled": {"callbacks": [stopping("loss")]},
        "on the host": {"callbacks": [Look(), stopping("loss")]},
    }
    kept = {
        name: kept_by(lambda more=more: model.fit(X, Y, verbose=0, **more)) for name, more in runs.items()
    }
    kept["batch"] = kept_by(lambda: model.train_on_batch(X, Y))
    assert kept == dict.fromkeys(kept, 0)
