"""Array conversions and axis computations that multiple layers share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._typing import Array
from fitwell._variables import Variable
from fitwell.errors import InvalidArgument

__all__ = [
    "canonicalize_axes",
    "get_broadcast_shape",
    "get_spatial_axes",
    "promote_to_float32",
    "to_array",
    "to_float",
]


def get_spatial_axes(data_format: str, rank: int) -> tuple[int, ...]:
    """Return the height and width axes, or the length axis, of inputs with `rank` spatial axes."""
    first = 1 if data_format == "channels_last" else 2
    return tuple(range(first, first + rank))


def get_broadcast_shape(array: Any, axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of `array` with all sizes set to 1 except along `axes`, for broadcasting."""
    return tuple(size if axis in axes else 1 for axis, size in enumerate(array.shape))


def canonicalize_axes(layer: str | None, axis: Any, shape: Any) -> tuple[int, ...]:
    """Convert `axis`, an integer or a list, to sorted non-negative axes of `shape`.

    Raise `InvalidArgument` if an axis does not exist, is repeated, or is the batch axis.
    """
    rank = len(shape)
    axes = list(axis) if isinstance(axis, list | tuple) else [axis]
    found = sorted({one % rank for one in axes if -rank <= one < rank})
    if len(found) != len(axes) or 0 in found:
        raise InvalidArgument(
            f"layer {layer!r}: axis={axis!r} is not valid for inputs of shape {tuple(shape)}; each axis must "
            "exist, be listed only once, and not be the batch axis (0)"
        )
    return tuple(found)


def to_float(inputs: Any, dtype: Any) -> Array:
    """Convert `inputs` to an array, and convert its values to `dtype` unless they are already floats."""
    array = jnp.asarray(inputs)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(dtype)


def promote_to_float32(inputs: Array) -> Array:
    """Convert half-precision floats to float32, so that sums of squares do not overflow.

    Return other floats unchanged.
    """
    return inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32))


def to_array(value: Any, dtype: Any) -> Any:
    """Convert NumPy arrays, DataFrames, lists of numbers and variables to JAX arrays.

    Arrays of floats are also converted to `dtype`. In a dict, or in a list or tuple that does not consist of
    numbers, each item is converted separately. Values that are not listed here, such as strings, are returned
    unchanged.
    """
    if isinstance(value, jax.Array):
        pass
    elif isinstance(value, Variable):
        value = value.value
    elif isinstance(value, np.ndarray | np.number):
        value = jax.device_put(value)
    elif isinstance(value, Mapping):
        return {key: to_array(item, dtype) for key, item in value.items()}
    elif isinstance(value, list | tuple):
        if value and all(_is_numeric(item) for item in value):
            value = jax.device_put(np.asarray(value))
        else:
            return type(value)(to_array(item, dtype) for item in value)
    elif hasattr(value, "to_numpy"):
        value = jax.device_put(value.to_numpy())
    else:
        return value
    if jnp.issubdtype(value.dtype, jnp.floating) and value.dtype != dtype:
        value = value.astype(dtype)
    return value


def _is_numeric(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_numeric(item) for item in value)
    return isinstance(value, bool | int | float | np.number)
