"""A callback that is used for a second run is reset."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell import callbacks, layers

X = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)

STOPPING = {
    "early stopping": lambda: callbacks.EarlyStopping(
        "loss", patience=2, min_delta=0.02, restore_best_weights=True
    ),
    "a plateau": lambda: callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=0.05),
    "a flat curve": lambda: callbacks.FlatStopping("loss", 0.05, epochs=2),
    "a small gradient": lambda: callbacks.GradientStopping(0.3),
}


def outcome(watch: Any, seed: int) -> tuple[Any, ...]:
    fitwell.utils.set_random_seed(seed)
    model = fitwell.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile(fitwell.optimizers.SGD(0.1), "mse")
    history = model.fit(X, X[:, :1], epochs=20, callbacks=[watch], verbose=0).history
    public = {
        name: value for name, value in vars(watch).items() if name in ("best", "best_epoch", "stopped_epoch")
    }
    return history, public, model.get_weights()[0].tolist(), float(model.optimizer.learning_rate)


@pytest.mark.parametrize("kind", STOPPING)
def test_the_second_run_is_as_with_a_new_one(kind: str) -> None:
    used = STOPPING[kind]()
    first = outcome(used, 1)
    assert outcome(used, 2) == outcome(STOPPING[kind](), 2) != first
