"""The comparison of gradients with finite differences detects wrong gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.finite_differences import check_gradients

X = np.random.default_rng(0).normal(size=(3, 4))


@jax.custom_vjp
def other_value_under_differentiation(x: Any) -> Any:
    return jnp.sin(x)


other_value_under_differentiation.defvjp(
    lambda x: (jnp.sin(x) + 1, jnp.cos(x)), lambda slope, tangent: (slope * tangent,)
)


def test_gradients_of_every_argument_are_returned() -> None:
    with jax.enable_x64(True):
        gradients = check_gradients(lambda x, weights: jnp.tanh(x @ weights[0]), X, [np.eye(4)])
        assert gradients[0].shape == (3, 4) and gradients[1][0].shape == (4, 4)


@pytest.mark.parametrize(
    "broken",
    [
        lambda x: x * jax.lax.stop_gradient(x),
        lambda x: jnp.sin(x.astype(jnp.float32)),
        lambda x: jnp.sin(x.astype(jnp.float32)).astype(jnp.float64),
        other_value_under_differentiation,
    ],
    ids=["a part is missing", "single precision", "single precision inside", "another value"],
)
def test_wrong_gradients_are_noticed(broken: Callable[[Any], Any]) -> None:
    with jax.enable_x64(True), pytest.raises(AssertionError):
        check_gradients(broken, X)
