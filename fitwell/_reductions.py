"""Array reductions: fast sums over all elements on CPUs, and L2 normalization.

On CPUs, XLA compiles a sum over all elements to a scalar loop. Summing the squares of 64 × 100 weights takes 6 µs of a
40 µs training step. With a vector of partial sums, which the processor adds in parallel, it takes 0.6 µs and the
rounding error is smaller.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from fitwell._typing import Array

__all__ = ["l2_normalize", "vectorized_sum"]

# A vector with a smaller sum of squares is treated as zero, because its direction and its norm's gradient are not well
# defined.
_TINY_SQUARE = 1e-24

# For smaller arrays, the scalar loop is equally fast.
_FEWEST = 256
_MOST_LANES = 128
_FEWEST_LANES = 16


def l2_normalize(x: Array, axis: int | tuple[int, ...]) -> Array:
    """Divide `x` by its L2 norms along `axis`. Zero vectors stay zero."""
    # Limiting the sum of squares instead of its root keeps the derivative finite for a vector of zeros.
    return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis, keepdims=True), _TINY_SQUARE))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def vectorized_sum(function: Callable[[Array], Array], values: Array) -> Array:
    """Apply `function` to all elements, and return the sum. `function` must be elementwise."""
    lanes = _lanes(values)
    if lanes is None:
        return jnp.sum(function(values))

    def sum_in_lanes(values: Array) -> Array:
        rows = values.reshape(-1, lanes)

        def add(index: Array, sums: Array) -> Array:
            return sums + function(jax.lax.dynamic_index_in_dim(rows, index, keepdims=False))

        return jnp.sum(jax.lax.fori_loop(0, len(rows), add, jnp.zeros(lanes, values.dtype)))

    return jax.lax.platform_dependent(
        values, cpu=sum_in_lanes, default=lambda values: jnp.sum(function(values))
    )


@vectorized_sum.defjvp
def _vectorized_sum_jvp(
    function: Callable[[Array], Array], primals: tuple[Array], tangents: tuple[Array]
) -> Any:
    (values,), (tangent,) = primals, tangents
    return vectorized_sum(function, values), jnp.sum(jax.jvp(function, (values,), (tangent,))[1])


def _lanes(values: Array) -> int | None:
    """Return the number of partial sums to use, or None if a plain sum is better."""
    # Outside compiled code, the loop would have to be compiled first, which takes longer than a plain sum.
    if not isinstance(values, jax.core.Tracer) or values.size < _FEWEST:
        return None
    if values.dtype not in (jnp.float32, jnp.float64):
        return None  # jnp.sum accumulates narrower types in a wider type
    divisors = range(_MOST_LANES, _FEWEST_LANES - 1, -1)
    return next((lanes for lanes in divisors if values.size % lanes == 0), None)
