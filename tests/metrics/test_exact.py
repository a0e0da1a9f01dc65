"""Metrics are exact over the epoch, for any batches, padding and length, inside and outside of jit."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitwell import metrics
from fitwell._variables import named_hyperparameters, stateless_scope
from tests.metrics.cases import CASES, DATA, OWN, ROWS, names_of, weights

ALL = CASES + OWN


def pure(metric: Any, *shapes: tuple[int, ...]) -> Any:
    """Return ``update(state, y_true, y_pred, weights) -> state`` as an engine makes it."""
    if shapes:
        metric.build(*shapes)

    def update(state: list[Any], *batch: Any) -> list[Any]:
        with stateless_scope(dict(zip(metric.variables, state, strict=True))) as bound:
            metric.update_state(*batch)
            return [bound[variable] for variable in metric.variables]

    return update


def zeros(metric: Any) -> list[Any]:
    return [jnp.zeros(variable.shape, variable.dtype) for variable in metric.variables]


def result(metric: Any, state: list[Any]) -> np.ndarray:
    with stateless_scope(dict(zip(metric.variables, state, strict=True))):
        return np.asarray(metric.result())


@pytest.mark.parametrize(("name", "arguments", "data"), ALL, ids=names_of(ALL))
def test_padded_batches_in_a_compiled_scan_equal_one_call(
    name: str, arguments: dict[str, Any], data: str
) -> None:
    """The engine's way: batches of 32, the last padded with garbage of weight 0."""
    y_true, y_pred = DATA[data]
    whole = getattr(metrics, name)(**arguments)
    at_once = jax.jit(pure(whole, y_true.shape, y_pred.shape))
    expected = result(whole, at_once(zeros(whole), y_true, y_pred, weights))

    size, count = 32, math.ceil(ROWS / 32)
    extra = count * size - ROWS

    def batched(array: np.ndarray, filler: float) -> Any:
        tail = np.full((extra, *array.shape[1:]), filler, array.dtype)
        return jnp.asarray(np.concatenate([array, tail]).reshape(count, size, *array.shape[1:]))

    batches = (
        batched(y_true, 0),
        batched(y_pred, 0 if y_pred.dtype.kind == "i" else np.nan),
        batched(weights, 0),
    )
    metric = getattr(metrics, name)(**arguments)
    update = pure(metric, (None, *y_true.shape[1:]), (None, *y_pred.shape[1:]))
    run = jax.jit(lambda state: jax.lax.scan(lambda s, b: (update(s, *b), None), state, batches)[0])
    actual = result(metric, run(zeros(metric)))
    np.testing.assert_allclose(actual, expected, rtol=2e-6, atol=1e-6)
    # The metric's own variables were only stood in for.
    assert all((variable.numpy() == 0).all() for variable in metric.variables)


def test_sums_do_not_stop_at_2_to_the_24() -> None:
    """A float32 count stays at 16,777,216 when 1 is added; a metric continues, also in compiled loops."""
    metric = metrics.Mean()
    update = pure(metric)
    run = jax.jit(
        lambda state: jax.lax.scan(
            lambda s, _: (update(s, jnp.float32(3.0), jnp.float32(1.0)), None), state, length=1001
        )[0]
    )
    start = update(zeros(metric), jnp.float32(1.0), jnp.float32(2.0**24))
    state = run(start)
    count = np.float64(state[2]) + np.float64(state[3])
    assert count == 2**24 + 1001
    total = np.float64(state[0]) + np.float64(state[1])
    assert total == 2**24 + 3003
    assert float(result(metric, state)) == pytest.approx((2**24 + 3003) / (2**24 + 1001), rel=2e-7)


def test_sums_of_many_batches_are_those_of_float64() -> None:
    values = np.random.default_rng(0).gamma(0.3, 100, 200_000).astype(np.float32)
    metric = metrics.Sum()
    update = pure(metric)
    state = jax.jit(lambda s: jax.lax.scan(lambda s, v: (update(s, v), None), s, jnp.asarray(values))[0])(
        zeros(metric)
    )
    exact = math.fsum(values.astype(np.float64))
    plain = np.float64(np.cumsum(values, dtype=np.float32)[-1])
    assert abs(np.float64(result(metric, state)) - exact) <= np.spacing(np.float32(exact))
    assert abs(plain - exact) > 100 * np.spacing(np.float32(exact))


