"""Activations that combine all values along an axis: softmax, its logarithm, and sparsemax."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell import _call_context
from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.activations.base import RULES, check_axis, registry, to_float
from fitwell.errors import InvalidArgument

__all__ = ["log_softmax", "softmax", "sparsemax"]


@registry.register()
@validate_params(RULES)
def softmax(x: Any, axis: int = -1) -> Array:
    """Compute the softmax ``exp(x_k) / sum_j exp(x_j)``.

    The outputs are positive and add up to 1 along `axis`.

    Args:
        x (array): Inputs of any shape.
        axis (int): Axis of the classes. Default: -1.

    Returns:
        Array: Outputs with the same shape as `x`.

    Raises:
        InvalidArgument: if `x` is a scalar, or if it does not have this axis.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.softmax([0.0, 0.0]).tolist()
        [0.5, 0.5]

    Source: Keras `softmax`.
    """
    z = to_float(x)
    if z.ndim == 0:
        raise InvalidArgument("softmax requires an array with at least one axis, got a single number")
    check_axis("softmax", z, axis)
    output = jax.nn.softmax(z, axis=axis)
    if _call_context.in_call_context() and axis in (-1, z.ndim - 1):
        _call_context.current_call_context().cache_logits(output, "softmax", z)
    return output


@registry.register()
@validate_params(RULES)
def log_softmax(x: Any, axis: int = -1) -> Array:
    """Compute the logarithm of `softmax`, ``x_k - log(sum_j exp(x_j))``, without overflow.

    Args:
        x (array): Inputs of any shape.
        axis (int): Axis of the classes. Default: -1.

    Returns:
        Array: Outputs with the same shape as `x`.

    Raises:
        InvalidArgument: if `x` does not have this axis.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.log_softmax([0.0, -1000.0]).tolist()
        [0.0, -1000.0]

    Source: Keras `log_softmax`.
    """
    z = to_float(x)
    check_axis("log_softmax", z, axis)
    return jax.nn.log_softmax(z, axis=axis)


@registry.register()
@validate_params(RULES)
def sparsemax(x: Any, axis: int = -1) -> Array:
    """Compute the sparsemax ``max(x - tau, 0)``, where tau is chosen such that the outputs add up to 1.

    This is the nearest point to x on the probability simplex. Unlike `softmax`, sparsemax can return exact zeros. In
    Keras 3.15, the outputs do not always add up to 1.

    Args:
        x (array): Inputs of any shape.
        axis (int): Axis of the classes. Default: -1.

    Returns:
        Array: Outputs with the same shape as `x`.

    Raises:
        InvalidArgument: if `x` does not have this axis.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.sparsemax([0.0, 2.0]).tolist()
        [0.0, 1.0]

    Source: Keras `sparsemax`; Martins and Astudillo (2016).
    """
    z = to_float(x)
    check_axis("sparsemax", z, axis)
    z = jnp.moveaxis(z, axis, -1)
    z = z - jax.lax.stop_gradient(
        jnp.max(z, axis=-1, keepdims=True)
    )  # otherwise, subtracting tau from large inputs would cause cancellation
    descending = -jnp.sort(-z, axis=-1)
    sums = jnp.cumsum(descending, axis=-1)
    ranks = jnp.arange(1, z.shape[-1] + 1, dtype=z.dtype)
    support = jnp.sum(1 + ranks * descending > sums, axis=-1, keepdims=True)
    tau = (jnp.take_along_axis(sums, support - 1, axis=-1) - 1) / support.astype(z.dtype)
    return jnp.moveaxis(jnp.maximum(z - tau, 0), -1, axis)
