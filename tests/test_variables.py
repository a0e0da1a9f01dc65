"""A variable acts as its value in every formula."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fitwell._variables import Variable, same_variables, stateless_scope

OPERATORS = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.matmul,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
    operator.eq,
    operator.ne,
]
ONE, OTHER = np.array([1.0, 2.0, 4.0]), np.array([3.0, 2.0, 1.5])


@pytest.mark.parametrize("apply", OPERATORS)
def test_operators(apply: Callable[[Any, Any], Any]) -> None:
    one, other = Variable(ONE), Variable(OTHER)
    expected = apply(ONE, OTHER)
    for found in (apply(one, other), apply(one, OTHER), apply(jnp.asarray(ONE), other)):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert same_variables({"a": one}, {"a": one})
    assert not same_variables({"a": one}, {"a": other})


def test_what_arrays_can_do() -> None:
    variable = Variable(np.array([1.0, -2.0, 4.0]))
    assert float(variable.sum()) == 3
    assert len(variable) == 3
    assert [float(entry) for entry in variable] == [1, -2, 4]
    assert np.asarray(variable.at[0].set(5.0)).tolist() == [5, -2, 4]
    assert np.asarray(abs(variable)).tolist() == [1, 2, 4]
    assert np.asarray(-variable).tolist() == [-1, 2, -4]
    assert variable.reshape(3, 1).shape == (3, 1)
    with pytest.raises(AttributeError, match="'Variable' object has no attribute 'sums'"):
        variable.sums  # noqa: B018


@pytest.mark.parametrize("function", [jnp.sum, jnp.max, jax.nn.softmax, jax.jit(lambda x: x * 2)])
def test_functions_of_jax_read_the_bound_value(function: Callable[[Any], Any]) -> None:
    variable = Variable(ONE)
    np.testing.assert_allclose(function(variable), function(jnp.asarray(ONE)))
    with stateless_scope({variable: jnp.asarray(OTHER)}):
        np.testing.assert_allclose(function(variable), function(jnp.asarray(OTHER)))
    np.testing.assert_allclose(jax.grad(lambda x: _in_place_of(variable, x))(jnp.asarray(ONE)), 2 * ONE)


def _in_place_of(variable: Variable, value: Any) -> Any:
    with stateless_scope({variable: value}):
        return jnp.sum(jnp.square(variable))
