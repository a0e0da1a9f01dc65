"""The registry of activation functions, and functions that check their arguments."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell import config
from fitwell._param_validation import Real, Rule, format_value
from fitwell._registry import Registry
from fitwell._typing import Array
from fitwell.errors import InvalidArgument

__all__ = ["RULES", "check_axis", "is_constant", "registry", "to_float"]

registry = Registry("activation")
_NUMBER = Real()
RULES: dict[str, Rule] = {
    "negative_slope": _NUMBER,
    "max_value": _NUMBER | None,
    "threshold": _NUMBER,
    "default_value": _NUMBER,
    "alpha": _NUMBER,
    "b": Real(0),
}


def to_float(x: Any) -> Array:
    """Convert the input to a floating-point array. A floating-point array is returned unchanged."""
    try:
        array = jnp.asarray(x)
    except (TypeError, ValueError):
        raise InvalidArgument(
            f"the input of an activation must be an array of numbers, got {format_value(x)}"
        ) from None
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(config.float_dtype())


def check_axis(where: str, z: Array, axis: int) -> None:
    """Raise `InvalidArgument` if an array does not have the given axis.

    Args:
        where (str): The name of the activation for the error message.
        z (Array): The array.
        axis (int): The axis, which may be negative.
    """
    if not -z.ndim <= axis < z.ndim:
        raise InvalidArgument(f"{where}: axis={axis} is out of range for an input of shape {z.shape}")


def is_constant(value: Any, constant: float) -> bool:
    """Check whether `value` is a Python number that equals `constant`. For a traced value, return False."""
    return isinstance(value, int | float) and value == constant
