"""Rectifiers and smooth ramps."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.activations.base import RULES, is_constant, registry, to_float

__all__ = [
    "celu",
    "elu",
    "exponential",
    "leaky_relu",
    "relu",
    "relu6",
    "selu",
    "softplus",
    "sparse_plus",
    "squareplus",
]


@registry.register()
@validate_params(RULES)
def relu(x: Any, negative_slope: Any = 0.0, max_value: Any = None, threshold: Any = 0.0) -> Array:
    """Rectified linear unit, ``max(0, z)``, with the arguments of Keras.

    ``f(z) = max_value`` where z reaches it, ``z`` where ``z > threshold``, else ``negative_slope (z - threshold)``. The
    gradient at the threshold is the negative slope.

    Args:
        x (array): Inputs of any shape.
        negative_slope (float): Slope below the threshold. Default: 0.
        max_value (float | None): Value at which the unit saturates; None for no limit. Default: None.
        threshold (float): Value below which the unit is off. Default: 0.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.relu([-2.0, 3.0]).tolist()
        [0.0, 3.0]
        >>> fw.activations.relu([-2.0, 3.0], negative_slope=0.5, max_value=1.0).tolist()
        [-1.0, 1.0]

    Source: Keras `relu`; Nair and Hinton (2010).
    """
    z = to_float(x)
    if is_constant(threshold, 0) and is_constant(negative_slope, 0):
        output = jax.nn.relu(z)
    else:
        slope, start = (jnp.asarray(value, z.dtype) for value in (negative_slope, threshold))
        output = jnp.where(z > start, z, slope * (z - start))
    return output if max_value is None else jnp.minimum(output, jnp.asarray(max_value, z.dtype))


@registry.register()
def relu6(x: Any) -> Array:
    """ReLU that saturates at 6, ``min(max(0, z), 6)``.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.relu6([-1.0, 3.0, 8.0]).tolist()
        [0.0, 3.0, 6.0]

    Source: Keras `relu6`; Krizhevsky (2010).
    """
    return relu(x, max_value=6.0)


@registry.register()
@validate_params(RULES)
def leaky_relu(x: Any, negative_slope: Any = 0.2) -> Array:
    """Leaky ReLU, ``z if z > 0 else negative_slope z``, whose units cannot die.

    Args:
        x (array): Inputs of any shape.
        negative_slope (float): Slope below 0. The default is 0.2 here and 0.3 in the layer `LeakyReLU`, as in Keras.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.leaky_relu([-2.0, 3.0], negative_slope=0.5).tolist()
        [-1.0, 3.0]

    Source: Keras `leaky_relu`; Maas et al. (2013).
    """
    return relu(x, negative_slope=negative_slope)


@registry.register()
@validate_params(RULES)
def elu(x: Any, alpha: Any = 1.0) -> Array:
    """Exponential linear unit, ``z if z > 0 else alpha (exp(z) - 1)``.

    Args:
        x (array): Inputs of any shape.
        alpha (float): Minus the limit for large negative inputs. Default: 1.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.elu([-1000.0, 3.0]).tolist()
        [-1.0, 3.0]

    Source: Keras `elu`; Clevert et al. (2016).
    """
    z = to_float(x)
    return jax.nn.elu(z, jnp.asarray(alpha, z.dtype))


@registry.register()
@validate_params(RULES)
def celu(x: Any, alpha: Any = 1.0) -> Array:
    """Continuously differentiable ELU, ``max(0, z) + min(0, alpha (exp(z/alpha) - 1))``.

    Args:
        x (array): Inputs of any shape.
        alpha (float): Minus the limit for large negative inputs. Default: 1.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.celu([-1000.0, 3.0], alpha=2.0).tolist()
        [-2.0, 3.0]

    Source: Keras `celu`; Barron (2017).
    """
    z = to_float(x)
    return jax.nn.celu(z, jnp.asarray(alpha, z.dtype))


@registry.register()
def selu(x: Any) -> Array:
    """Scaled ELU, ``scale (z if z > 0 else alpha (exp(z) - 1))``, alpha 1.67326324, scale 1.05070099.

    With `lecun_normal` weights and standardized inputs, activations keep mean 0 and variance 1 through a deep stack of
    dense layers.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> round(fw.activations.selu(1.0).item(), 4)
        1.0507

    Source: Keras `selu`; Klambauer et al. (2017).
    """
    return jax.nn.selu(to_float(x))


@registry.register()
def softplus(x: Any) -> Array:
    """Smooth ramp, ``log(1 + exp(z))``: positive, and close to z for large z.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.softplus(100.0).item()
        100.0

    Source: Keras `softplus`.
    """
    return jax.nn.softplus(to_float(x))


@registry.register()
@validate_params(RULES)
def squareplus(x: Any, b: Any = 4) -> Array:
    """Softplus without exponentials, ``(z + sqrt(z² + b)) / 2``.

    Args:
        x (array): Inputs of any shape.
        b (float): Smoothness, at least 0. Default: 4.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.squareplus(0.0).item()
        1.0

    Source: Keras `squareplus`; Barron (2021).
    """
    z = to_float(x)
    return jax.nn.squareplus(z, jnp.asarray(b, z.dtype))


@registry.register()
def sparse_plus(x: Any) -> Array:
    """Smooth ramp of `sparsemax`: 0 below -1, ``(z + 1)² / 4`` up to 1, ``z`` above.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.sparse_plus([-2.0, 0.0, 2.0]).tolist()
        [0.0, 0.25, 2.0]

    Source: Keras `sparse_plus`.
    """
    return jax.nn.sparse_plus(to_float(x))


@registry.register()
def exponential(x: Any) -> Array:
    """Exponential, ``exp(z)``, for positive outputs such as the rates of a Poisson loss.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.exponential(0.0).item()
        1.0

    Source: Keras `exponential`.
    """
    return jnp.exp(to_float(x))
