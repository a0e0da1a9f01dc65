"""The accuracy family: shares of rows that are predicted right."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import validate_params
from fitwell.errors import ShapeError
from fitwell.losses.base import squeeze_or_expand_to_same_rank
from fitwell.losses.crossentropy import to_class_indices
from fitwell.metrics.base import METRIC_RULES, Array, metric_registry
from fitwell.metrics.reduction_metrics import MeanOverSamples


def _match_shapes(metric: str, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    true, pred = squeeze_or_expand_to_same_rank(jnp.asarray(y_true), jnp.asarray(y_pred))
    if true.shape != pred.shape:
        raise ShapeError(
            f"{metric}: targets of shape {true.shape} do not fit predictions of shape {pred.shape}"
        )
    return true, pred


def _argmax(scores: Array) -> Array:
    """Return the index of the (first) largest score along the last axis.

    Two plain reductions; XLA's own argmax is one of pairs, which it does not vectorise on CPUs.
    """
    places = jnp.arange(scores.shape[-1], dtype=jnp.int32)
    largest = jnp.max(scores, axis=-1, keepdims=True)
    return jnp.min(jnp.where(scores == largest, places, scores.shape[-1]), axis=-1)


def accuracy(y_true: Any, y_pred: Any) -> Array:
    """1 where a prediction equals its target exactly, else 0; of the shape of the predictions."""
    true, pred = _match_shapes("accuracy", y_true, y_pred)
    return (true.astype(pred.dtype) == pred).astype(jnp.float32)


@validate_params(METRIC_RULES)
def binary_accuracy(y_true: Any, y_pred: Any, threshold: Any = 0.5) -> Array:
    """1 where ``ŷ > threshold`` agrees with the label (0 or 1), else 0; of the shape of `y_pred`."""
    true, pred = _match_shapes("binary_accuracy", y_true, y_pred)
    said = (pred > jnp.asarray(threshold, pred.dtype)).astype(jnp.float32)
    return (true.astype(jnp.float32) == said).astype(jnp.float32)


def sign_accuracy(y_true: Any, y_pred: Any) -> Array:
    """1 where ŷ and the label are on the same side of 0, else 0: labels -1 and 1 (or 0 and 1), and logits."""
    true, pred = _match_shapes("sign_accuracy", y_true, y_pred)
    return ((true > 0) == (pred > 0)).astype(jnp.float32)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Array:
    """1 where the largest prediction is at the largest target, else 0.

    ``[batch, ..., classes]`` twice gives ``[batch, ...]``.
    """
    true, pred = _match_shapes("categorical_accuracy", y_true, y_pred)
    return (_argmax(true) == _argmax(pred)).astype(jnp.float32)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Array:
    """1 where the largest prediction is that of the class; class numbers ``[batch]`` or ``[batch, 1]``."""
    pred = jnp.asarray(y_pred)
    labels = to_class_indices("sparse_categorical_accuracy", y_true, pred)
    return (_argmax(pred) == labels).astype(jnp.float32)


@validate_params(METRIC_RULES)
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
    labels = to_class_indices("sparse_top_k_categorical_accuracy", y_true, pred)
    if from_sorted_ids:
        return jnp.any(pred[..., :k] == labels[..., None], axis=-1).astype(jnp.float32)
    is_label = jax.nn.one_hot(labels, pred.shape[-1], dtype=jnp.bool_)
    own = jnp.max(jnp.where(is_label, pred, -jnp.inf), axis=-1, keepdims=True)
    return ((jnp.sum(pred > own, axis=-1) < k) & jnp.isfinite(own[..., 0])).astype(jnp.float32)


@validate_params(METRIC_RULES)
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Array:
    """1 where the class of a one-hot target is among the k largest predictions, else 0."""
    true, pred = _match_shapes("top_k_categorical_accuracy", y_true, y_pred)
    return sparse_top_k_categorical_accuracy(_argmax(true), pred, k)


@metric_registry.register()
class Accuracy(MeanOverSamples):
    """Share of predictions equal to their targets. (``metrics=["accuracy"]`` chooses a fitting one instead.)

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
    """

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 or 0 for each prediction."""
        return accuracy(y_true, y_pred)


@metric_registry.register()
class BinaryAccuracy(MeanOverSamples):
    """Share of labels 0 and 1 that ``ŷ > threshold`` gets right.

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
        threshold: 0.5 by default, 0 for logits; data.
    """

    hyperparameters = ("threshold",)

    @validate_params(METRIC_RULES)
    def __init__(self, name: str | None = None, dtype: Any = None, threshold: Any = 0.5) -> None:
        super().__init__(name, dtype)
        self.threshold = threshold

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 or 0 for each prediction."""
        return binary_accuracy(y_true, y_pred, self.threshold)


@metric_registry.register()
class SignAccuracy(MeanOverSamples):
    """Share of predictions on the same side of 0 as their labels, -1 and 1 or 0 and 1. Not in Keras.

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
    """

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 or 0 for each prediction."""
        return sign_accuracy(y_true, y_pred)


@metric_registry.register()
class CategoricalAccuracy(MeanOverSamples):
    """Share of rows whose largest prediction is at the class of the one-hot target.

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
    """

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 or 0 for each row."""
        return categorical_accuracy(y_true, y_pred)


@metric_registry.register()
class SparseCategoricalAccuracy(MeanOverSamples):
    """Share of rows whose largest prediction is at the class number.

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
    """

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 or 0 for each row."""
        return sparse_categorical_accuracy(y_true, y_pred)


@metric_registry.register()
class TopKCategoricalAccuracy(MeanOverSamples):
    """Share of rows whose class (one-hot target) is among the k largest predictions.

    Args:
        k: how many, 5 by default.
        name: see `Metric`.
        dtype: see `Metric`.
    """

    @validate_params(METRIC_RULES)
    def __init__(self, k: int = 5, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self.k = k

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 or 0 for each row."""
        return top_k_categorical_accuracy(y_true, y_pred, self.k)


@metric_registry.register()
class SparseTopKCategoricalAccuracy(MeanOverSamples):
    """Share of rows whose class number is among the k largest predictions.

    Args:
        k: how many, 5 by default.
        name: see `Metric`.
        dtype: see `Metric`.
        from_sorted_ids: whether predictions are class numbers sorted from the most likely; False by default.
    """

    @validate_params(METRIC_RULES)
    def __init__(
        self, k: int = 5, name: str | None = None, dtype: Any = None, from_sorted_ids: bool = False
    ) -> None:
        super().__init__(name, dtype)
        self.k = k
        self.from_sorted_ids = from_sorted_ids

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 or 0 for each row."""
        return sparse_top_k_categorical_accuracy(y_true, y_pred, self.k, self.from_sorted_ids)
