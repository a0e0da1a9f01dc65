"""Shrinkage and thresholding."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.activations.base import RULES, registry, to_float

__all__ = ["hard_shrink", "soft_shrink", "tanh_shrink", "threshold"]


@registry.register()
@validate_params(RULES)
def hard_shrink(x: Any, threshold: Any = 0.5) -> Array:
    """Hard shrinkage, ``z if |z| > threshold else 0``.

    Args:
        x (array): Inputs of any shape.
        threshold (float): Default: 0.5.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.hard_shrink([-1.0, 0.25]).tolist()
        [-1.0, 0.0]

    Source: Keras `hard_shrink`.
    """
    z = to_float(x)
    return jnp.where(jnp.abs(z) > threshold, z, 0)


@registry.register()
@validate_params(RULES)
def soft_shrink(x: Any, threshold: Any = 0.5) -> Array:
    """Soft shrinkage: ``z - threshold`` above the threshold, ``z + threshold`` below -threshold, else 0.

    Args:
        x (array): Inputs of any shape.
        threshold (float): Default: 0.5.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.soft_shrink([-1.0, 0.25]).tolist()
        [-0.5, 0.0]

    Source: Keras `soft_shrink`.
    """
    z = to_float(x)
    return jnp.sign(z) * jnp.maximum(jnp.abs(z) - jnp.asarray(threshold, z.dtype), 0)


@registry.register()
def tanh_shrink(x: Any) -> Array:
    """``z - tanh(z)``.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.tanh_shrink(0.0).item()
        0.0

    Source: Keras `tanh_shrink`.
    """
    z = to_float(x)
    return z - jnp.tanh(z)


@registry.register()
@validate_params(RULES)
def threshold(x: Any, threshold: Any, default_value: Any) -> Array:
    """``z if z > threshold else default_value``.

    Args:
        x (array): Inputs of any shape.
        threshold (float): Required, as in Keras.
        default_value (float): Required, as in Keras.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.threshold([0.5, 2.0], 1.0, -1.0).tolist()
        [-1.0, 2.0]

    Source: Keras `threshold`.
    """
    z = to_float(x)
    return jnp.where(z > threshold, z, jnp.asarray(default_value, z.dtype))
