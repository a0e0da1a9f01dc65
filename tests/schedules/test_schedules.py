"""Compare every schedule with Keras or its closed form; trace, vmap, serialize and read it."""

from __future__ import annotations

import json
import math
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitwell import _registry, schedules
from fitwell._variables import named_hyperparameters, stateless_scope
from fitwell.errors import InvalidArgument
from tests.agreement import agree

KERAS: list[tuple[str, dict[str, Any]]] = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 30, "decay_rate": 0.5}),
    (
        "ExponentialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 30, "decay_rate": 0.5, "staircase": True},
    ),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    (
        "InverseTimeDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True},
    ),
    ("PiecewiseConstantDecay", {"boundaries": [10, 30], "values": [1.0, 0.5, 0.1]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 37}),
    (
        "PolynomialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 37, "power": 2.5, "end_learning_rate": 0.01},
    ),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 37, "power": 0.5, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 50}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 50, "alpha": 0.1}),
    (
        "CosineDecay",
        {
            "initial_learning_rate": 0.01,
            "decay_steps": 50,
            "warmup_target": 0.1,
            "warmup_steps": 20,
            "alpha": 0.2,
        },
    ),
    (
        "CosineDecay",
        {"initial_learning_rate": 0.01, "decay_steps": 50, "warmup_target": 0.1, "warmup_steps": 0},
    ),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 10}),
    (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 10, "t_mul": 1.5, "m_mul": 0.8},
    ),
    (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 10, "t_mul": 1.0, "m_mul": 0.9, "alpha": 0.05},
    ),
]
OURS = [
    schedules.PowerDecay(0.1, 20, 1.5),
    schedules.ExponentialRange(1e-5, 10.0, 501),
    schedules.LinearDecay(0.15, 100, 0.05),
    schedules.Warmup(schedules.CosineDecay(0.2, 40), 10, 0.01),
    schedules.Warmup(0.2, 10),
    schedules.OneCycle(0.05, 110),
    schedules.OneCycle(0.05, 110, 0.01, 15, 1e-6),
    schedules.OneCycleMomentum(110),
    schedules.FlatCosineDecay(0.3, 100, 0.25),
    schedules.CosineLog(0.3, 100),
]
ALL = [getattr(schedules, name)(**arguments) for name, arguments in KERAS] + OURS
STEPS = np.arange(150)


@pytest.mark.parametrize(("name", "arguments"), KERAS, ids=str)
def test_values_are_those_of_keras(name: str, arguments: dict[str, Any]) -> None:
    theirs = getattr(keras.optimizers.schedules, name)(**arguments)
    # Not compiled as a whole: XLA would multiply by 1 / decay_steps, and Keras's (1 - p) ** 2.5 would be NaN.
    expected = np.asarray(jax.vmap(theirs)(jnp.asarray(STEPS, jnp.int32)))
    ours = getattr(schedules, name)(**arguments)
    agree(ours(STEPS), expected, row=f"schedules/{name}", against="Keras", rtol=2e-6, atol=1e-8)
    assert float(ours(17)) == pytest.approx(expected[17], rel=2e-6)


@pytest.mark.parametrize(("name", "arguments"), KERAS, ids=str)
def test_configurations_are_those_of_keras(name: str, arguments: dict[str, Any]) -> None:
    theirs = getattr(keras.optimizers.schedules, name)(**arguments)
    ours = getattr(schedules, name)(**arguments)
    assert ours.get_config() == theirs.get_config()
    assert schedules.get(keras.optimizers.schedules.serialize(theirs)).get_config() == ours.get_config()


def test_restarts_are_exact_where_keras_misses_them() -> None:
    """At a border the rate is the highest of the new period; Keras finds the period by a float32 logarithm."""
    for growth in (1.0, 2.0, 3.0, 5.0, 7.0, 10.0):
        ours = schedules.CosineDecayRestarts(1.0, 10, growth)
        border = 0.0
        for period in range(5):
            following = border + 10 * growth**period
            assert float(ours(int(border))) == pytest.approx(1.0), (growth, period)
            assert float(ours(int(following) - 1)) < 0.05, (growth, period)
            border = following
    theirs = keras.optimizers.schedules.CosineDecayRestarts(1.0, 10, 7.0)
    assert float(theirs(570)) == 0.0  # were this to fail, the note in our docstring would be out of date


