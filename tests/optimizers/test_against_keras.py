"""Compare every optimizer with Keras 3: same gradients, 30 steps, same weights up to float32 rounding."""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np
import pytest

from fitwell import optimizers
from fitwell._variables import Variable
from tests.agreement import agree

STEPS = 30
COMMON: list[dict[str, Any]] = [
    {},
    {"weight_decay": 0.3, "learning_rate": 0.02},
    {"clipnorm": 0.1, "learning_rate": 0.02},
    {"clipvalue": 0.02, "learning_rate": 0.02},
    {"global_clipnorm": 0.1, "learning_rate": 0.02},
    {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 4, "learning_rate": 0.02},
    {"gradient_accumulation_steps": 3, "learning_rate": 0.02, "weight_decay": 0.1},
    {"loss_scale_factor": 8.0, "learning_rate": 0.02},
]
OWN: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        {"momentum": 0.9},
        {"momentum": 0.7, "nesterov": True, "learning_rate": 0.1},
        {"nesterov": True},
        {"momentum": 0.5, "nesterov": True, "gradient_accumulation_steps": 2, "clipnorm": 0.2},
    ],
    "Adagrad": [
        {"learning_rate": 0.1},
        {"learning_rate": 0.1, "initial_accumulator_value": 0.0, "epsilon": 0.01},
    ],
    "RMSprop": [
        {"learning_rate": 0.01, "rho": 0.7, "epsilon": 0.01},
        {"learning_rate": 0.01, "momentum": 0.6},
        {"learning_rate": 0.01, "centered": True, "epsilon": 0.001},
        {"learning_rate": 0.01, "centered": True, "momentum": 0.9, "epsilon": 0.001},
    ],
    "Adadelta": [{"learning_rate": 1.0}, {"learning_rate": 1.0, "rho": 0.5, "epsilon": 0.01}],
    "Adam": [
        {"learning_rate": 0.05},
        {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 0.01},
        {"learning_rate": 0.05, "beta_2": 0.5, "amsgrad": True},
        {"learning_rate": 0.05, "gradient_accumulation_steps": 4, "beta_1": 0.7},
    ],
    "AdamW": [{"learning_rate": 0.05}, {"learning_rate": 0.05, "weight_decay": 0.2, "amsgrad": True}],
    "Adamax": [
        {"learning_rate": 0.05},
        {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 0.01},
    ],
    "Nadam": [
        {"learning_rate": 0.05},
        {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 0.01},
        {"learning_rate": 0.05, "gradient_accumulation_steps": 3},
    ],
}
# The options are the same code for all: one by one with three optimizers, together with the others.
TOGETHER = [
    {
        "learning_rate": 0.02,
        "weight_decay": 0.2,
        "clipnorm": 0.3,
        "use_ema": True,
        "ema_overwrite_frequency": 4,
    }
]
EACH = ("SGD", "Adam", "Nadam")
CASES = [
    (name, settings)
    for name, own in OWN.items()
    for settings in (COMMON if name in EACH else [{}, *TOGETHER]) + own
]
# Adadelta's own rate is 1: at those of the others it would hardly move in 30 steps.
CASES = [(n, {**s, "learning_rate": 1.0} if n == "Adadelta" else s) for n, s in CASES]


def keras_run(optimizer: Any, problem: Any, finish: bool = False) -> dict[str, np.ndarray]:
    """Return the weights after 30 steps of a Keras optimizer; `finish` as `fit` does at its end."""
    variables = [keras.Variable(value, name=path.split("/")[-1]) for path, value in problem.start.items()]
    optimizer.build(variables)

    @jax.jit
    def one(weights: list[Any], state: list[Any], step: Any) -> Any:
        gradients = problem.gradients(dict(zip(problem.start, weights)), step)
        return optimizer.stateless_apply(state, [gradients[path] for path in problem.start], weights)

    weights, state = [v.value for v in variables], [v.value for v in optimizer.variables]
    for step in range(STEPS):
        weights, state = one(weights, state, step)
    for variable, value in zip([*variables, *optimizer.variables], [*weights, *state]):
        variable.assign(value)
    if finish:
        optimizer.finalize_variable_values(variables)
    return {path: np.asarray(v.value) for path, v in zip(problem.start, variables)}


def assert_close(name: str, ours: Any, theirs: dict[str, np.ndarray], start: dict[str, np.ndarray]) -> None:
    for path, expected in theirs.items():
        moved = np.abs(expected - start[path]).max()
        assert moved > 1e-3, "the case would pass without learning"
        # In addition to the last bits of the weights, the rounding of 1 - β₂ to float32 (1.3e-5) moves each step.
        row, atol = f"optimizers/{name}", 5e-7 + 1e-5 * moved
        agree(ours[path], expected, row=row, against="Keras, 30 steps", rtol=5e-7, atol=atol)


