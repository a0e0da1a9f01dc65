"""Accuracy metrics, which compute the fraction of rows that are predicted correctly."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.losses.alignment import squeeze_or_expand_to_same_rank
from fitwell.losses.probabilities import to_class_indices
from fitwell.metrics.base import METRIC_RULES, metric_registry
from fitwell.metrics.reduction_metrics import MeanOverSamples

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "SignAccuracy",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "accuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "sign_accuracy",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]


def _match_shapes(metric: str, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    true, pred = squeeze_or_expand_to_same_rank(jnp.asarray(y_true), jnp.asarray(y_pred))
    if true.shape != pred.shape:
        raise ShapeError(
            f"{metric}: targets of shape {true.shape} do not match predictions of shape {pred.shape}"
        )
    return true, pred


def _argmax(scores: Array) -> Array:
    """Return the index of the largest score along the last axis, or the first such index if there is a tie.

    The index is computed with a maximum and a minimum. XLA's argmax reduces pairs of values and indices instead,
    and XLA does not vectorize this reduction on CPUs.
    """
    indices = jnp.arange(scores.shape[-1], dtype=jnp.int32)
    largest = jnp.max(scores, axis=-1, keepdims=True)
    return jnp.min(jnp.where(scores == largest, indices, scores.shape[-1]), axis=-1)


def accuracy(y_true: Any, y_pred: Any) -> Array:
    """Return 1 where a prediction equals its target exactly, and 0 elsewhere.

    Args:
        y_true (ArrayLike): Targets, ``[batch, ...]``.
        y_pred (ArrayLike): Predictions of the same shape.

    Returns:
        Array: A float32 array of ones and zeros with the shape of the predictions.

    Example:
        >>> import fitwell as fw
        >>> fw.metrics.accuracy([1.0, 2.0], [1.0, 3.0]).tolist()
        [1.0, 0.0]
    """
    true, pred = _match_shapes("accuracy", y_true, y_pred)
    return (true.astype(pred.dtype) == pred).astype(jnp.float32)


@validate_params(METRIC_RULES)
def binary_accuracy(y_true: Any, y_pred: Any, threshold: Any = 0.5) -> Array:
    """Return 1 where ``ŷ > threshold`` agrees with the label, and 0 elsewhere.

    Args:
        y_true (ArrayLike): Labels (0 or 1), ``[batch, ...]``.
        y_pred (ArrayLike): Predictions of the same shape.
        threshold (float): Predictions above this value count as label 1. Default: 0.5.

    Returns:
        Array: A float32 array of ones and zeros with the shape of the predictions.

    Example:
        >>> import fitwell as fw
        >>> fw.metrics.binary_accuracy([1.0, 0.0], [0.9, 0.6]).tolist()
        [1.0, 0.0]
    """
    true, pred = _match_shapes("binary_accuracy", y_true, y_pred)
    predicted = (pred > jnp.asarray(threshold, pred.dtype)).astype(jnp.float32)
    return (true.astype(jnp.float32) == predicted).astype(jnp.float32)


def sign_accuracy(y_true: Any, y_pred: Any) -> Array:
    """Return 1 where the prediction's sign matches the label, and 0 elsewhere.

    A prediction of 0 counts as negative. Keras does not have this function.

    Args:
        y_true (ArrayLike): Labels in {-1, 1} or {0, 1}, ``[batch, ...]``.
        y_pred (ArrayLike): Margins or logits of the same shape.

    Returns:
        Array: A float32 array of ones and zeros with the shape of the predictions.

    Example:
        >>> import fitwell as fw
        >>> fw.metrics.sign_accuracy([1.0, 0.0], [2.0, 0.6]).tolist()
        [1.0, 0.0]
    """
    true, pred = _match_shapes("sign_accuracy", y_true, y_pred)
    return ((true > 0) == (pred > 0)).astype(jnp.float32)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Array:
    """Return 1 for rows whose largest prediction has the same index as the largest target, and 0 for other rows.

    Args:
        y_true (ArrayLike): One-hot labels, ``[batch, ..., classes]``.
        y_pred (ArrayLike): Scores of the same shape.

    Returns:
        Array: A float32 array of ones and zeros, ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> fw.metrics.categorical_accuracy([[0, 1]], [[0.2, 0.8]]).tolist()
        [1.0]
    """
    true, pred = _match_shapes("categorical_accuracy", y_true, y_pred)
    return (_argmax(true) == _argmax(pred)).astype(jnp.float32)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Array:
    """Return 1 for rows whose largest prediction is at the target's class index, and 0 for other rows.

    Args:
        y_true (ArrayLike): Class indices, ``[batch]`` or ``[batch, 1]``.
        y_pred (ArrayLike): Scores, ``[batch, classes]``.

    Returns:
        Array: A float32 array of ones and zeros, ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> fw.metrics.sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.4, 0.6]]).tolist()
        [1.0, 0.0]
    """
    pred = jnp.asarray(y_pred)
    labels = to_class_indices("sparse_categorical_accuracy", y_true, pred)
    return (_argmax(pred) == labels).astype(jnp.float32)


@validate_params(METRIC_RULES)
def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Array:
    """Return 1 for rows whose true class has one of the k largest scores, and 0 for other rows.

    A class has one of the k largest scores if fewer than k scores exceed its score. Equal scores do not count
    against the class, as in Keras.

    Args:
        y_true (ArrayLike): Class indices, ``[batch]`` or ``[batch, 1]``.
        y_pred (ArrayLike): Scores, ``[batch, classes]``. If `from_sorted_ids` is True, class indices in order of
            decreasing likelihood.
        k (int): Number of largest scores to consider. Default: 5.
        from_sorted_ids (bool): Whether `y_pred` contains sorted class indices instead of scores. Default: False.

    Returns:
        Array: A float32 array of ones and zeros, ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> fw.metrics.sparse_top_k_categorical_accuracy([2], [[0.2, 0.5, 0.3]], k=2).tolist()
        [1.0]
    """
    pred = jnp.asarray(y_pred)
    labels = to_class_indices("sparse_top_k_categorical_accuracy", y_true, pred)
    if from_sorted_ids:
        return jnp.any(pred[..., :k] == labels[..., None], axis=-1).astype(jnp.float32)
    is_label = jax.nn.one_hot(labels, pred.shape[-1], dtype=jnp.bool_)
    label_score = jnp.max(jnp.where(is_label, pred, -jnp.inf), axis=-1, keepdims=True)
    return ((jnp.sum(pred > label_score, axis=-1) < k) & jnp.isfinite(label_score[..., 0])).astype(
        jnp.float32
    )


@validate_params(METRIC_RULES)
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Array:
    """Return 1 for rows whose true class has one of the k largest scores, and 0 for other rows.

    This function takes one-hot targets. For class indices, use `sparse_top_k_categorical_accuracy`.

    Args:
        y_true (ArrayLike): One-hot labels, ``[batch, classes]``.
        y_pred (ArrayLike): Scores of the same shape.
        k (int): Number of largest scores to consider. Default: 5.

    Returns:
        Array: A float32 array of ones and zeros, ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> fw.metrics.top_k_categorical_accuracy([[0, 0, 1]], [[0.2, 0.5, 0.3]], k=2).tolist()
        [1.0]
    """
    true, pred = _match_shapes("top_k_categorical_accuracy", y_true, y_pred)
    return sparse_top_k_categorical_accuracy(_argmax(true), pred, k)


@metric_registry.register()
class Accuracy(MeanOverSamples):
    """Fraction of predictions that equal their targets.

    Note that ``metrics=["accuracy"]`` does not select this class. It selects the accuracy metric that matches the loss
    and the targets.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.Accuracy()
        >>> float(metric([1.0, 2.0], [1.0, 3.0]))
        0.5

    Source: Keras `Accuracy`.
    """

    direction = "max"

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 for each correct prediction and 0 for others. See `MeanOverSamples`."""
        return accuracy(y_true, y_pred)