# ---------------------------------------------------------------------------------------- closed forms


def agree_closed(schedule: Any, expected: Any, rtol: float, atol: float = 0.0, steps: Any = STEPS) -> None:
    row = f"schedules/{type(schedule).__name__}"
    agree(schedule(steps), expected, row=row, against="closed form", rtol=rtol, atol=atol)


def test_power() -> None:
    expected = 0.1 / (1 + STEPS / 20) ** 1.5
    agree_closed(schedules.PowerDecay(0.1, 20, 1.5), expected, rtol=2e-6)
    simple = schedules.PowerDecay(0.1, 20)
    np.testing.assert_allclose([simple(0), simple(20), simple(40)], [0.1, 0.05, 0.1 / 3], rtol=1e-6)


def test_exponential_falls_tenfold_by_default() -> None:
    decay = schedules.ExponentialDecay(0.01, 20)
    agree_closed(decay, 0.01 * 0.1 ** (STEPS / 20), rtol=3e-6)


def test_linear() -> None:
    decay = schedules.LinearDecay(0.15, 100, 0.05)
    agree_closed(decay, 0.15 - 0.1 * np.minimum(STEPS, 100) / 100, rtol=2e-6)
    assert float(schedules.LinearDecay(0.15, 100)(100)) == 0.0


def test_flat_cosine() -> None:
    fraction = np.minimum(STEPS / 100, 1)
    expected = np.where(fraction < 0.25, 0.3, 0.15 * (1 + np.cos(np.pi * (fraction - 0.25) / 0.75)))
    agree_closed(schedules.FlatCosineDecay(0.3, 100, 0.25), expected, rtol=2e-6, atol=1e-7)


def test_cosine_log() -> None:
    fraction = np.minimum(STEPS / 100, 1)
    expected = 0.15 * (1 - np.cos(2 * np.pi * np.log2(1 + 15 * fraction)))
    agree_closed(schedules.CosineLog(0.3, 100), expected, rtol=2e-5, atol=1e-6)
    # Each cycle is twice as long as the previous one, and starts at 0.
    np.testing.assert_allclose(schedules.CosineLog(1.0, 7, cycles=3)(np.array([0, 1, 3, 7])), 0, atol=1e-6)


def test_exponential_range() -> None:
    decay = schedules.ExponentialRange(0.2, 0.05, 50)
    delta = (0.05 / 0.2) ** (1 / 49)
    agree_closed(decay, np.maximum(0.2 * delta**STEPS, 0.05), rtol=3e-6)
    sweep = schedules.ExponentialRange(1e-5, 10.0, 501)(np.arange(501))
    np.testing.assert_allclose(sweep[1:] / sweep[:-1], math.exp(math.log(1e6) / 500), rtol=2e-5)
    assert float(sweep[-1]) == pytest.approx(10.0)
    np.testing.assert_allclose(schedules.ExponentialRange(0.1, 0.5, 2)(np.array([0, 1, 2])), [0.1, 0.5, 0.5])


def test_warmup() -> None:
    after = schedules.LinearDecay(0.2, 40)
    warm = schedules.Warmup(after, 10, 0.01)
    rising, then = 0.01 + (0.2 - 0.01) * STEPS / 10, 0.2 * (1 - np.clip((STEPS - 10) / 40, 0, 1))
    agree_closed(warm, np.where(STEPS < 10, rising, then), rtol=2e-6)
    np.testing.assert_allclose(warm(STEPS[10:]), after(STEPS[10:] - 10), rtol=1e-6)
    np.testing.assert_allclose(schedules.Warmup(0.2, 10)(np.array([0, 5, 10, 99])), [0.0, 0.1, 0.2, 0.2])


