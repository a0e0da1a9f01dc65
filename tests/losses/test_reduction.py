"""Rows: padding rows change nothing, weights and shapes are matched or refused, settings are data."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwell import losses
from fitwell._call_context import CallContext, call_context
from fitwell._variables import named_hyperparameters, stateless_scope
from fitwell.errors import ShapeError
from tests.losses.cases import CASES, DATA, OWN, ROWS, labels, one_hot, probabilities, real

ALL = CASES + OWN
# A mean over the rows themselves cannot leave rows out.
BY_ROW = [case for case in ALL if case[1].get("axis") != 0]


def padded(array: np.ndarray, filler: float) -> np.ndarray:
    tail = np.full((3, *array.shape[1:]), filler, array.dtype)
    return np.concatenate([array, tail])


@pytest.mark.parametrize(
    ("name", "arguments", "data"), BY_ROW, ids=[f"{c[0]}-{c[2]}-{len(c[1])}" for c in BY_ROW]
)
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize("weighted", [False, True])
def test_padding_changes_nothing(
    name: str, arguments: dict[str, Any], data: str, reduction: str, weighted: bool
) -> None:
    y_true, y_pred = DATA[data]
    loss = getattr(losses, name)(**arguments, reduction=reduction)
    weights = np.linspace(0, 2, ROWS).astype(np.float32) if weighted else None
    expected = loss(y_true, y_pred, sample_weight=weights)
    rows = jnp.asarray([1.0] * ROWS + [0.0] * 3)
    with call_context(CallContext(sample_mask=rows)):
        # Copies of a real row, as an engine would pad, and garbage.
        for filler_true, filler_pred in ((0.0, 0.5), (0.0, np.nan)):
            given_weights = None if weights is None else padded(weights, 5.0)
            actual = loss(
                padded(y_true, filler_true), padded(y_pred, filler_pred), sample_weight=given_weights
            )
            np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "arguments", "data"), BY_ROW, ids=[f"{c[0]}-{c[2]}-{len(c[1])}" for c in BY_ROW]
)
def test_steps_of_a_sequence_are_rows(name: str, arguments: dict[str, Any], data: str) -> None:
    """``[batch, steps, ...]`` gives ``[batch, steps]``: the values of ``[batch * steps, ...]``."""
    y_true, y_pred = DATA[data]
    loss = getattr(losses, name)(**arguments)
    expected = np.asarray(loss.unreduced(y_true, y_pred)).reshape(2, ROWS // 2)
    folded = [array.reshape(2, ROWS // 2, *array.shape[1:]) for array in (y_true, y_pred)]
    np.testing.assert_allclose(loss.unreduced(*folded), expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(loss(*folded), loss(y_true, y_pred), rtol=1e-6)


def test_gradient_of_padding_is_zero() -> None:
    loss = losses.SparseCategoricalCrossentropy()
    with call_context(CallContext(sample_mask=jnp.array([1.0] * ROWS + [0.0] * 3))):
        gradient = jax.grad(lambda p: loss(padded(labels, 0), p))(jnp.asarray(padded(probabilities, 0.2)))
    np.testing.assert_array_equal(gradient[ROWS:], 0)
    expected = jax.grad(lambda p: loss(labels, p))(jnp.asarray(probabilities))
    np.testing.assert_allclose(gradient[:ROWS], expected, rtol=1e-6)


def test_a_batch_of_padding_only_is_zero() -> None:
    with call_context(CallContext(sample_mask=jnp.zeros(ROWS))):
        assert float(losses.MeanSquaredError()(*real)) == 0
        assert float(losses.MeanSquaredError(reduction="mean_with_sample_weight")(*real, np.ones(ROWS))) == 0


# Few different shapes: JAX compiles for each.
@given(st.integers(1, 6), st.sampled_from([1, 3]), st.integers(0, 10**6))
def test_padding_of_any_size(rows: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y_true, y_pred = rng.normal(size=(2, 6, width)).astype(np.float32)
    expected = np.mean((y_true[:rows] - y_pred[:rows]) ** 2)
    with call_context(CallContext(sample_mask=jnp.asarray([1.0] * rows + [0.0] * (6 - rows)))):
        np.testing.assert_allclose(losses.MeanSquaredError()(y_true, y_pred), expected, rtol=1e-5)


@given(st.lists(st.integers(0, 10), min_size=6, max_size=6))
def test_integer_weights_repeat_rows(counts: list[int]) -> None:
    """A weight of 2 counts like the row given twice, in the sum."""
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.normal(size=(2, len(counts), 3)).astype(np.float32)
    loss = losses.MeanAbsoluteError(reduction="sum")
    repeated = np.repeat(np.abs(y_true - y_pred).mean(axis=1), counts).sum()
    np.testing.assert_allclose(loss(y_true, y_pred, np.array(counts)), repeated, rtol=1e-5, atol=1e-6)


def test_sequences() -> None:
    """Values [batch, steps]: weights by row or by step, padding by row."""
    rng = np.random.default_rng(1)
    y_true, y_pred = rng.normal(size=(2, 4, 5, 3)).astype(np.float32)
    values = ((y_true - y_pred) ** 2).mean(-1)
    loss = losses.MeanSquaredError()
    assert loss.unreduced(y_true, y_pred).shape == (4, 5)
    assert float(loss(y_true, y_pred)) == pytest.approx(values.mean(), rel=1e-5)
    by_row, by_step = rng.random(4).astype(np.float32), rng.random((4, 5)).astype(np.float32)
    assert float(loss(y_true, y_pred, by_row)) == pytest.approx((values * by_row[:, None]).mean(), rel=1e-5)
    assert float(loss(y_true, y_pred, by_step)) == pytest.approx((values * by_step).mean(), rel=1e-5)
    mean = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    expected = (values * by_row[:, None]).sum() / (by_row.sum() * 5)
    assert float(mean(y_true, y_pred, by_row)) == pytest.approx(expected, rel=1e-5)
    with call_context(CallContext(sample_mask=jnp.array([1.0, 1, 0, 0]))):
        assert float(loss(y_true, y_pred)) == pytest.approx(values[:2].mean(), rel=1e-5)
    square = losses.MeanSquaredError()
    # A square [4, 4] with weights [4]: by row, not by step.
    expected = (values[:, :4] * by_row[:, None]).mean()
    assert float(square(y_true[:, :4], y_pred[:, :4], by_row)) == pytest.approx(expected, rel=1e-5)


# --- shapes -------------------------------------------------------------------------------------------------

ELEMENTWISE = [
    "MeanSquaredError",
    "MeanAbsoluteError",
    "Huber",
    "LogCosh",
    "Poisson",
    "Hinge",
    "BinaryCrossentropy",
]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_column_and_vector_are_aligned(name: str) -> None:
    y = np.array([0.0, 1.0, 1.0, 0.0], np.float32)
    p = np.array([0.2, 0.9, 0.4, 0.3], np.float32)
    loss = getattr(losses, name)()
    expected = float(loss(y[:, None], p[:, None]))
    for true in (y, y[:, None], y.astype(int), y.astype(bool), y.tolist()):
        for pred in (p, p[:, None]):
            assert float(loss(true, pred)) == pytest.approx(expected, rel=1e-6)
            assert loss.unreduced(true, pred).shape == (4,)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_last_axis_too_many_is_taken_off_sequences(name: str) -> None:
    """``[batch, steps, 1]`` against ``[batch, steps]``, in both orders."""
    p = np.linspace(0.1, 0.9, 6, dtype=np.float32).reshape(2, 3)
    y = (p > 0.4).astype(np.float32)
    loss = getattr(losses, name)()
    expected = loss.unreduced(y, p)
    np.testing.assert_allclose(loss.unreduced(y[..., None], p), expected, rtol=1e-6)
    np.testing.assert_allclose(loss.unreduced(y, p[..., None]), expected, rtol=1e-6)


def test_class_numbers_of_any_kind() -> None:
    expected = losses.sparse_categorical_crossentropy(labels, probabilities)
    for kind in ("int8", "uint8", "int32", "int64", "float32", "float64"):
        for shape in ((ROWS,), (ROWS, 1)):
            given_labels = labels.astype(kind).reshape(shape)
            np.testing.assert_array_equal(
                losses.sparse_categorical_crossentropy(given_labels, probabilities), expected
            )
    # float16 holds integers up to 2048 only; the class number must not pass through it.
    wide = np.zeros((1, 4000), np.float16)
    wide[0, 3001] = 10
    value = losses.SparseCategoricalCrossentropy(from_logits=True)([3001], wide)
    assert float(value) == pytest.approx(np.log(np.exp(10) + 3999) - 10, rel=1e-3)
    for loss in (losses.SparseCategoricalCrossentropy, losses.CategoricalGeneralizedCrossEntropy):
        assert float(loss(dtype="float16")([3001], wide / 10)) < 0.01
        # A vector of predictions is one row of classes.
        assert float(loss()([2], [0.1, 0.2, 0.7])) == pytest.approx(float(loss()([2], [[0.1, 0.2, 0.7]])))


@pytest.mark.parametrize("axis", [1, -2])
def test_classes_on_another_axis(axis: int) -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(4), (3, 2)).astype(np.float32)  # [batch, steps, classes]
    y = rng.integers(0, 4, (3, 2))
    turned = np.swapaxes(p, 1, 2)
    expected = losses.sparse_categorical_crossentropy(y, p)
    np.testing.assert_allclose(
        losses.sparse_categorical_crossentropy(y, turned, axis=axis), expected, rtol=1e-6
    )
    one = np.swapaxes(np.eye(4, dtype=np.float32)[y], 1, 2)
    np.testing.assert_allclose(losses.categorical_crossentropy(one, turned, axis=axis), expected, rtol=1e-6)


def test_an_unknown_class_is_seen() -> None:
    for wrong in (5, -1):
        values = losses.sparse_categorical_crossentropy([wrong, 0], probabilities[:2])
        assert np.isnan(values[0])
        assert np.isfinite(values[1])


def test_words_of_shape_errors() -> None:
    with pytest.raises(
        ShapeError, match=r"mean_squared_error: targets of shape \(2,\) .* \(2, 3\).*sparse_categ"
    ):
        losses.MeanSquaredError()([1.0, 2.0], np.ones((2, 3)))
    with pytest.raises(
        ShapeError, match=r"targets of shape \(2, 1\) do not match predictions of shape \(2, 3\)"
    ):
        losses.MeanSquaredError()(np.ones((2, 1)), np.ones((2, 3)))
    for shape in ((2, 4), (2, 4, 1)):
        with pytest.raises(ShapeError, match="use sparse_categorical_crossentropy. Otherwise"):
            losses.mean_squared_error(np.ones(shape), np.ones((2, 4, 3)))
    with pytest.raises(ShapeError, match=r"\(2, 4\) do not match .* \(2, 3\).*one unit for each target"):
        losses.mean_absolute_error(np.ones((2, 4)), np.ones((2, 3)))
    with pytest.raises(
        ShapeError, match=r"targets of shape \(3, 1\) do not match predictions of shape \(2, 1\)"
    ):
        losses.huber(np.ones((3, 1)), np.ones((2, 1)))
    with pytest.raises(
        ShapeError, match=r"expected class indices of shape \(8,\).*Use categorical_crossentropy for one-hot"
    ):
        losses.SparseCategoricalCrossentropy()(one_hot, probabilities)
    with pytest.raises(ShapeError, match="Use binary_crossentropy for a single output"):
        losses.SparseCategoricalCrossentropy()(np.zeros((4, 2)), np.ones((4, 1)))
    with pytest.raises(ShapeError, match="categorical_crossentropy: .*use sparse_categorical_crossentropy"):
        losses.CategoricalCrossentropy()(labels, probabilities)
    with pytest.raises(
        ShapeError, match=r"sample weights of shape \(5,\) do not match loss values of shape \(8,\)"
    ):
        losses.MeanSquaredError()(*real, sample_weight=np.ones(5))
    with (
        pytest.raises(ShapeError, match=r"mask values of shape \(5,\)"),
        call_context(CallContext(sample_mask=jnp.ones(5))),
    ):
        losses.MeanSquaredError()(*real)
    with pytest.warns(
        SyntaxWarning, match="categorical_crossentropy is always 0 if the last layer has a single unit"
    ):
        losses.CategoricalCrossentropy()(np.ones((2, 1)), np.ones((2, 1)))


# --- a user's own -------------------------------------------------------------------------------------------


class HuberLoss(losses.Loss):
    """As in the books."""

    def __init__(self, threshold: float = 1.0, **kwargs: Any) -> None:
        self.threshold = threshold
        super().__init__(**kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        error = y_true - y_pred
        small = jnp.abs(error) < self.threshold
        return jnp.where(small, error**2 / 2, self.threshold * jnp.abs(error) - self.threshold**2 / 2)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "threshold": self.threshold}


def test_a_users_class() -> None:
    y, p = np.array([0, 1, 5]), np.array([[0.5], [3.0], [5.0]], np.float32)
    loss = HuberLoss(1.0)
    assert loss.name == "huber_loss"
    assert float(loss(y, p)) == pytest.approx((0.125 + 1.5 + 0) / 3)  # not broadcast to [3, 3]
    with call_context(CallContext(sample_mask=jnp.array([1.0, 1, 0]))):
        assert float(loss(y, p)) == pytest.approx((0.125 + 1.5) / 2)
    assert loss.get_config() == {"name": "huber_loss", "reduction": "sum_over_batch_size", "threshold": 1.0}
    assert HuberLoss.from_config(loss.get_config()).threshold == 1.0


def test_a_users_function() -> None:
    def by_row(y_true: Any, y_pred: Any) -> Any:
        return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)

    def at_once(y_true: Any, y_pred: Any) -> Any:
        return jnp.mean(jnp.abs(y_true - y_pred))

    y, p = np.array([0, 1, 5]), np.array([[0.5], [3.0], [5.0]], np.float32)
    for function in (by_row, at_once):
        loss = losses.get(function)
        assert loss.name == function.__name__
        assert float(loss(y, p)) == pytest.approx(2.5 / 3)
    assert losses.get(by_row).unreduced(y, p).shape == (3,)
    with pytest.raises(ShapeError, match=r"at_once returned one number for the whole batch.*axis=-1"):
        losses.get(at_once)(y, p, sample_weight=np.ones(3))
    with (
        pytest.raises(ShapeError, match="at_once returned one number"),
        call_context(CallContext(sample_mask=jnp.ones(3))),
    ):
        losses.get(at_once)(y, p)
    assert losses.get(lambda y, p: jnp.abs(y - p)).name == "lambda"
    scaled = losses.LossFunctionWrapper(lambda y, p, scale: scale * jnp.abs(y - p), scale=2.0)
    assert float(scaled(y, p)) == pytest.approx(5.0 / 3)


# --- settings as data ---------------------------------------------------------------------------------------

SETTINGS = [
    case
    for case in CASES
    if getattr(losses, case[0]).hyperparameters and case[1].get("alpha") != [0.1, 0.2, 0.3, 0.4, 0.5]
]


@pytest.mark.parametrize(
    ("name", "arguments", "data"), SETTINGS, ids=[f"{c[0]}-{c[2]}-{len(c[1])}" for c in SETTINGS]
)
def test_settings_are_data(name: str, arguments: dict[str, Any], data: str) -> None:
    """One program, mapped over the settings, gives what each setting gives alone."""
    y_true, y_pred = DATA[data]
    loss = getattr(losses, name)(**arguments)
    cells = dict(named_hyperparameters(loss))
    assert list(cells) == sorted(loss.hyperparameters, key=list(cells).index)

    def call(values: Any) -> Any:
        with stateless_scope(dict(zip(cells.values(), values, strict=True))):
            return loss(y_true, y_pred)

    together = jax.jit(jax.vmap(call, in_axes=([0] * len(cells),)))([jnp.array([0.1, 0.4])] * len(cells))
    for index, value in enumerate((0.1, 0.4)):
        alone = type(loss)(**{**arguments, **dict.fromkeys(cells, value)})
        np.testing.assert_allclose(together[index], alone(y_true, y_pred), rtol=2e-6)


def test_types() -> None:
    assert losses.MeanSquaredError()(jnp.ones((2, 1)), jnp.ones((2, 1), jnp.bfloat16)).dtype == jnp.float32
    assert losses.MeanSquaredError(dtype="bfloat16")(*real).dtype == jnp.bfloat16
    assert losses.mean_squared_error(jnp.ones((2, 1)), jnp.ones((2, 1), jnp.bfloat16)).dtype == jnp.bfloat16
    assert losses.MeanSquaredError()([1], [2]).dtype == jnp.float32
    with jax.enable_x64(True):
        assert losses.Huber()(jnp.ones((2, 1)), jnp.ones((2, 1))).dtype == jnp.float64
        assert losses.Huber()(np.ones((2, 1)), jnp.ones((2, 1), jnp.float32)).dtype == jnp.float32
