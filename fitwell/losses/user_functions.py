"""Checks of user-defined losses and metrics: the arguments they take and the values they return."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from fitwell.errors import InvalidArgument

__all__ = [
    "check_takes_targets_and_predictions",
    "convert_returned_value",
]


def convert_returned_value(value: Any, what: str) -> jax.Array:
    """Convert the return value of a user-defined function to an array; raise `InvalidArgument` if it is not one."""
    if not isinstance(value, str | list | tuple | Mapping | None):
        try:
            return jnp.asarray(value)
        except (TypeError, ValueError) as error:
            if isinstance(error, jax.errors.JAXTypeError):
                raise
    missing = "; is its return statement missing?" if value is None else ""
    raise InvalidArgument(
        f"{what} must return an array with one value for each row, got {type(value).__name__}{missing}"
    )


def check_takes_targets_and_predictions(function: Any, what: str, **settings: Any) -> None:
    """Raise `InvalidArgument` if `function` cannot be called with targets and predictions."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # functions written in C have no signature
    try:
        signature.bind(None, None, **settings)
    except TypeError as error:
        name = getattr(function, "__name__", type(function).__name__)
        raise InvalidArgument(
            f"{what} must take (y_true, y_pred), but {name}{signature} does not: {error}; if it "
            "returns the function to use, call it"
        ) from None
