"""Rules for arguments that multiple layers share."""

from __future__ import annotations

from typing import Any

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

__all__ = ["AXES", "LAYER", "NUMBERS", "PAIRS", "SIZES", "Pairs"]

# One integer for all of a layer's spatial axes, or one integer per axis. PAIRS also accepts pairs.
SIZES = ByClass(lambda kind: SizeTuple(kind.rank))
PAIRS = ByClass(lambda kind: Pairs(kind.rank))
# One axis, or a list of axes.
AXES = Integer() | ListOf(Integer(), least=1)
# A shape, or a single integer for a shape with one axis. A size of None is unknown.
_SHAPE = (Integer(1) | ListOf(Integer(1) | None) | None).described_as(
    "a positive integer, a list of positive integers with None for each unknown size, or None"
)
_SEED = Integer(0) | None


NUMBERS = NumericArray()

# Rules for arguments that have the same name and meaning in many layers.
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
    """A rule for ``(before, after)`` pairs, one for each of `rank` spatial axes.

    The value may be a single integer, one integer per axis, or one pair per axis. If there is only one axis,
    two integers are interpreted as a pair.
    """

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.description = (
            f"a non-negative integer, or a list of length {rank} with integers or (before, after) pairs"
        )
        self._each = ListOf(SizeTuple(2, 0), rank)
        self._all = SizeTuple(2, 0)

    def read(self, value: Any) -> Any:
        if self.rank == 1 and isinstance(value, list | tuple) and len(value) == 2:
            value = [value]
        found = self._all.read(value) if not isinstance(value, list | tuple) else INVALID
        return self._each.read(value) if found is INVALID else (found,) * self.rank
