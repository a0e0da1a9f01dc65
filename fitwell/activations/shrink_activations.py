"""Activations that shrink small inputs or replace inputs below a threshold."""

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
    """Compute the hard shrinkage, ``x if |x| > threshold else 0``.

    Args:
        x (array): Inputs of any shape.
        threshold (float): Inputs whose absolute value is not above this number become 0. Default: 0.5.

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
    """Compute the soft shrinkage, which moves inputs toward 0 by `threshold`.

    The output is ``x - threshold`` if ``x > threshold``, ``x + threshold`` if ``x < -threshold``, and 0 otherwise.

    Args:
        x (array): Inputs of any shape.
        threshold (float): Amount by which to shrink the inputs. Default: 0.5.

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
    """Compute the tanh shrinkage, ``x - tanh(x)``.

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
    """Replace inputs that are not above a threshold, ``x if x > threshold else default_value``.

    Args:
        x (array): Inputs of any shape.
        threshold (float): Inputs above this value are returned unchanged.
        default_value (float): Output for all other inputs.

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
