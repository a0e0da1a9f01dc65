"""Cross-entropies after a softmax or sigmoid are computed from the logits, also if the output is reshaped or cast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fitwell import activations, losses
from fitwell._call_context import CallContext, call_context

# Probabilities that float32 rounds to 0 and 1: clipping would give log(1e-7) = -16.1 and no gradient at all.
EXTREME = jnp.array([[200.0, 0.0, -200.0], [-300.0, 0.0, 5.0]])
LABELS = np.array([2, 0])
ONE_HOT = np.eye(3, dtype=np.float32)[LABELS]

SOFTMAX: list[tuple[str, dict[str, Any], np.ndarray]] = [
    ("SparseCategoricalCrossentropy", {}, LABELS),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, LABELS),
    ("CategoricalCrossentropy", {}, ONE_HOT),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, ONE_HOT),
    ("CategoricalCrossentropy", {"axis": 1}, ONE_HOT),
    ("CategoricalFocalCrossentropy", {}, ONE_HOT),
    ("PerClassCrossentropy", {}, ONE_HOT),
]
SIGMOID: list[tuple[str, dict[str, Any], np.ndarray]] = [
    ("BinaryCrossentropy", {}, ONE_HOT),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, ONE_HOT),
    ("BinaryFocalCrossentropy", {}, ONE_HOT),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True}, ONE_HOT),
]


def through(activation: Callable[[Any], Any], loss: losses.Loss, target: Any) -> tuple[float, np.ndarray]:
    """Return value and gradient of the loss of ``activation(EXTREME)`` inside a call."""

    def run(z: Any) -> Any:
        with call_context(CallContext()):
            return loss(target, activation(z))

    value, gradient = jax.jit(jax.value_and_grad(run))(EXTREME)
    return float(value), np.asarray(gradient)


@pytest.mark.parametrize(
    ("name", "arguments", "target", "activation"),
    [(*case, activations.softmax) for case in SOFTMAX] + [(*case, activations.sigmoid) for case in SIGMOID],
)
def test_the_logits_are_used(name: str, arguments: dict[str, Any], target: Any, activation: Any) -> None:
    loss = getattr(losses, name)(**arguments)
    told = getattr(losses, name)(**arguments, from_logits=True)
    value, gradient = through(activation, loss, target)
    expected, expected_gradient = through(activations.linear, told, target)
    assert value == pytest.approx(expected, rel=1e-6)
    assert value > 20  # not clipped
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-6)
    assert np.abs(gradient).max() > 0.05


def test_outside_a_call_probabilities_are_clipped_as_in_keras() -> None:
    value = float(losses.SparseCategoricalCrossentropy()(LABELS, activations.softmax(EXTREME)))
    assert value == pytest.approx(-np.log(1e-7), rel=1e-4)
    value = float(losses.BinaryCrossentropy()([[0.0]], [[1.0]]))
    assert value == pytest.approx(-np.log(1 - np.float32(1 - 1e-7)), rel=1e-4)


def test_kinds_are_not_confused() -> None:
    """A sigmoid output is not the softmax of its logits."""
    z = jnp.array([[1.0, 2.0, 3.0]])
    with call_context(CallContext()):
        inside = losses.CategoricalCrossentropy()(ONE_HOT[:1], activations.sigmoid(z))
    assert float(inside) == pytest.approx(
        float(losses.CategoricalCrossentropy()(ONE_HOT[:1], activations.sigmoid(z)))
    )


@pytest.mark.parametrize("shapes", [((4,), (4, 1)), ((4, 1), (4,)), ((4, 2), (4, 2, 1)), ((4,), (4,))])
def test_logits_survive_alignment(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    true_shape, pred_shape = shapes
    z = jnp.linspace(-300, 300, int(np.prod(pred_shape))).reshape(pred_shape)
    y = (np.arange(int(np.prod(true_shape))).reshape(true_shape) % 2).astype(np.float32)
    with call_context(CallContext()):
        inside = losses.BinaryCrossentropy()(y, activations.sigmoid(z))
    assert float(inside) == pytest.approx(float(losses.BinaryCrossentropy(from_logits=True)(y, z)), rel=1e-6)
    assert float(inside) > 40


def test_logits_survive_a_cast() -> None:
    z = jnp.array([[30.0, 0.0]], jnp.bfloat16)
    with call_context(CallContext()):
        value = losses.SparseCategoricalCrossentropy()([1], activations.softmax(z))
    assert value.dtype == jnp.float32
    assert float(value) == pytest.approx(30.0, rel=1e-3)


def test_functions_use_them_too() -> None:
    """Also inside a user's own loss."""

    def own(y_true: Any, y_pred: Any) -> Any:
        return losses.sparse_categorical_crossentropy(y_true, y_pred)

    with call_context(CallContext()):
        assert float(losses.get(own)(LABELS, activations.softmax(EXTREME))) == pytest.approx(352.5, rel=1e-3)


def test_saying_from_logits_behind_a_softmax_warns() -> None:
    with call_context(CallContext()):
        p = activations.softmax(EXTREME)
        with pytest.warns(UserWarning, match="from_logits=True, but the model ends in a softmax"):
            value = losses.SparseCategoricalCrossentropy(from_logits=True)(LABELS, p)
    assert float(value) == pytest.approx(352.5, rel=1e-3)
