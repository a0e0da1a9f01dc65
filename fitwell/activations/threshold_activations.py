"""Threshold activations for the perceptron loss."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell import _call_context
from fitwell._typing import Array
from fitwell.activations.base import registry, to_float

__all__ = ["heaviside", "sign"]


@registry.register("step")
def heaviside(x: Any) -> Array:
    """Compute the Heaviside step function ``0 if x < 0 else 1``, which Keras does not have.

    Its gradient is 0 everywhere, so most losses cannot train the layers before it. The loss ``"perceptron"`` uses the
    activation's input instead of its output. With this loss, SGD follows the perceptron rule.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.heaviside([-1.0, 0.0, 2.0]).tolist()
        [0.0, 1.0, 1.0]

    Source: Rosenblatt (1957).
    """
    z = to_float(x)
    return _note_threshold(jnp.where(z >= 0, 1, 0).astype(z.dtype), z)


@registry.register()
def sign(x: Any) -> Array:
    """Compute the sign of each input, which is -1, 0 or 1.

    Keras does not have this activation. Like `heaviside`, it should be used with the loss ``"perceptron"``.

    Args:
        x (array): Inputs of any shape.

    Returns:
        Array: Outputs with the same shape as `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.sign([-3.0, 0.0, 2.0]).tolist()
        [-1.0, 0.0, 1.0]
    """
    z = to_float(x)
    return _note_threshold(jnp.sign(z), z)


def _note_threshold(output: Array, z: Array) -> Array:
    if _call_context.in_call_context():
        _call_context.current_call_context().cache_logits(output, "threshold", z)
    return output
