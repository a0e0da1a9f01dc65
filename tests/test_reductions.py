"""Sums over all elements are exact in every shape, and so are their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitwell._reductions import vectorized_sum

shapes = st.one_of(st.tuples(st.integers(1, 1500)), st.tuples(st.integers(1, 70), st.integers(1, 70)))


def numbers(shape: tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


@given(shapes, st.sampled_from([(jnp.square, np.square), (jnp.abs, np.abs)]))
@settings(max_examples=25, deadline=None)
def test_it_is_the_sum_of_every_element(
    shape: tuple[int, ...], term: tuple[Callable[[Any], Any], Callable[[Any], Any]]
) -> None:
    values, (compiled, exact) = numbers(shape), term
    expected = exact(values.astype(np.float64)).sum()
    assert float(jax.jit(lambda x: vectorized_sum(compiled, x))(values)) == pytest.approx(expected, rel=1e-6)
    assert float(vectorized_sum(compiled, jnp.asarray(values))) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("size", [100, 6400, 6401])
def test_its_derivatives_are_those_of_the_terms(size: int) -> None:
    values = numbers((size,))

    def cubes(x: Any) -> Any:
        return vectorized_sum(lambda v: v**3, x)

    np.testing.assert_allclose(jax.jit(jax.grad(cubes))(values), 3 * values**2, rtol=1e-5)
    direction = numbers((size,))[::-1].copy()
    curvature = jax.jit(lambda x, v: jax.jvp(jax.grad(cubes), (x,), (v,))[1])(values, direction)
    np.testing.assert_allclose(curvature, 6 * values * direction, rtol=1e-5, atol=1e-6)


def test_it_maps_over_members() -> None:
    values = numbers((5, 40, 20))
    found = jax.jit(jax.vmap(lambda x: vectorized_sum(jnp.square, x)))(values)
    np.testing.assert_allclose(found, np.square(values).sum((1, 2)), rtol=1e-5)


def test_half_precision_is_summed_in_single() -> None:
    """In bfloat16, 256 + 1 is 256: a sum of ones that kept its type would stop there."""
    assert float(jax.jit(lambda x: vectorized_sum(jnp.square, x))(jnp.ones(2048, jnp.bfloat16))) == 2048
    assert float(
        jax.jit(lambda x: vectorized_sum(jnp.square, x))(np.full(40_000, 0.1, np.float32))
    ) == pytest.approx(400, rel=1e-6)
