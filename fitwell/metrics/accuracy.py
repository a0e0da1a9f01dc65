"""The accuracy family: shares of rows that are predicted right."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell.arguments import checked
from fitwell.errors import ShapeError
from fitwell.losses.base import align
from fitwell.losses.crossentropy import class_numbers
from fitwell.metrics.base import METRIC, Array, registry
from fitwell.metrics.reductions import RowMean


def _equal_shapes(metric: str, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    true, pred = align(jnp.asarray(y_true), jnp.asarray(y_pred))
    if true.shape != pred.shape:
        raise ShapeError(
            f"{metric}: targets of shape {true.shape} do not fit predictions of shape {pred.shape}"
        )
    return true, pred


def _first_largest(scores: Array) -> Array:
    """Return the index of the (first) largest score along the last axis.

    Two plain reductions; XLA's own argmax is one of pairs, which it does not vectorise on CPUs.
    """
    places = jnp.arange(scores.shape[-1], dtype=jnp.int32)
    largest = jnp.max(scores, axis=-1, keepdims=True)
    return jnp.min(jnp.where(scores == largest, places, scores.shape[-1]), axis=-1)


def accuracy(y_true: Any, y_pred: Any) -> Array:
    """1 where a prediction equals its target exactly, else 0; of the shape of the predictions."""
    true, pred = _equal_shapes("accuracy", y_true, y_pred)
    return (true.astype(pred.dtype) == pred).astype(jnp.float32)


@checked(METRIC)
def binary_accuracy(y_true: Any, y_pred: Any, threshold: Any = 0.5) -> Array:
    """1 where ``ŷ > threshold`` agrees with the label (0 or 1), else 0; of the shape of `y_pred`."""
    true, pred = _equal_shapes("binary_accuracy", y_true, y_pred)
    said = (pred > jnp.asarray(threshold, pred.dtype)).astype(jnp.float32)
    return (true.astype(jnp.float32) == said).astype(jnp.float32)


def sign_accuracy(y_true: Any, y_pred: Any) -> Array:
    """1 where ŷ and the label are on the same side of 0, else 0: labels -1 and 1 (or 0 and 1), and logits."""
    true, pred = _equal_shapes("sign_accuracy", y_true, y_pred)
    return ((true > 0) == (pred > 0)).astype(jnp.float32)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Array:
    """1 where the largest prediction is at the largest target, else 0.

    ``[batch, ..., classes]`` twice gives ``[batch, ...]``.
    """
    true, pred = _equal_shapes("categorical_accuracy", y_true, y_pred)
    return (_first_largest(true) == _first_largest(pred)).astype(jnp.float32)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Array:
    """1 where the largest prediction is that of the class; class numbers ``[batch]`` or ``[batch, 1]``."""
    pred = jnp.asarray(y_pred)
    labels = class_numbers("sparse_categorical_accuracy", y_true, pred)
    return (_first_largest(pred) == labels).astype(jnp.float32)


@checked(METRIC)
def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Array:
    """1 where the class is among the k largest predictions, else 0.

    Args:
        y_true: class numbers, ``[batch]`` or ``[batch, 1]``.
        y_pred: scores ``[batch, classes]``; with `from_sorted_ids`, class numbers sorted from the most
            likely.
        k: how many, 5 by default.
        from_sorted_ids: see `y_pred`; False by default.

    A class counts as among them if fewer than k scores are larger than its own, so ties favour it (as in
    Keras).
    """
    pred = jnp.asarray(y_pred)
    labels = class_numbers("sparse_top_k_categorical_accuracy", y_true, pred)
    if from_sorted_ids:
        return jnp.any(pred[..., :k] == labels[..., None], axis=-1).astype(jnp.float32)
    is_label = jax.nn.one_hot(labels, pred.shape[-1], dtype=jnp.bool_)
    own = jnp.max(jnp.where(is_label, pred, -jnp.inf), axis=-1, keepdims=True)
    return ((jnp.sum(pred > own, axis=-1) < k) & jnp.isfinite(own[..., 0])).astype(jnp.float32)


@checked(METRIC)
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Array:
    """1 where the class of a one-hot target is among the k largest predictions, else 0."""
    true, pred = _equal_shapes("top_k_categorical_accuracy", y_true, y_pred)
    return sparse_top_k_categorical_accuracy(_first_largest(true), pred, k)


@registry.register()
class Accuracy(RowMean):
    """Share of predictions equal to their targets. (``metrics=["accuracy"]`` chooses a fitting one instead.)

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
    """

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 or 0 for each prediction."""
        return accuracy(y_true, y_pred)


@registry.register()
class BinaryAccuracy(RowMean):
    """Share of labels 0 and 1 that ``ŷ > threshold`` gets right.

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
        threshold: 0.5 by default, 0 for logits; data.
    """

    hyperparameters = ("threshold",)

    @checked(METRIC)
    def __init__(self, name: str | None = None, dtype: Any = None, threshold: Any = 0.5) -> None:
        super().__init__(name, dtype)
        self.threshold = threshold

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 or 0 for each prediction."""
        return binary_accuracy(y_true, y_pred, self.threshold)


@registry.register()
class SignAccuracy(RowMean):
    """Share of predictions on the same side of 0 as their labels, -1 and 1 or 0 and 1. Not in Keras.

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
    """

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 or 0 for each prediction."""
        return sign_accuracy(y_true, y_pred)


@registry.register()
class CategoricalAccuracy(RowMean):
    """Share of rows whose largest prediction is at the class of the one-hot target.

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
    """

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 or 0 for each row."""
        return categorical_accuracy(y_true, y_pred)


@registry.register()
class SparseCategoricalAccuracy(RowMean):
    """Share of rows whose largest prediction is at the class number.

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
    """

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 or 0 for each row."""
        return sparse_categorical_accuracy(y_true, y_pred)


@registry.register()
class TopKCategoricalAccuracy(RowMean):
    """Share of rows whose class (one-hot target) is among the k largest predictions.

    Args:
        k: how many, 5 by default.
        name: see `Metric`.
        dtype: see `Metric`.
    """

    @checked(METRIC)
    def __init__(self, k: int = 5, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self.k = k

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 or 0 for each row."""
        return top_k_categorical_accuracy(y_true, y_pred, self.k)


@registry.register()
class SparseTopKCategoricalAccuracy(RowMean):
    """Share of rows whose class number is among the k largest predictions.

    Args:
        k: how many, 5 by default.
        name: see `Metric`.
        dtype: see `Metric`.
        from_sorted_ids: whether predictions are class numbers sorted from the most likely; False by default.
    """

    @checked(METRIC)
    def __init__(
        self, k: int = 5, name: str | None = None, dtype: Any = None, from_sorted_ids: bool = False
    ) -> None:
        super().__init__(name, dtype)
        self.k = k
        self.from_sorted_ids = from_sorted_ids

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 or 0 for each row."""
        return sparse_top_k_categorical_accuracy(y_true, y_pred, self.k, self.from_sorted_ids)
