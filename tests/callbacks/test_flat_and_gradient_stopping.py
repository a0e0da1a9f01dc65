"""Runs stop at the epoch at which a NumPy reference finds a flat curve or a small gradient."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import fitwell
from fitwell import callbacks, layers
from fitwell._engine.train_state import TrainState, initial_counters
from fitwell.errors import InvalidArgument

CURVES = {
    "falling ever slower": 1 / np.arange(1, 40.0),
    "up and down": 1 + 0.3 * (-0.8) ** np.arange(40.0),
    "rising": -1 / np.arange(1, 40.0),
    "flat after a step": np.array([3.0] * 2 + [1.0] * 10),
    "with a gap": np.array([1.0, 0.5, np.nan, 0.5, 0.5, 0.5, 0.5, 0.5]),
}


def expected(curve: np.ndarray, measure: str, threshold: float, epochs: int, start: int, sign: int) -> int:
    """Return the epoch that stops the run, or -1."""
    curve = curve.astype(np.float32)
    for epoch in range(start + epochs, len(curve)):
        window = sign * curve[epoch - epochs : epoch + 1]
        steps = np.abs(np.diff(window))
        found = {"change": steps.max(), "decrease": window[0] - window[-1], "mean change": steps.mean()}[
            measure
        ]
        if found < threshold:
            return epoch
    return -1


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("measure", ["change", "decrease", "mean change"])
@pytest.mark.parametrize(("epochs", "start", "mode"), [(1, 0, "min"), (3, 0, "min"), (2, 4, "max")])
def test_the_epoch_equals_that_of_numpy(curve: str, measure: str, epochs: int, start: int, mode: str) -> None:
    values = CURVES[curve]
    watch = callbacks.FlatStopping("loss", 0.01, epochs, measure, mode, start)
    policy = watch.policy(0)
    state = TrainState({}, {}, (), {}, {}, {}, **initial_counters(0))
    policy_state = policy.init(state)
    for value in values:
        policy_state, state = policy.update(policy_state, {"loss": jnp.float32(value)}, state)
        if bool(state.stop):
            break
    assert int(policy_state["stopped_epoch"]) == expected(
        values, measure, 0.01, epochs, start, 1 if mode == "min" else -1
    )


X = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
Y = X @ np.array([[1.0], [2.0]], np.float32)


def fit(watch: callbacks.Callback, **options: Any) -> Any:
    model = fitwell.Sequential([layers.Input((2,)), layers.Dense(1, use_bias=False)])
    model.compile(fitwell.optimizers.SGD(0.2), "mse")
    options = {"batch_size": 30, "epochs": 200, "verbose": 0, "callbacks": [watch]} | options
    model.fit(X, Y, **options)
    return model


def test_a_run_stops_and_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    watch = callbacks.FlatStopping("loss", 1e-3, epochs=2, verbose=1)
    losses = np.array(fit(watch).history.history["loss"])
    assert watch.stopped_epoch == len(losses) - 1 == expected(losses, "change", 1e-3, 2, 0, 1)
    assert f"Epoch {len(losses)}: loss changes by less than 0.001" in capsys.readouterr().out


def test_the_gradient_is_that_of_the_whole_loss() -> None:
    watch = callbacks.GradientStopping(threshold=1e-12)
    model = fit(watch, epochs=3)
    (kernel,) = model.get_weights()
    assert watch.norm == pytest.approx(np.linalg.norm(2 * X.T @ (X @ kernel - Y) / len(X)), rel=1e-4)
    assert watch.stopped_epoch == 0


def test_a_run_stops_at_its_minimum(capsys: pytest.CaptureFixture[str]) -> None:
    watch = callbacks.GradientStopping(threshold=1e-2, verbose=1)
    model = fit(watch)
    epochs = len(model.history.epoch)
    assert epochs < 200 and watch.stopped_epoch == epochs - 1 and watch.norm < 1e-2
    np.testing.assert_allclose(model.get_weights()[0], [[1], [2]], atol=0.02)
    assert "the gradient's norm is" in capsys.readouterr().out


def test_invalid_arguments_raise() -> None:
    with pytest.raises(InvalidArgument, match="Did you mean 'decrease'"):
        callbacks.FlatStopping(measure="decreas")
    for options in ({"epochs": 0}, {"threshold": 0.0}, {"epochs": 1.5}):
        with pytest.raises(InvalidArgument, match="FlatStopping"):
            callbacks.FlatStopping(**options)
    with pytest.raises(InvalidArgument, match="above 0"):
        callbacks.GradientStopping(threshold=-1)
