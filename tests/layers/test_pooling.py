"""Pooling compared with the windows of JAX: values, and which of equal values gets the gradient."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fitwell import layers


@pytest.mark.slow
@given(
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.sampled_from(["valid", "same"]),
)
@settings(max_examples=25, deadline=None)
def test_the_largest_value_and_its_gradient_are_those_of_jax(
    sizes: tuple[int, int], window: tuple[int, int], steps: tuple[int, int], padding: str
) -> None:
    assume(padding == "same" or all(w <= n for w, n in zip(window, sizes, strict=True)))
    # Small integers: most windows contain their maximum several times.
    images = np.random.default_rng(0).integers(0, 3, (2, *sizes, 2)).astype(np.float32)
    pool = layers.MaxPooling2D(window, steps, padding)

    def windows(x: Any) -> Any:
        return jax.lax.reduce_window(
            x, -np.inf, jax.lax.max, (1, *window, 1), (1, *steps, 1), padding.upper()
        )

    found, backward = jax.vjp(pool, images)
    expected, theirs = jax.vjp(windows, images)
    np.testing.assert_array_equal(found, expected)
    slope = np.random.default_rng(1).normal(size=expected.shape).astype(np.float32)
    np.testing.assert_allclose(backward(slope)[0], theirs(slope)[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("pool_size", [2, 4])
def test_a_window_with_nan_is_nan(place: int, pool_size: int) -> None:
    values = np.ones((1, 4, 1), np.float32)
    values[0, place] = np.nan
    found = np.asarray(layers.MaxPooling1D(pool_size)(values)).ravel()
    np.testing.assert_array_equal(np.isnan(found), np.arange(4 // pool_size) == place // pool_size)


def test_integers_stay_integers() -> None:
    values = np.arange(12, dtype=np.int32).reshape(1, 12, 1)
    found = layers.MaxPooling1D(3)(values)
    assert found.dtype == jnp.int32
    np.testing.assert_array_equal(np.asarray(found).ravel(), [2, 5, 8, 11])