@metric_registry.register()
class BinaryAccuracy(MeanOverSamples):
    """Fraction of labels that ``ŷ > threshold`` predicts correctly, for labels 0 and 1.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.
        threshold (float): Predictions above this value count as label 1. Use 0 for logits. You can change this
            hyperparameter without recompilation. Default: 0.5.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.BinaryAccuracy()
        >>> float(metric([1.0, 0.0], [0.9, 0.6]))
        0.5

    Source: Keras `BinaryAccuracy`.
    """

    direction = "max"

    hyperparameters = ("threshold",)

    @validate_params(METRIC_RULES)
    def __init__(self, name: str | None = None, dtype: Any = None, threshold: Any = 0.5) -> None:
        super().__init__(name, dtype)
        self.threshold = threshold

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 for each correct prediction and 0 for others. See `MeanOverSamples`."""
        return binary_accuracy(y_true, y_pred, self.threshold)


@metric_registry.register()
class SignAccuracy(MeanOverSamples):
    """Fraction of predictions whose sign matches the label, for labels in {-1, 1} or {0, 1}.

    A prediction of 0 counts as negative. Keras does not have this metric.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.SignAccuracy()
        >>> float(metric([1.0, -1.0], [2.0, 0.6]))
        0.5
    """

    direction = "max"

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 for each correct prediction and 0 for others. See `MeanOverSamples`."""
        return sign_accuracy(y_true, y_pred)


