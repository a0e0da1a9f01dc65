"""Activations that multiply the input by a gate."""

from __future__ import annotations

from typing import Any

import jax

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.activations.base import RULES, check_axis, registry, to_float
from fitwell.activations.sigmoid_activations import hard_sigmoid
from fitwell.errors import InvalidArgument

__all__ = ["gelu", "glu", "hard_silu", "hard_swish", "mish", "silu", "swish"]


@registry.register()
@validate_params(RULES)
def gelu(x: Any, approximate: bool = False) -> Array:
    """Compute the Gaussian error linear unit (GELU), ``x Φ(x)``.

    Φ is the cumulative distribution function of the standard normal distribution.

    Args:
        x (array): Inputs of any shape.
        approximate (bool): Whether to use the tanh approximation. Default: False.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> round(fw.activations.gelu(1.0).item(), 4)
        0.8413

    Source: Keras `gelu`; Hendrycks and Gimpel (2016).
    """
    return jax.nn.gelu(to_float(x), approximate=approximate)


@registry.register("swish")
def silu(x: Any) -> Array:
    """Compute the sigmoid linear unit (SiLU, also called swish), ``x sigmoid(x)``.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.silu(0.0).item()
        0.0

    Source: Keras `silu`; Ramachandran et al. (2017).
    """
    return jax.nn.silu(to_float(x))


swish = silu


@registry.register("hard_swish")
def hard_silu(x: Any) -> Array:
    """Compute ``x hard_sigmoid(x)``, an approximation of `silu` without exponentials.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.hard_silu([0.0, 4.0]).tolist()
        [0.0, 4.0]

    Source: Keras `hard_silu`; Howard et al. (2019, MobileNetV3).
    """
    z = to_float(x)
    return z * hard_sigmoid(z)


hard_swish = hard_silu


@registry.register()
def mish(x: Any) -> Array:
    """Compute the mish activation, ``x tanh(softplus(x))``.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> round(fw.activations.mish(1.0).item(), 4)
        0.8651

    Source: Keras `mish`; Misra (2019).
    """
    return jax.nn.mish(to_float(x))


@registry.register()
@validate_params(RULES)
def glu(x: Any, axis: int = -1) -> Array:
    """Compute the gated linear unit (GLU), ``a sigmoid(b)``.

    a and b are the two halves of `x` along `axis`.

    Args:
        x (array): Inputs of any shape.
        axis (int): Axis to split. Its length must be even. Default: -1.

    Returns:
        Array: Outputs, which are half as long as `x` along `axis`.

    Raises:
        InvalidArgument: if the length of the axis is odd.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.glu([2.0, 0.0]).tolist()
        [1.0]

    Source: Keras `glu`; Dauphin et al. (2017).
    """
    z = to_float(x)
    check_axis("glu", z, axis)
    if z.shape[axis] % 2:
        raise InvalidArgument(
            f"glu splits axis {axis} into two halves, so its length must be even, got an input of shape {z.shape}"
        )
    return jax.nn.glu(z, axis=axis)
