"""What layers of several families ask of their arguments: sizes, formats, fractions, float inputs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp
import numpy as np

from fitwell.errors import InvalidArgument, nearest
from fitwell.variables import Array


def is_number(value: Any) -> bool:
    """Return whether `value` is an ordinary real number."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def whole(where: str, name: str, value: Any, least: int = 1) -> int:
    """Return `value` as an int of at least `least`, or say what was expected."""
    if not is_number(value) or int(value) != value or value < least:
        raise InvalidArgument(f"{where}: {name} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def wholes(where: str, name: str, value: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """Return `rank` whole numbers: those given, or the one given repeated."""
    items = list(value) if isinstance(value, list | tuple) else [value] * rank
    if len(items) != rank:
        raise InvalidArgument(f"{where}: {name} must be one whole number or {rank} of them, got {value!r}")
    return tuple(whole(where, name, item, least) for item in items)


def pairs(where: str, name: str, value: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """Return ``(before, after)`` per spatial axis: from one number, one number an axis, or pairs.

    For one axis a pair of numbers means before and after.
    """
    items: list[Any] = list(value) if isinstance(value, list | tuple) else [value] * rank
    if rank == 1 and len(items) == 2:
        items = [items]
    if len(items) != rank:
        raise InvalidArgument(
            f"{where}: {name} must be a whole number, or {rank} numbers or (before, after) pairs, got {value!r}"
        )
    found = [wholes(where, name, item, 2, 0) for item in items]
    return tuple((before, after) for before, after in found)


def fraction(where: str, name: str, value: Any, *, below_one: bool = False) -> float:
    """Return `value` as a float from 0 to 1, or to just below 1."""
    if not is_number(value) or not 0 <= value <= 1 or (below_one and value == 1):
        bounds = "at least 0 and below 1" if below_one else "from 0 to 1"
        raise InvalidArgument(f"{where}: {name} must be a number {bounds}, got {value!r}")
    return float(value)


def at_least_zero(where: str, name: str, value: Any) -> float:
    """Return `value` as a float that is not negative."""
    if not is_number(value) or not value >= 0:
        raise InvalidArgument(f"{where}: {name} must be a number of at least 0, got {value!r}")
    return float(value)


def one_of(where: str, name: str, value: Any, choices: Iterable[str]) -> str:
    """Return `value` in lower case, which must be among `choices`; the error suggests the nearest."""
    known = list(choices)
    text = value.lower() if isinstance(value, str) else value
    if text not in known:
        listed = ", ".join(repr(choice) for choice in known)
        hint = nearest(value, known) if isinstance(value, str) else ""
        raise InvalidArgument(f"{where}: {name} must be one of {listed}, got {value!r}{hint}")
    return str(text)


def check_data_format(where: str, value: Any) -> str:
    """Return where images keep their channels: ``"channels_last"`` unless told otherwise."""
    if value is None:
        return "channels_last"
    return one_of(where, "data_format", value, ("channels_last", "channels_first"))


def spatial_axes(data_format: str, rank: int) -> tuple[int, ...]:
    """Return the axes of height and width (or length) of inputs with `rank` of them."""
    first = 1 if data_format == "channels_last" else 2
    return tuple(range(first, first + rank))


def feature_axes(layer: str | None, axis: Any, shape: Any) -> tuple[int, ...]:
    """Return `axis` (a number or a list) as sorted axes counted from the front; the batch axis is refused."""
    rank = len(shape)
    axes = list(axis) if isinstance(axis, list | tuple) else [axis]
    found = sorted({one % rank for one in axes if -rank <= one < rank})
    if len(found) != len(axes) or 0 in found:
        raise InvalidArgument(
            f"layer {layer!r}: axis={axis!r} must name axes of inputs {tuple(shape)} other than the batch axis 0"
        )
    return tuple(found)


def as_floats(inputs: Any, dtype: Any) -> Array:
    """Return floats as they are and other numbers as `dtype`."""
    array = jnp.asarray(inputs)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(dtype)


def precise(inputs: Array) -> Array:
    """Return half-precision floats as float32, in which sums of squares do not overflow; others as they are."""
    return inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32))
