"""Class numbers as one-hot rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fitwell._param_validation import DType, Integer, validate_params
from fitwell.errors import DataError


@validate_params(num_classes=Integer(1) | None, dtype=DType())
def to_categorical(x: Any, num_classes: int | None = None, dtype: DTypeLike = "float32") -> NDArray[Any]:
    """Return class numbers as one-hot rows: ``out[..., c]`` is 1 where ``x[...]`` is `c`, else 0.

    Args:
        x: whole numbers from 0 to ``num_classes - 1``, of any shape; a last axis of size 1 is dropped.
        num_classes: size of the new last axis, by default the largest class number plus one.
        dtype: of the result; Keras 3 always gives float64, which is twice the memory for the same zeros
            and ones.

    Returns:
        Array of shape ``[..., num_classes]``.

    Raises:
        DataError: a label is not a whole number from 0 to ``num_classes - 1``, or nothing says how many
            classes there are.
        InvalidArgument: `num_classes` is not an integer of at least 1.

    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    labels = np.asarray(x)
    if labels.dtype.kind not in "biuf":
        raise DataError(
            f"to_categorical: labels must be class numbers, got an array of {labels.dtype}; "
            "turn other labels into numbers first: codes, classes = fitwell.utils.class_codes(x)"
        )
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is None and labels.size == 0:
        raise DataError("to_categorical: there are no labels to count the classes of; pass num_classes")
    wrong = ~((labels >= 0) & (labels == np.floor(labels)))  # this way round NaN is wrong too
    if num_classes is not None:
        wrong |= labels >= num_classes
    if wrong.any():
        last = "" if num_classes is None else f" to {num_classes - 1}"
        raise DataError(
            f"to_categorical: labels must be whole numbers from 0{last}, got {labels[wrong][0]} "
            f"({int(wrong.sum())} of {labels.size} are not)"
        )
    codes = labels.astype(np.intp)
    out = np.zeros((*codes.shape, num_classes or int(codes.max()) + 1), dtype)
    np.put_along_axis(out, codes[..., None], 1, axis=-1)
    return out
