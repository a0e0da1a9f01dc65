"""Gradients against finite differences in float64, with one compiled program per function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

DIRECTIONS = 3


def check_gradients(function: Callable[..., Any], *arguments: Any, step: float = 1e-6) -> Any:
    """Compare slopes of `function` along random directions with central differences; return the gradients.

    Random factors make one number of the outputs, so that no gradient vanishes because outputs sum to a constant
    (softmax, batch norm). The same program gives the value alone, which the differences take, and the value and the
    gradients as differentiation sees them. (`jax.test_util.check_grads` compiles four programs and tries one
    direction; nearly all its time goes into the compiler.)
    """
    draw = np.random.default_rng(7)
    factors = draw.normal(size=jax.eval_shape(function, *arguments).shape)

    def total(arguments: Any) -> Any:
        return jnp.sum(function(*arguments) * factors)

    program = jax.jit(lambda arguments: (total(arguments), *jax.value_and_grad(total)(arguments)))
    place = jax.tree.map(np.asarray, arguments)
    value, seen, gradients = program(place)
    assert value.dtype == jnp.float64
    np.testing.assert_allclose(seen, value, rtol=1e-10)
    for _ in range(DIRECTIONS):
        direction = jax.tree.map(lambda leaf: draw.normal(size=leaf.shape), place)
        ahead, behind = (
            program(jax.tree.map(lambda leaf, d, by=by: leaf + by * d, place, direction))[0]
            for by in (step, -step)
        )
        pairs = zip(jax.tree.leaves(gradients), jax.tree.leaves(direction), strict=True)
        slope = sum(np.vdot(gradient, d) for gradient, d in pairs)
        np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-5)
    return gradients