@metric_registry.register()
class CategoricalAccuracy(MeanOverSamples):
    """Fraction of rows in which the true class has the largest prediction, for one-hot targets.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.CategoricalAccuracy()
        >>> float(metric([[0, 1]], [[0.2, 0.8]]))
        1.0

    Source: Keras `CategoricalAccuracy`.
    """

    direction = "max"

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 for each correct row and 0 for others. See `MeanOverSamples`."""
        return categorical_accuracy(y_true, y_pred)


@metric_registry.register()
class SparseCategoricalAccuracy(MeanOverSamples):
    """Fraction of rows in which the true class has the largest prediction, for class indices.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.SparseCategoricalAccuracy()
        >>> float(metric([1, 0], [[0.2, 0.8], [0.4, 0.6]]))
        0.5

    Source: Keras `SparseCategoricalAccuracy`.
    """

    direction = "max"

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 for each correct row and 0 for others. See `MeanOverSamples`."""
        return sparse_categorical_accuracy(y_true, y_pred)


@metric_registry.register()
class TopKCategoricalAccuracy(MeanOverSamples):
    """Fraction of rows whose true class has one of the k largest scores, for one-hot targets.

    Args:
        k (int): Number of largest scores to consider. Default: 5.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.TopKCategoricalAccuracy(k=2)
        >>> float(metric([[0, 0, 1]], [[0.2, 0.5, 0.3]]))
        1.0

    Source: Keras `TopKCategoricalAccuracy`.
    """

    direction = "max"

    @validate_params(METRIC_RULES)
    def __init__(self, k: int = 5, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self.k = k

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 for each correct row and 0 for others. See `MeanOverSamples`."""
        return top_k_categorical_accuracy(y_true, y_pred, self.k)


@metric_registry.register()
class SparseTopKCategoricalAccuracy(MeanOverSamples):
    """Fraction of rows whose true class has one of the k largest scores, for class indices.

    Args:
        k (int): Number of largest scores to consider. Default: 5.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.
        from_sorted_ids (bool): Whether the predictions are class indices in order of decreasing likelihood, instead of
            scores. Default: False.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.SparseTopKCategoricalAccuracy(k=2)
        >>> float(metric([2], [[0.2, 0.5, 0.3]]))
        1.0

    Source: Keras `SparseTopKCategoricalAccuracy`.
    """

    direction = "max"

    @validate_params(METRIC_RULES)
    def __init__(
        self, k: int = 5, name: str | None = None, dtype: Any = None, from_sorted_ids: bool = False
    ) -> None:
        super().__init__(name, dtype)
        self.k = k
        self.from_sorted_ids = from_sorted_ids

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return 1 for each correct row and 0 for others. See `MeanOverSamples`."""
        return sparse_top_k_categorical_accuracy(y_true, y_pred, self.k, self.from_sorted_ids)