def interpolate(step: int, x1: float, x2: float, y1: float, y2: float) -> float:
    return y1 + (y2 - y1) * (step - x1) / (x2 - x1)


@pytest.mark.parametrize(
    ("total", "last_steps", "half"),
    # tails of 12, 11, 13, 7, and the shortest cycles there are
    [(110, None, 49), (100, None, 44), (125, None, 56), (60, 7, 26), (3, None, 1), (20, 18, 1), (20, 1, 9)],
)
def test_one_cycle(total: int, last_steps: int | None, half: int) -> None:
    rate = schedules.OneCycle(0.05, total, last_steps=last_steps)
    momentum = rate.momentum_schedule()
    rates, momenta = [], []
    for step in range(total + 20):
        if step < half:
            expected = interpolate(step, 0, half, 0.005, 0.05), interpolate(step, 0, half, 0.95, 0.85)
        elif step < 2 * half:
            expected = (
                interpolate(step, half, 2 * half, 0.05, 0.005),
                interpolate(step, half, 2 * half, 0.85, 0.95),
            )
        else:
            expected = interpolate(min(step, total), 2 * half, total, 0.005, 0.005 / 1000), 0.95
        rates.append(expected[0])
        momenta.append(expected[1])
    steps = np.arange(total + 20)
    agree_closed(rate, rates, rtol=1e-5, atol=1e-10, steps=steps)
    agree_closed(momentum, momenta, rtol=1e-6, steps=steps)
    assert float(rate(total)) == pytest.approx(0.05 / 10000, rel=1e-6)


def test_one_cycle_with_every_number_given() -> None:
    rate = schedules.OneCycle(0.05, 110, 0.01, 10, 1e-6)
    np.testing.assert_allclose(rate(np.array([0, 50, 100, 110])), [0.01, 0.05, 0.01, 1e-6], rtol=1e-5)
    np.testing.assert_allclose(schedules.OneCycleMomentum(110)(np.array([0, 49])), [0.95, 0.85], rtol=1e-6)
    momentum = rate.momentum_schedule(0.9, 0.8)
    np.testing.assert_allclose(momentum(np.array([0, 50, 100, 110])), [0.9, 0.8, 0.9, 0.9], rtol=1e-6)


@given(st.floats(1e-4, 1.0), st.integers(30, 2000))
@settings(deadline=None, max_examples=20)
def test_one_cycle_stays_between_its_ends_and_has_one_top(top: float, total: int) -> None:
    values = np.asarray(schedules.OneCycle(top, total)(np.arange(2000)))[:total]
    assert values.max() <= top * (1 + 1e-5)
    assert values.min() >= top / 10000 * (1 - 1e-3)
    peak = int(values.argmax())
    assert 0.4 < peak / total < 0.5
    assert (np.diff(values[: peak + 1]) > 0).all()
    assert (np.diff(values[peak:]) < 0).all()


# ------------------------------------------------------------------------------------------------ data


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_every_number_is_data(schedule: Any) -> None:
    cells = named_hyperparameters(schedule)
    numbers = [v for v in schedule.get_config().values() if isinstance(v, float | list) and v is not None]
    assert len(cells) >= len(numbers) > 0
    traces = []

    def evaluate(values: Any, step: Any) -> Any:
        traces.append(step)
        with stateless_scope({cells[path]: value for path, value in values.items()}):
            return schedule(step)

    values = {path: jnp.asarray(cell.as_array()) for path, cell in cells.items()}
    compiled = jax.jit(evaluate)
    for step in (0, 3, 40, 149):
        result = compiled(values, jnp.int32(step))
        assert result.dtype == jnp.float32
        assert not result.weak_type
        assert result.shape == ()
        assert float(result) == pytest.approx(float(schedule(step)), rel=1e-5, abs=1e-9)

    # Members with other numbers, all at once, are each what they are alone.
    members = {path: jnp.stack([value, value * 1.25]) for path, value in values.items()}
    together = jax.jit(jax.vmap(evaluate, in_axes=(0, None)))(members, jnp.int32(33))
    assert float(together[0]) == pytest.approx(float(schedule(33)), rel=1e-5)
    alone = compiled({path: value * 1.25 for path, value in values.items()}, jnp.int32(33))
    assert float(together[1]) == pytest.approx(float(alone), rel=1e-5)
    assert len(traces) == 2


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_configurations_round_trip(schedule: Any) -> None:
    written = json.loads(json.dumps(schedules.serialize(schedule)))
    for read in (schedules.deserialize(written), schedules.get(written), _registry.deserialize(written)):
        assert type(read) is type(schedule)
        np.testing.assert_array_equal(read(STEPS), schedule(STEPS))


