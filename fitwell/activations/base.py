"""The registry of activation functions, and checks of their arguments."""

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
    """Return `x` as an array of floats; an array of floats is returned itself."""
    try:
        array = jnp.asarray(x)
    except (TypeError, ValueError):
        raise InvalidArgument(f"activation: x must be an array of numbers, got {format_value(x)}") from None
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(config.float_dtype())


def check_axis(where: str, z: Array, axis: int) -> None:
    """Raise `InvalidArgument` if `axis` is not an axis of `z`."""
    if not -z.ndim <= axis < z.ndim:
        raise InvalidArgument(f"{where}: axis={axis} is not an axis of x, whose shape is {z.shape}")


def is_constant(value: Any, constant: float) -> bool:
    """Return whether `value` equals `constant` at trace time; False for a traced value."""
    return isinstance(value, int | float) and value == constant
