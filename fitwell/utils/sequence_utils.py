"""Padding of sequences of different lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fitwell._param_validation import (
    DType,
    Integer,
    NumericArray,
    Options,
    Predicate,
    String,
    validate_params,
)
from fitwell._typing import NumpyArray
from fitwell.errors import InvalidArgument

__all__ = ["pad_sequences"]


@validate_params(
    sequences=Predicate(
        lambda value: isinstance(value, Sequence | np.ndarray) and not isinstance(value, str),
        "a list of sequences",
    ),
    maxlen=Integer(1) | None,
    dtype=DType(),
    value=NumericArray() | String(),
    padding=Options("pre", "post"),
    truncating=Options("pre", "post"),
)
def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> NumpyArray:
    """Put sequences of different lengths into one array.

    Args:
        sequences (list[Sequence]): The sequences. The items may be numbers, or arrays of the same shape.
        maxlen (int | None): Length of the result. Longer sequences are cut. Default: None, which means the longest
            sequence's length.
        dtype (str): Dtype of the result. Default: ``"int32"``.
        padding (str): Whether shorter sequences are filled at the beginning (``"pre"``) or at the end (``"post"``).
            Default: ``"pre"``.
        truncating (str): Whether longer sequences are cut at the beginning (``"pre"``) or at the end (``"post"``).
            Default: ``"pre"``.
        value (float): Value that fills shorter sequences. Default: 0.

    Returns:
        ndarray: `[sequences, maxlen, ...]`.

    Raises:
        InvalidArgument: If an item of `sequences` is not a sequence, or if items have different shapes.

    Example:
        >>> import fitwell as fw
        >>> fw.utils.pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2).tolist()
        [[0, 1], [2, 3], [5, 6]]

    Source: Keras `pad_sequences`.
    """
    arrays = []
    for number, sequence in enumerate(sequences):
        if not hasattr(sequence, "__len__"):
            raise InvalidArgument(f"pad_sequences: item {number} is not a sequence but {sequence!r}")
        arrays.append(np.asarray(sequence))
    length = max((len(array) for array in arrays), default=0) if maxlen is None else maxlen
    shapes = {array.shape[1:] for array in arrays if len(array)}
    if len(shapes) > 1:
        raise InvalidArgument(f"pad_sequences: the sequences' items have different shapes: {sorted(shapes)}")
    shape = (len(arrays), length, *next(iter(shapes), ()))
    try:
        result = np.full(shape, value, dtype)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidArgument(
            f"pad_sequences: value={value!r} cannot fill an array of {dtype}: {error}"
        ) from None
    for row, array in zip(result, arrays, strict=True):
        kept = array[len(array) - length :] if truncating == "pre" and len(array) > length else array[:length]
        if len(kept):
            row[slice(-len(kept), None) if padding == "pre" else slice(len(kept))] = kept
    return result
