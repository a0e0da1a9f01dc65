"""Functions that check the signatures and return values of user-defined losses and metrics."""

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


def convert_returned_value(value: Any, description: str) -> jax.Array:
    """Convert the return value of a user-defined function to an array.

    Args:
        value (Any): The return value.
        description (str): A description of the function for error messages, such as ``"loss 'mse'"``.

    Returns:
        Array: The array.

    Raises:
        InvalidArgument: if `value` cannot be converted to an array.
    """
    if not isinstance(value, str | list | tuple | Mapping | None):
        try:
            return jnp.asarray(value)
        except (TypeError, ValueError) as error:
            if isinstance(error, jax.errors.JAXTypeError):
                raise
    missing = ". Is its return statement missing?" if value is None else ""
    raise InvalidArgument(
        f"{description} must return an array with one value for each row, got {type(value).__name__}{missing}"
    )


def check_takes_targets_and_predictions(function: Any, description: str, **settings: Any) -> None:
    """Check that a user-defined function can be called with targets and predictions.

    Args:
        function (Callable): The function.
        description (str): A description of the function for error messages, such as ``"a loss"``.
        **settings: Additional keyword arguments for the function.

    Raises:
        InvalidArgument: if the function does not accept these arguments.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # some functions written in C have no signature
    try:
        signature.bind(None, None, **settings)
    except TypeError as error:
        name = getattr(function, "__name__", type(function).__name__)
        raise InvalidArgument(
            f"{description} must accept the arguments (y_true, y_pred), but {name}{signature} does not: {error}. "
            "If it is a factory that returns the function to use, call it and pass the result."
        ) from None
