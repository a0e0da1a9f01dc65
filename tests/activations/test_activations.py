"""Activations compared with Keras, SciPy and closed forms; their gradients; lookup by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special

import fitwell
from fitwell import _call_context, activations
from fitwell._registry import deserialize
from fitwell.errors import FitwellError, InvalidArgument, UnknownName
from tests.agreement import agree
from tests.finite_differences import check_gradients

POINTS = np.concatenate([np.linspace(-8, 8, 97), [-50, -3, -1, -0.5, 0.0, 0.5, 1, 3, 6, 50]]).astype(
    np.float32
)
ROWS = np.random.default_rng(0).normal(0, 3, (7, 6)).astype(np.float32)

# Name, arguments: everything that Keras 3 has under the same name.
IN_KERAS: list[tuple[str, dict[str, Any]]] = [
    ("linear", {}),
    ("sigmoid", {}),
    ("tanh", {}),
    ("relu", {}),
    ("relu", {"negative_slope": 0.1}),
    ("relu", {"max_value": 2.0}),
    ("relu", {"threshold": 1.0}),
    ("relu", {"negative_slope": 0.1, "max_value": 2.0, "threshold": 1.0}),
    ("relu6", {}),
    ("leaky_relu", {}),
    ("leaky_relu", {"negative_slope": 0.01}),
    ("elu", {}),
    ("elu", {"alpha": 0.5}),
    ("celu", {}),
    ("celu", {"alpha": 2.0}),
    ("selu", {}),
    ("gelu", {}),
    ("gelu", {"approximate": True}),
    ("silu", {}),
    ("swish", {}),
    ("mish", {}),
    ("softplus", {}),
    ("softsign", {}),
    ("exponential", {}),
    ("hard_sigmoid", {}),
    ("hard_silu", {}),
    ("hard_swish", {}),
    ("hard_tanh", {}),
    ("hard_shrink", {}),
    ("soft_shrink", {}),
    ("soft_shrink", {"threshold": 1.5}),
    ("tanh_shrink", {}),
    ("threshold", {"threshold": 1.0, "default_value": -2.0}),
    ("log_sigmoid", {}),
    ("squareplus", {}),
    ("squareplus", {"b": 1}),
    ("sparse_plus", {}),
    ("sparse_sigmoid", {}),
]

# Name, reference in float64, for those with a closed form outside Keras.
CLOSED: list[tuple[str, Callable[[np.ndarray], np.ndarray]]] = [
    ("heaviside", lambda z: np.heaviside(z, 1.0)),
    ("sign", np.sign),
    ("sigmoid", special.expit),
    ("tanh", np.tanh),
    ("relu", lambda z: np.maximum(z, 0)),
    ("relu6", lambda z: np.clip(z, 0, 6)),
    ("leaky_relu", lambda z: np.where(z > 0, z, 0.2 * z)),
    ("elu", lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0)))),
    (
        "selu",
        lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(np.minimum(z, 0))),
    ),
    ("gelu", lambda z: z * special.ndtr(z)),
    ("silu", lambda z: z * special.expit(z)),
    ("mish", lambda z: z * np.tanh(np.logaddexp(0, z))),
    ("softplus", lambda z: np.logaddexp(0, z)),
    ("softsign", lambda z: z / (1 + np.abs(z))),
    ("exponential", np.exp),
    ("hard_sigmoid", lambda z: np.clip(z / 6 + 0.5, 0, 1)),
    ("hard_silu", lambda z: z * np.clip(z / 6 + 0.5, 0, 1)),
]


def row_of(name: str) -> str:
    return f"activations/{activations.get(name).__name__}"


@pytest.mark.parametrize(("name", "arguments"), IN_KERAS)
def test_equals_keras(name: str, arguments: dict[str, Any]) -> None:
    expected = np.asarray(getattr(keras.activations, name)(POINTS, **arguments))
    actual = getattr(activations, name)(POINTS, **arguments)
    agree(actual, expected, row=row_of(name), against="Keras", rtol=2e-6, atol=2e-7)


@pytest.mark.parametrize(("name", "reference"), CLOSED)
def test_equals_closed_form(name: str, reference: Callable[[np.ndarray], np.ndarray]) -> None:
    actual = activations.get(name)(POINTS)
    expected = reference(POINTS.astype(np.float64))
    agree(actual, expected, row=row_of(name), against="closed form in float64", rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("axis", [-1, 0])
def test_those_along_an_axis(axis: int) -> None:
    exact = ROWS.astype(np.float64)
    actual, expected = activations.softmax(ROWS, axis=axis), special.softmax(exact, axis=axis)
    agree(actual, expected, row="activations/softmax", against="SciPy", rtol=1e-5)
    actual, expected = activations.log_softmax(ROWS, axis=axis), special.log_softmax(exact, axis=axis)
    agree(actual, expected, row="activations/log_softmax", against="SciPy", rtol=1e-5, atol=1e-6)
    actual, expected = (lib.activations.glu(ROWS[:6], axis=axis) for lib in (fitwell, keras))
    agree(actual, expected, row="activations/glu", against="Keras", rtol=1e-5)


@pytest.mark.parametrize("axis", [-1, 0])
def test_sparsemax_is_the_nearest_distribution(axis: int) -> None:
    """Against the threshold found by bisection. (Keras 3.15 gives sums of 0 and 1.66 here.)"""
    exact = ROWS.astype(np.float64)
    low, high = exact.min(axis, keepdims=True) - 1, exact.max(axis, keepdims=True)
    for _ in range(60):
        middle = (low + high) / 2
        too_much = np.maximum(exact - middle, 0).sum(axis, keepdims=True) > 1
        low, high = np.where(too_much, middle, low), np.where(too_much, high, middle)
    expected = np.maximum(exact - low, 0)
    actual = activations.sparsemax(ROWS, axis=axis)
    agree(actual, expected, row="activations/sparsemax", against="bisection", rtol=1e-5, atol=1e-6)


@given(hnp.arrays(np.float32, (3, 5), elements=st.floats(-80, 80, width=32)))
def test_probabilities_sum_to_one(z: np.ndarray) -> None:
    for function in (activations.softmax, activations.sparsemax):
        p = np.asarray(function(z))
        assert (p >= 0).all()
        np.testing.assert_allclose(p.sum(-1), 1, rtol=1e-5)
    # Adding a number to all logits of a row changes nothing.
    np.testing.assert_allclose(activations.softmax(z + 7), activations.softmax(z), rtol=2e-4, atol=1e-6)


def test_extreme_inputs_stay_finite() -> None:
    z = np.array([-1e4, -100, 100, 1e4], np.float32)
    assert np.isfinite(activations.softmax(z)).all()
    np.testing.assert_array_equal(activations.softplus(z), [0, 0, 100, 1e4])
    np.testing.assert_array_equal(activations.log_sigmoid(z), [-1e4, -100, 0, 0])
    np.testing.assert_array_equal(activations.sigmoid(z), [0, np.float32(special.expit(-100)) * 0, 1, 1])


SMOOTH = [
    "sigmoid",
    "tanh",
    "softmax",
    "log_softmax",
    "elu",
    "celu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "softplus",
]
SMOOTH += ["softsign", "exponential", "squareplus", "tanh_shrink", "log_sigmoid", "glu", "relu", "leaky_relu"]
SMOOTH += ["hard_sigmoid", "hard_silu", "hard_tanh", "soft_shrink", "hard_shrink", "sparse_plus", "sparsemax"]


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients(name: str) -> None:
    with jax.enable_x64(True):
        check_gradients(activations.get(name), np.random.default_rng(1).normal(0, 2, (4, 6)))


def test_threshold_units_have_no_gradient() -> None:
    for function in (activations.heaviside, activations.sign):
        _, pull = jax.vjp(function, jnp.asarray(POINTS))
        (gradient,) = pull(jnp.ones_like(POINTS))
        np.testing.assert_array_equal(gradient, 0)


def test_gradient_of_relu_at_zero_is_its_slope() -> None:
    assert jax.grad(activations.relu)(0.0) == 0
    assert jax.grad(lambda z: activations.relu(z, negative_slope=0.25))(0.0) == 0.25


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "celu", "soft_shrink", "squareplus"])
def test_settings_may_be_traced(name: str) -> None:
    function = activations.get(name)
    keyword = {"relu": "negative_slope", "leaky_relu": "negative_slope", "soft_shrink": "threshold"}
    keyword = keyword.get(name, "b" if name == "squareplus" else "alpha")
    several = jax.vmap(lambda value: function(POINTS, **{keyword: value}))(jnp.array([0.1, 0.7]))
    for row, value in zip(several, (0.1, 0.7), strict=True):
        np.testing.assert_allclose(row, function(POINTS, **{keyword: value}), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", sorted({name for name, _ in IN_KERAS} - {"linear", "threshold"}))
def test_kinds_of_input(name: str) -> None:
    function = activations.get(name)
    reference = function(np.array([-1.0, 2.0], np.float32))
    assert isinstance(reference, jax.Array)
    for same in ([-1, 2], [-1.0, 2.0], np.array([-1, 2]), jnp.array([-1.0, 2.0]), (-1, 2)):
        np.testing.assert_array_equal(function(same), reference)
    assert function(jnp.ones(3, jnp.bfloat16)).dtype == jnp.bfloat16
    assert function(3).shape == ()


def test_linear_returns_what_came() -> None:
    x = object()
    assert activations.linear(x) is x


# --- logits -------------------------------------------------------------------------------------------------


def test_softmax_and_sigmoid_note_their_logits() -> None:
    z = jnp.asarray(ROWS)
    with _call_context.call_context(_call_context.CallContext()) as call:
        for kind in ("softmax", "sigmoid"):
            output = activations.get(kind)(z)
            assert call.get_cached_logits(output, kind) is z
            assert call.get_cached_logits(output, "sigmoid" if kind == "softmax" else "softmax") is None
        assert call.get_cached_logits(activations.softmax(z, axis=1), "softmax") is z
        assert call.get_cached_logits(activations.softmax(z, axis=0), "softmax") is None


def test_nothing_is_noted_outside_a_call() -> None:
    output = activations.softmax(ROWS)
    assert _call_context.current_call_context().get_cached_logits(output, "softmax") is None


# --- names --------------------------------------------------------------------------------------------------


def test_found_by_name_function_and_config() -> None:
    assert activations.get(None) is activations.linear
    assert activations.get("relu") is activations.relu
    assert activations.get("ReLU") is activations.relu
    assert activations.get("leaky_relu") is activations.get("LeakyReLU")
    assert activations.get(activations.tanh) is activations.tanh
    assert activations.get({"class_name": "function", "config": "gelu"}) is activations.gelu
    assert activations.get({"class_name": "relu", "config": {}}) is activations.relu

    def own(z: Any) -> Any:
        return z

    assert activations.get(own) is own


@pytest.mark.parametrize("name", sorted({name for name, _ in IN_KERAS} | {name for name, _ in CLOSED}))
def test_round_trip(name: str) -> None:
    function = activations.get(name)
    assert activations.deserialize(activations.serialize(function)) is function


def test_words_of_errors() -> None:
    with pytest.raises(UnknownName, match="unknown activation 'rleu'. Did you mean 'relu'?"):
        activations.get("rleu")
    with pytest.raises(InvalidArgument, match="expected a name such as 'relu'"):
        activations.get(3)
    with pytest.raises(InvalidArgument, match=r"glu splits axis -1 into two halves.*\(2, 3\)"):
        activations.glu(np.ones((2, 3)))
    with pytest.raises(FitwellError, match="softmax requires an array with at least one axis"):
        activations.softmax(1.0)


def test_a_layer_is_not_taken_for_the_activation_of_its_name() -> None:
    from fitwell._registry import custom_objects
    from fitwell.layers.base import Layer

    class ReLU(Layer):
        pass

    with custom_objects({"ReLU": ReLU}):
        assert type(deserialize({"class_name": "ReLU", "config": {}})) is ReLU
