"""Sigmoid-shaped activations, the logarithm of the sigmoid, and the identity."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell import _call_context
from fitwell._typing import Array
from fitwell.activations.base import registry, to_float
from fitwell.activations.relu_activations import relu6

__all__ = [
    "hard_sigmoid",
    "hard_tanh",
    "linear",
    "log_sigmoid",
    "sigmoid",
    "softsign",
    "sparse_sigmoid",
    "tanh",
]


@registry.register("identity")
def linear(x: Any) -> Any:
    """Return the input unchanged.

    Args:
        x (array): Inputs of any shape.

    Returns:
        array: The input `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.linear(3.0)
        3.0

    Source: Keras `linear`.
    """
    return x


@registry.register("logistic")
def sigmoid(x: Any) -> Array:
    """Compute the logistic function ``1 / (1 + exp(-x))``, whose outputs are between 0 and 1.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.sigmoid(0.0).item()
        0.5

    Source: Keras `sigmoid`.
    """
    z = to_float(x)
    output = jax.nn.sigmoid(z)
    if _call_context.in_call_context():
        _call_context.current_call_context().cache_logits(output, "sigmoid", z)
    return output


@registry.register()
def log_sigmoid(x: Any) -> Array:
    """Compute the logarithm of `sigmoid`, ``-softplus(-x)``, without overflow.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.log_sigmoid(-1000.0).item()
        -1000.0

    Source: Keras `log_sigmoid`.
    """
    return jax.nn.log_sigmoid(to_float(x))


@registry.register()
def hard_sigmoid(x: Any) -> Array:
    """Compute a piecewise linear sigmoid, ``relu6(x + 3) / 6``.

    The output is 0 if ``x <= -3`` and 1 if ``x >= 3``. This is Keras 3's definition. In Keras 2, the definition was
    ``clip(0.2 x + 0.5, 0, 1)``.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.hard_sigmoid([-3.0, 0.0, 4.0]).tolist()
        [0.0, 0.5, 1.0]

    Source: Keras `hard_sigmoid`.
    """
    return relu6(to_float(x) + 3.0) / 6.0


@registry.register()
def sparse_sigmoid(x: Any) -> Array:
    """Compute a piecewise linear sigmoid, which is the first output of ``sparsemax([x, 0])``.

    The output is 0 if ``x <= -1``, ``(x + 1) / 2`` between -1 and 1, and 1 if ``x >= 1``.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.sparse_sigmoid([-2.0, 0.0, 2.0]).tolist()
        [0.0, 0.5, 1.0]

    Source: Keras `sparse_sigmoid`.
    """
    return jax.nn.sparse_sigmoid(to_float(x))


@registry.register()
def tanh(x: Any) -> Array:
    """Compute the hyperbolic tangent, ``2 sigmoid(2x) - 1``, whose outputs are between -1 and 1.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.tanh(0.0).item()
        0.0

    Source: Keras `tanh`.
    """
    return jnp.tanh(to_float(x))


@registry.register()
def hard_tanh(x: Any) -> Array:
    """Compute a piecewise linear tanh, ``min(max(x, -1), 1)``.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.hard_tanh([-4.0, 0.5]).tolist()
        [-1.0, 0.5]

    Source: Keras `hard_tanh`; Collobert (2004).
    """
    return jnp.clip(to_float(x), -1.0, 1.0)


@registry.register()
def softsign(x: Any) -> Array:
    """Compute ``x / (1 + |x|)``, whose outputs are between -1 and 1.

    Softsign approaches its limits polynomially, whereas tanh approaches them exponentially.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.softsign([-1.0, 3.0]).tolist()
        [-0.5, 0.75]

    Source: Keras `softsign`.
    """
    return jax.nn.soft_sign(to_float(x))
