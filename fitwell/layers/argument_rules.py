"""What layers of several families ask of their arguments: shapes, axes, formats, float inputs."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell import activations, constraints, initializers, regularizers
from fitwell._param_validation import (
    INVALID,
    ByClass,
    DType,
    Identifier,
    Integer,
    ListOf,
    NumericArray,
    Options,
    Real,
    Rule,
    SizeTuple,
    String,
)
from fitwell._variables import Array
from fitwell.errors import InvalidArgument

# One integer for all spatial axes of a layer, or one each.
SIZES = ByClass(lambda kind: SizeTuple(kind.rank))
PAIRS = ByClass(lambda kind: Pairs(kind.rank))
# One axis, or a list of axes.
AXES = Integer() | ListOf(Integer(), least=1)
# The shape of one row, or its one size; None where a size is open.
_SHAPE = (Integer(1) | ListOf(Integer(1) | None) | None).described_as(
    "a list of integers of at least 1, or one, or None"
)
_SEED = Integer(0) | None


NUMBERS = NumericArray()

# The rules of arguments that have the same name, and mean the same, in many layers.
LAYER: dict[str, Rule] = {
    "name": String() | None,
    "dtype": DType() | None,
    "activation": Identifier(activations.get),
    "activity_regularizer": Identifier(regularizers.get),
    "data_format": Options("channels_last", "channels_first") | None,
    "input_shape": _SHAPE,
    "input_dim": Integer(1) | None,
    "batch_input_shape": _SHAPE,
    "seed": _SEED,
    "epsilon": Real(0),
}
for _weight in ("kernel", "bias", "depthwise", "pointwise", "beta", "gamma", "alpha", "embeddings"):
    LAYER[f"{_weight}_initializer"] = Identifier(initializers.get)
    LAYER[f"{_weight}_regularizer"] = Identifier(regularizers.get)
    LAYER[f"{_weight}_constraint"] = Identifier(constraints.get)


class Pairs(Rule):
    """``(before, after)`` for each of `rank` spatial axes: one integer, one an axis, or pairs.

    For one axis, two integers mean before and after.
    """

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.description = (
            f"an integer of at least 0, or a list of {rank} of them or of {rank} pairs (before, after)"
        )
        self._each = ListOf(SizeTuple(2, 0), rank)
        self._all = SizeTuple(2, 0)

    def read(self, value: Any) -> Any:
        if self.rank == 1 and isinstance(value, list | tuple) and len(value) == 2:
            value = [value]
        found = self._all.read(value) if not isinstance(value, list | tuple) else INVALID
        return self._each.read(value) if found is INVALID else (found,) * self.rank


def get_spatial_axes(data_format: str, rank: int) -> tuple[int, ...]:
    """Return the axes of height and width (or length) of inputs with `rank` of them."""
    first = 1 if data_format == "channels_last" else 2
    return tuple(range(first, first + rank))


def canonicalize_axes(layer: str | None, axis: Any, shape: Any) -> tuple[int, ...]:
    """Return `axis` (a number or a list) as sorted axes counted from the front; the batch axis is refused."""
    rank = len(shape)
    axes = list(axis) if isinstance(axis, list | tuple) else [axis]
    found = sorted({one % rank for one in axes if -rank <= one < rank})
    if len(found) != len(axes) or 0 in found:
        raise InvalidArgument(
            f"layer {layer!r}: axis={axis!r} must name axes of inputs {tuple(shape)} other than the batch axis 0"
        )
    return tuple(found)


def to_float(inputs: Any, dtype: Any) -> Array:
    """Return floats as they are and other numbers as `dtype`."""
    array = jnp.asarray(inputs)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(dtype)


def promote_to_float32(inputs: Array) -> Array:
    """Return half-precision floats as float32, in which sums of squares do not overflow; others as they are."""
    return inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32))
