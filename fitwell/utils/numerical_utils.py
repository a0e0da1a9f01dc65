"""Numerical utilities: one-hot encoding and normalization."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fitwell._param_validation import DType, Integer, NumericArray, Real, validate_params
from fitwell.errors import DataError, InvalidArgument

__all__ = [
    "normalize",
    "to_categorical",
]


@validate_params(num_classes=Integer(1) | None, dtype=DType())
def to_categorical(x: Any, num_classes: int | None = None, dtype: DTypeLike = "float32") -> NDArray[Any]:
    """Convert class indices to one-hot rows, where ``out[..., c]`` is 1 if ``x[...]`` is `c` and 0 otherwise.

    Args:
        x (ArrayLike): Integers from 0 to ``num_classes - 1``, of any shape. A last axis of size 1 is dropped.
        num_classes (int | None): Size of the new last axis. Default: None, which means the largest class
            index plus one.
        dtype (str): The result's dtype. Keras 3 always returns float64, which needs twice the memory.
            Default: "float32".

    Returns:
        ndarray: The one-hot rows, ``[..., num_classes]``.

    Raises:
        DataError: if a label is not an integer from 0 to ``num_classes - 1``, or the number of classes is unknown.
        InvalidArgument: if `num_classes` is not an integer of at least 1.

    Example:
        >>> import fitwell as fw
        >>> fw.utils.to_categorical([0, 2])
        array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)

    Source: Keras `to_categorical`.
    """
    labels = np.asarray(x)
    if labels.dtype.kind not in "biuf":
        raise DataError(
            f"to_categorical: labels must be class indices, got an array of {labels.dtype}; "
            "to convert other labels, write codes, classes = fitwell.utils.class_codes(x)"
        )
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is None and labels.size == 0:
        raise DataError("to_categorical: x is empty, so the number of classes is unknown; pass num_classes")
    wrong = ~((labels >= 0) & (labels == np.floor(labels)))  # negated, so that NaN is also invalid
    if num_classes is not None:
        wrong |= labels >= num_classes
    if wrong.any():
        valid = ">= 0" if num_classes is None else f"from 0 to {num_classes - 1}"
        raise DataError(
            f"to_categorical: labels must be integers {valid}, got {labels[wrong][0]} "
            f"(invalid labels: {int(wrong.sum())} of {labels.size})"
        )
    codes = labels.astype(np.intp)
    out = np.zeros((*codes.shape, num_classes or int(codes.max()) + 1), dtype)
    np.put_along_axis(out, codes[..., None], 1, axis=-1)
    return out


@validate_params(x=NumericArray(finite=False), order=Real(0, closed="right", infinite=True))
def normalize(x: Any, axis: int = -1, order: float = 2) -> NDArray[Any]:
    """Divide `x` by its norms along `axis`, so that all vectors along it have norm 1. Zero vectors remain zero.

    For columns with mean 0 and variance 1, which networks usually need, use `layers.Normalization`.

    Args:
        x (ArrayLike): Numbers of any shape.
        axis (int): Axis along which the norm is computed. Default: -1.
        order (float): Order of the norm. 2 means the root of the sum of squares, and 1 means the sum of
            absolute values. Default: 2.

    Returns:
        ndarray: An array with the same shape as `x`.

    Raises:
        InvalidArgument: if `x` does not have this axis.

    Example:
        >>> import fitwell as fw
        >>> fw.utils.normalize([[3.0, 4.0]])
        array([[0.6, 0.8]])

    Source: Keras `normalize`.
    """
    x = np.asarray(x)
    if not -x.ndim <= axis < x.ndim:
        raise InvalidArgument(f"normalize: axis={axis} is not an axis of x, whose shape is {x.shape}")
    norms = np.atleast_1d(np.linalg.norm(x, order, axis, keepdims=True))
    return np.asarray(x / np.where(norms == 0, 1, norms))