@pytest.mark.parametrize(("name", "settings"), CASES, ids=[f"{name}-{s}" for name, s in CASES])
def test_weights_after_30_steps(name: str, settings: dict[str, Any], stream: Any, run: Any) -> None:
    expected = keras_run(getattr(keras.optimizers, name)(**settings), stream)
    ours, _ = run(getattr(optimizers, name)(**settings), stream.gradients, stream.start, STEPS)
    assert_close(name, ours, expected, stream.start)


@pytest.mark.parametrize("name", OWN)
def test_learning_a_least_squares_problem(name: str, problem: Any, run: Any) -> None:
    rate = 1.0 if name == "Adadelta" else 0.01
    expected = keras_run(getattr(keras.optimizers, name)(rate), problem)
    ours, _ = run(getattr(optimizers, name)(rate), problem.gradients, problem.start, STEPS)
    assert_close(name, ours, expected, problem.start)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("SGD", {"momentum": 0.9, "nesterov": True, "clipnorm": 0.3}),
        ("Adam", {"use_ema": True, "ema_overwrite_frequency": 5}),
        ("Nadam", {"weight_decay": 0.1, "gradient_accumulation_steps": 2}),
    ],
)
def test_the_eager_face(name: str, settings: dict[str, Any], stream: Any) -> None:
    expected = keras_run(getattr(keras.optimizers, name)(0.05, **settings), stream)
    optimizer = getattr(optimizers, name)(0.05, **settings)
    variables = {path: Variable(value, name=path) for path, value in stream.start.items()}
    for step in range(STEPS):
        gradients = stream.gradients(variables, step)
        optimizer.apply_gradients([(gradients[path], v) for path, v in variables.items()])
    assert_close(name, variables, expected, stream.start)
    assert int(optimizer.step.numpy()) == STEPS


@pytest.mark.parametrize("name", OWN)
def test_defaults(name: str) -> None:
    theirs = getattr(keras.optimizers, name)().get_config()
    ours = getattr(optimizers, name)().get_config()
    assert set(theirs) - set(ours) == set()
    for key in set(theirs) - {"name"}:
        assert ours[key] == pytest.approx(theirs[key]), key


@pytest.mark.parametrize("name", OWN)
def test_a_configuration_written_by_keras_is_read(name: str) -> None:
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 100, 0.5)
    theirs = keras.optimizers.serialize(getattr(keras.optimizers, name)(schedule, clipnorm=2.0))
    ours = optimizers.get(theirs)
    assert type(ours) is getattr(optimizers, name)
    assert ours.clipnorm == 2.0
    assert ours.get_hyperparameter("learning_rate").decay_rate == 0.5


@pytest.mark.parametrize("name", OWN)
def test_a_configuration_of_ours_is_read_by_keras(name: str) -> None:
    ours = getattr(optimizers, name)(0.25, clipvalue=3.0)
    foreign = {
        "coupled_weight_decay",
        "gradient_noise",
        "learning_rate_multipliers",
        "weight_decay_multipliers",
    }
    config = {key: value for key, value in ours.get_config().items() if key not in foreign}
    theirs = getattr(keras.optimizers, name).from_config(config)
    assert float(theirs.learning_rate.numpy()) == 0.25
    assert theirs.clipvalue == 3.0


def test_schedules_drive_updates_as_in_keras(stream: Any, run: Any) -> None:
    theirs = keras.optimizers.schedules.CosineDecay(0.1, 25)
    ours = optimizers.schedules.CosineDecay(0.1, 25)
    for every in (None, 4):
        expected = keras_run(keras.optimizers.Adam(theirs, gradient_accumulation_steps=every), stream)
        optimizer = optimizers.Adam(ours, gradient_accumulation_steps=every)
        assert_close("Adam", run(optimizer, stream.gradients, stream.start, STEPS)[0], expected, stream.start)


def test_moving_averages_replace_weights_at_the_end_as_in_keras(stream: Any, run: Any) -> None:
    settings = {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.9}
    expected = keras_run(keras.optimizers.SGD(**settings), stream, finish=True)
    ours = optimizers.SGD(**settings)
    averaged = ours.finalize(*run(ours, stream.gradients, stream.start, STEPS))
    assert_close("SGD", averaged, expected, stream.start)


def test_exclusion_from_weight_decay_as_in_keras(stream: Any, run: Any) -> None:
    theirs = keras.optimizers.SGD(0.05, weight_decay=0.5)
    theirs.exclude_from_weight_decay(var_names=["bias"])
    expected = keras_run(theirs, stream)
    for how in ({"var_names": ["bias"]}, {"var_list": ["dense/bias"]}):
        ours = optimizers.SGD(0.05, weight_decay=0.5)
        ours.exclude_from_weight_decay(**how)
        assert_close("SGD", run(ours, stream.gradients, stream.start, STEPS)[0], expected, stream.start)
    everywhere, _ = run(optimizers.SGD(0.05, weight_decay=0.5), stream.gradients, stream.start, STEPS)
    assert np.abs(np.asarray(everywhere["dense/bias"]) - expected["dense/bias"]).max() > 0.01
