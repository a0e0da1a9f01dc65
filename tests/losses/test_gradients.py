"""Gradients of every loss against finite differences in float64, and at the points where formulas break."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fitwell import losses
from tests.finite_differences import check_gradients
from tests.losses.cases import CASES, DATA, OWN

ALL = CASES + OWN


@pytest.mark.parametrize(
    ("name", "arguments", "data"), ALL, ids=[f"{name}-{data}-{len(a)}" for name, a, data in ALL]
)
def test_gradients(name: str, arguments: dict[str, Any], data: str) -> None:
    y_true, y_pred = DATA[data]
    with jax.enable_x64(True):
        loss = getattr(losses, name)(**arguments)
        check_gradients(lambda p: loss(y_true, p), np.asarray(y_pred, np.float64))


@pytest.mark.parametrize("z", [-1e4, -100.0, -1e-3, 0.0, 1e-3, 100.0, 1e4])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_gradient_of_binary_crossentropy_is_exact_everywhere(z: float, label: float) -> None:
    gradient = jax.grad(
        lambda z: losses.BinaryCrossentropy(from_logits=True)(jnp.array([[label]]), z[None, None])
    )(z)
    assert float(gradient) == pytest.approx(float(jax.nn.sigmoid(z)) - label, abs=1e-7)


@pytest.mark.parametrize("spread", [0.0, 1.0, 50.0, 1e4])
def test_gradient_of_categorical_crossentropies(spread: float) -> None:
    """softmax(z) - y, also where a probability rounds to 0 or 1."""
    z = jnp.array([[spread, 0.0, -spread], [0.0, spread, spread]])
    y = np.eye(3, dtype=np.float32)[[2, 0]]
    expected = (jax.nn.softmax(z) - y) / 2
    for loss, target in (
        (losses.CategoricalCrossentropy(from_logits=True), y),
        (losses.SparseCategoricalCrossentropy(from_logits=True), [2, 0]),
    ):
        np.testing.assert_allclose(jax.grad(lambda z: loss(target, z))(z), expected, atol=1e-6)  # noqa: B023
        assert np.isfinite(loss(target, z))


@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0, 1e3])
def test_per_class_form_is_exact_from_logits(spread: float) -> None:
    """Against float64, where float32 probabilities have rounded to 0 and 1."""
    z = np.array([[spread, 0.0, -1.0], [0.0, spread, spread]])
    y = np.eye(3)[[2, 1]]
    value, gradient = jax.value_and_grad(lambda z: losses.per_class_crossentropy(y, z, True).sum())(
        jnp.asarray(z, jnp.float32)
    )
    # log(1 - p_k) from the other classes, term by term.
    total = np.logaddexp.reduce(z, axis=-1, keepdims=True)
    others = np.stack([np.logaddexp.reduce(np.delete(z, k, axis=-1), axis=-1) for k in range(3)], axis=-1)
    expected = -(y * (z - total) + (1 - y) * (others - total)).sum()
    assert float(value) == pytest.approx(expected, rel=1e-5, abs=1e-5)
    with jax.enable_x64(True):
        precise = jax.grad(lambda z: losses.per_class_crossentropy(y, z, True).sum())(jnp.asarray(z))
    np.testing.assert_allclose(gradient, precise, rtol=1e-4, atol=1e-5)


def test_gradients_of_zero_vectors_and_errors_are_finite() -> None:
    zeros = np.zeros((2, 3), np.float32)
    for name in ("CosineSimilarity", "Huber", "LogCosh", "MeanAbsoluteError", "MeanSquaredLogarithmicError"):
        gradient = jax.grad(lambda p: getattr(losses, name)()(zeros, p))(jnp.asarray(zeros))  # noqa: B023
        assert np.isfinite(gradient).all(), name


def test_perceptron_moves_from_zero_weights() -> None:
    """Its first step is the perceptron's: w += η y x."""
    x, y = np.array([[1.0, 2.0]]), np.array([[1.0]])
    gradient = jax.grad(lambda w: losses.PerceptronLoss()(y, x @ w))(jnp.zeros((2, 1)))
    np.testing.assert_allclose(gradient, [[-1.0], [-2.0]])


def test_gradient_through_an_ignored_row_is_zero() -> None:
    gradient = jax.grad(lambda z: losses.SparseCategoricalCrossentropy(True, ignore_class=-1)([0, -1], z))(
        jnp.array([[1.0, 2.0], [3.0, 4.0]])
    )
    np.testing.assert_array_equal(gradient[1], 0)
    expected = jax.grad(lambda z: losses.SparseCategoricalCrossentropy(True)([0], z))(jnp.array([[1.0, 2.0]]))
    np.testing.assert_allclose(gradient[:1], expected, rtol=1e-6)
