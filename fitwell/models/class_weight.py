"""Class weights: one factor for each class of a model with a single output."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fitwell._data.loaders import Batch
from fitwell._param_validation import Identifier
from fitwell.errors import InvalidArgument

__all__ = ["CLASS_WEIGHT", "apply_class_weight"]


def apply_class_weight(
    class_weight: Mapping[Any, float] | None, batch: Batch, has_all_rows: bool = False
) -> Batch:
    """Multiply each row's weight by the weight of its class.

    The model must have one output with integer or one-hot targets.

    Args:
        class_weight: A dict that maps classes to weights, or None to return `batch` unchanged.
        batch: The rows.
        has_all_rows: Whether `batch` contains all the data. If so, weights for negative classes are allowed
            only if the targets contain negative classes.
    """
    if class_weight is None:
        return batch
    factors = _by_class(class_weight)
    if batch.y is None or len(batch.y) != 1:
        raise InvalidArgument(
            "class_weight works only for models with a single output; use sample_weight instead"
        )
    y = np.asarray(batch.y[0])
    # Targets with one value per time step and multi-label targets are not one-hot.
    one_hot = y.ndim > 1 and y.shape[-1] > 1 and bool(np.all(y >= 0)) and np.allclose(y.sum(axis=-1), 1)
    if not one_hot and y.size != len(y):
        raise InvalidArgument(
            f"class_weight needs one class per row, as a number or one-hot vector, but y has shape {y.shape}; use "
            "sample_weight instead"
        )
    classes = np.argmax(y, axis=-1) if one_hot else np.round(y.reshape(len(y)))
    present, places = np.unique(classes, return_inverse=True)
    _check_classes(factors, present, y.shape[-1] if one_hot else None, has_all_rows)
    # Look up weights by class number instead of position, because hinge losses use -1 as a class.
    weights = np.array([factors.get(int(label), 1.0) for label in present], np.float32)[places]
    sample_weights = batch.weights[0] if batch.weights is not None else None
    if sample_weights is not None:
        axes = max(weights.ndim, sample_weights.ndim)
        weights, sample_weights = (
            w.reshape(w.shape + (1,) * (axes - w.ndim)) for w in (weights, sample_weights)
        )
        weights = weights * sample_weights
    return Batch(batch.x, batch.y, [weights], batch.sample_mask)


def _check_classes(
    classes: Iterable[int], present: np.ndarray, columns: int | None, has_all_rows: bool
) -> None:
    for label in classes:
        if columns is not None and not 0 <= label < columns:
            raise InvalidArgument(
                f"class_weight: there is a weight for class {label}, but the one-hot targets have {columns} columns"
            )
        if has_all_rows and label < 0 and present.min() >= 0:
            raise InvalidArgument(
                f"class_weight: there is a weight for class {label}, but y does not contain that class"
            )


def _by_class(class_weight: Any) -> dict[int, float]:
    """Return a dict that maps integer classes to weights.

    The keys of `class_weight` may be any numbers that equal an integer, such as ``0.0``.
    """
    if not hasattr(class_weight, "items"):
        raise InvalidArgument(
            "class_weight: expected a dict that maps class numbers to weights, such as {0: 1.0, 1: 5.0}, got "
            f"{type(class_weight).__name__}; convert a list of weights with dict(enumerate(weights))"
        )
    factors: dict[int, float] = {}
    for key, value in class_weight.items():
        if not isinstance(key, numbers.Real | np.bool_) or not float(key).is_integer():
            raise InvalidArgument(
                f"class_weight: expected class numbers as keys, such as {{0: 1.0, 1: 5.0}}, got {key!r}; convert "
                "other labels to class numbers with fitwell.utils.class_codes"
            )
        if not isinstance(value, numbers.Real) or not math.isfinite(value) or value < 0:
            raise InvalidArgument(
                f"class_weight: the weight of class {key!r} must be a finite number >= 0, got {value!r}"
            )
        factors[int(float(key))] = float(value)
    return factors


# The validation rule for the argument `class_weight`.
CLASS_WEIGHT = Identifier(_by_class) | None
