"""Activations over the classes of a row."""

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
    """Normalized exponentials, ``exp(z_k) / sum_j exp(z_j)``: positive, with sum 1 along `axis`.

    Args:
        x (array): Inputs of any shape.
        axis (int): Axis of the classes. Default: -1.

    Returns:
        Array: Outputs with the same shape as `x`.

    Raises:
        InvalidArgument: if `x` is a scalar or has no such axis.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.softmax([0.0, 0.0]).tolist()
        [0.5, 0.5]

    Source: Keras `softmax`.
    """
    z = to_float(x)
    if z.ndim == 0:
        raise InvalidArgument("softmax needs at least one axis, got a single number")
    check_axis("softmax", z, axis)
    output = jax.nn.softmax(z, axis=axis)
    if _call_context.in_call_context() and axis in (-1, z.ndim - 1):
        _call_context.current_call_context().cache_logits(output, "softmax", z)
    return output


@registry.register()
@validate_params(RULES)
def log_softmax(x: Any, axis: int = -1) -> Array:
    """Logarithm of `softmax`, ``z_k - log(sum_j exp(z_j))``, without overflow.

    Args:
        x (array): Inputs of any shape.
        axis (int): Axis of the classes. Default: -1.

    Returns:
        Array: Outputs with the same shape as `x`.

    Raises:
        InvalidArgument: if `x` has no such axis.

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
    """Nearest point of the probability simplex, ``max(z - tau, 0)`` with tau such that the sum is 1.

    Unlike `softmax` it returns exact zeros. Differs from Keras 3.15, whose results do not always sum to 1.

    Args:
        x (array): Inputs of any shape.
        axis (int): Axis of the classes. Default: -1.

    Returns:
        Array: Outputs with the same shape as `x`.

    Raises:
        InvalidArgument: if `x` has no such axis.

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
    )  # tau would cancel large inputs otherwise
    descending = -jnp.sort(-z, axis=-1)
    sums = jnp.cumsum(descending, axis=-1)
    ranks = jnp.arange(1, z.shape[-1] + 1, dtype=z.dtype)
    support = jnp.sum(1 + ranks * descending > sums, axis=-1, keepdims=True)
    tau = (jnp.take_along_axis(sums, support - 1, axis=-1) - 1) / support.astype(z.dtype)
    return jnp.moveaxis(jnp.maximum(z - tau, 0), -1, axis)