def test_counts_of_decisions_are_exact_too() -> None:
    metric = metrics.TruePositives()
    update = pure(metric)
    start = update(zeros(metric), jnp.ones(1), jnp.ones(1), jnp.full(1, 2.0**24))
    run = jax.jit(
        lambda s: jax.lax.scan(lambda s, _: (update(s, jnp.ones(1), jnp.ones(1)), None), s, length=999)[0]
    )
    state = run(start)
    assert np.float64(state[0][0]) + np.float64(state[1][0]) == 2**24 + 999


# Few different sizes: JAX compiles for each.
@settings(max_examples=25)
@given(st.permutations([1, 1, 2, 5, 11]), st.integers(0, 1000))
def test_any_cut_gives_the_same(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    y_true, y_pred = rng.normal(size=(2, sum(sizes), 2)).astype(np.float32)
    for name in ("MeanSquaredError", "R2Score"):
        once, cut = getattr(metrics, name)(), getattr(metrics, name)()
        once.update_state(y_true, y_pred)
        for stop, size in zip(np.cumsum(sizes), sizes, strict=True):
            cut.update_state(y_true[stop - size : stop], y_pred[stop - size : stop])
        np.testing.assert_allclose(cut.result(), once.result(), rtol=1e-4, atol=1e-5)


def test_not_a_mean_of_batch_means() -> None:
    metric = metrics.MeanAbsoluteError()
    metric.update_state(np.zeros((3, 1)), np.ones((3, 1)))
    metric.update_state(np.zeros((1, 1)), np.full((1, 1), 5.0))
    assert float(metric.result()) == 2.0
    metric = metrics.RootMeanSquaredError()
    metric.update_state(np.zeros((3, 1)), np.ones((3, 1)))
    metric.update_state(np.zeros((1, 1)), np.full((1, 1), 5.0))
    assert float(metric.result()) == pytest.approx(math.sqrt(28 / 4))


def test_an_infinite_error_is_reported_as_such() -> None:
    metric = metrics.MeanSquaredError()
    metric.update_state(np.zeros((2, 1)), np.full((2, 1), 1e30))
    metric.update_state(np.zeros((2, 1)), np.zeros((2, 1)))
    assert np.isposinf(metric.result())
    metric.update_state(np.zeros((1, 1)), np.full((1, 1), np.nan))
    assert np.isnan(metric.result())


def test_ignored_classes_do_not_count() -> None:
    y, p = DATA["sparse"]
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=2)
    metric.update_state(y, p, sample_weight=weights)
    kept = metrics.SparseCategoricalCrossentropy()
    kept.update_state(y[y != 2], p[y != 2], sample_weight=weights[y != 2])
    np.testing.assert_allclose(metric.result(), kept.result(), rtol=1e-6)


def test_reset() -> None:
    for name, arguments, data in ALL:
        metric = getattr(metrics, name)(**arguments)
        metric.update_state(*DATA[data])
        assert any(variable.numpy().any() for variable in metric.variables)
        metric.reset_state()
        assert not any(variable.numpy().any() for variable in metric.variables)


def test_settings_are_data() -> None:
    y, p = DATA["binary"]
    metric = metrics.BinaryAccuracy()
    ((name, cell),) = named_hyperparameters(metric).items()
    assert name == "threshold"
    update = pure(metric)

    def call(threshold: Any) -> Any:
        with stateless_scope({cell: threshold}):
            return update(zeros(metric), y, p)

    states = jax.jit(jax.vmap(call))(jnp.array([0.2, 0.6]))
    for index, threshold in enumerate((0.2, 0.6)):
        alone = metrics.BinaryAccuracy(threshold=threshold)(y, p)
        assert float(result(metric, [value[index] for value in states])) == pytest.approx(float(alone))
    assert "beta" in dict(named_hyperparameters(metrics.FBetaScore(beta=2.0)))


def test_sixteen_bits_are_not_summed_in_sixteen_bits() -> None:
    metric = metrics.Mean(dtype="bfloat16")
    for _ in range(10):
        metric.update_state(jnp.ones(100, jnp.bfloat16))
    assert float(metric.count) == 1000
    with jax.enable_x64(True):
        assert metrics.Mean(dtype="float64")(np.float64(1 / 3)).dtype == jnp.float64
