"""ReLU, its variants, and similar activations."""

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
    """Compute the rectified linear unit (ReLU), ``max(0, x)`` by default.

    The output is ``x`` if ``x > threshold``, and ``negative_slope (x - threshold)`` otherwise. It is limited to
    `max_value`. The gradient at the threshold is `negative_slope`.

    Args:
        x (array): Inputs of any shape.
        negative_slope (float): Slope below the threshold. Default: 0.
        max_value (float | None): Maximum output. Default: None, which means that there is no maximum.
        threshold (float): Inputs above this value are returned unchanged, up to `max_value`. Default: 0.

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
    """Compute a ReLU with the maximum output 6, ``min(max(0, x), 6)``.

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
    """Compute the leaky ReLU, ``x if x > 0 else negative_slope * x``.

    The gradient for negative inputs is not 0, so units that output negative values continue to learn.

    Args:
        x (array): Inputs of any shape.
        negative_slope (float): Slope for negative inputs. The default is 0.2 for this function, and 0.3 for the layer
            `LeakyReLU`, as in Keras.

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
    """Compute the exponential linear unit (ELU), ``x if x > 0 else alpha (exp(x) - 1)``.

    Args:
        x (array): Inputs of any shape.
        alpha (float): Scale for negative inputs. For large negative inputs, the output approaches ``-alpha``.
            Default: 1.

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
    """Compute the continuously differentiable ELU (CELU), ``max(0, x) + min(0, alpha (exp(x/alpha) - 1))``.

    Args:
        x (array): Inputs of any shape.
        alpha (float): Scale for negative inputs. For large negative inputs, the output approaches ``-alpha``.
            Default: 1.

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
    """Compute the scaled ELU (SELU), ``scale (x if x > 0 else alpha (exp(x) - 1))``.

    The constants are ``alpha = 1.67326324`` and ``scale = 1.05070099``. With `lecun_normal` weights and standardized
    inputs, the outputs keep a mean of 0 and a variance of 1 through a deep stack of dense layers.

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
    """Compute the softplus function ``log(1 + exp(x))``, a smooth version of ReLU.

    The outputs are positive, and close to x for large x.

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
    """Compute ``(x + sqrt(x² + b)) / 2``, which is similar to `softplus` but uses no exponentials.

    Args:
        x (array): Inputs of any shape.
        b (float): Smoothness of the curve, at least 0. With 0, the function is the ReLU. Default: 4.

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
    """Compute a function that is similar to `softplus`, but exactly 0 for inputs up to -1.

    The output is 0 if ``x <= -1``, ``(x + 1)² / 4`` between -1 and 1, and ``x`` if ``x >= 1``.

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
    """Compute the exponential function ``exp(x)``.

    It is useful for outputs that must be positive, such as the rates in a Poisson loss.

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