def test_a_schedule_of_ones_own() -> None:
    class Halving(schedules.LearningRateSchedule):
        hyperparameters = ("initial",)

        def __init__(self, initial: float) -> None:
            self.initial = initial

        def __call__(self, step: Any) -> Any:
            return self.initial * 0.5**step

    halving = schedules.get(Halving(0.5))
    assert float(halving(3)) == 0.0625
    assert halving.get_config() == {"initial": 0.5}
    assert list(named_hyperparameters(halving)) == ["initial"]
    with pytest.raises(NotImplementedError, match="must define __call__"):
        schedules.LearningRateSchedule()(0)


def test_functions_are_schedules_and_other_things_are_not() -> None:
    def function(step: Any) -> Any:
        return 1 / (1 + step)

    assert schedules.get(function) is function
    for value in ("cosine", 3.0, int, None):
        with pytest.raises(InvalidArgument, match="expected a schedule object"):
            schedules.get(value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: schedules.ExponentialDecay(0.1, 0),
            "ExponentialDecay: decay_steps must be a finite number above 0",
        ),
        (lambda: schedules.InverseTimeDecay(0.1, -1, 0.5), "decay_steps must be a finite number above 0"),
        (lambda: schedules.PowerDecay(0.1, 0), "decay_steps must be a finite number above 0"),
        (lambda: schedules.LinearDecay(0.1, 0), "decay_steps must be a finite number above 0"),
        (lambda: schedules.PolynomialDecay(0.1, 0), "decay_steps must be a finite number above 0"),
        (lambda: schedules.CosineDecay(0.1, 0), "decay_steps must be a finite number above 0"),
        (lambda: schedules.CosineDecayRestarts(0.1, 0), "first_decay_steps must be a finite number above 0"),
        (
            lambda: schedules.CosineDecayRestarts(0.1, 5, t_mul=0.5),
            "t_mul must be a finite number of at least 1",
        ),
        (lambda: schedules.Warmup(0.1, 0), "warmup_steps must be a finite number above 0"),
        (
            lambda: schedules.ExponentialRange(0.0, 1.0, 5),
            "initial_learning_rate must be a finite number above 0",
        ),
        (
            lambda: schedules.ExponentialRange(1.0, 0.0, 5),
            "end_learning_rate must be a finite number above 0",
        ),
        (lambda: schedules.ExponentialRange(0.1, 1.0, 1), "steps must be a finite number of at least 2"),
        (
            lambda: schedules.PiecewiseConstantDecay([1, 2], [1.0, 2.0]),
            "the number of values must be 3, one more than the number of boundaries, got 2",
        ),
        (lambda: schedules.PiecewiseConstantDecay([2, 2], [1.0, 2.0, 3.0]), "boundaries must increase"),
        (lambda: schedules.OneCycle(0.1, 0), "total_steps must be a finite number above 0"),
        (lambda: schedules.OneCycle(0.1, 2), "leave no room"),
        (lambda: schedules.OneCycle(0.1, 20, last_steps=19), "leave no room"),
        (lambda: schedules.OneCycle(0.1, 20, last_steps=0), "last_steps must be a finite number above 0"),
    ],
)
def test_arguments_that_cannot_be_honoured(make: Any, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        make()
