"""The base class `ConfusionCounts`, which counts positive and negative predictions for one or more thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._load_budget import charge_memory
from fitwell._param_validation import ListOf, Real, validate_param
from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.losses.alignment import squeeze_or_expand_to_same_rank
from fitwell.losses.reduction import append_axes, fits_leading_axes
from fitwell.metrics.base import Metric, divide_no_nan

__all__ = [
    "ConfusionCounts",
    "THRESHOLDS_RULE",
    "broadcast_weights",
    "charge_thresholds",
    "parse_thresholds",
]

_THRESHOLD_RULE = Real(0, 1)
THRESHOLDS_RULE = _THRESHOLD_RULE | ListOf(_THRESHOLD_RULE, least=1)


def broadcast_weights(sample_weight: Any, shape: tuple[int, ...], dtype: Any) -> Array:
    """Broadcast sample weights to the shape of the predictions, or return ones if there are no weights."""
    if sample_weight is None:
        return jnp.ones(shape, dtype)
    weights = jnp.asarray(sample_weight).astype(dtype)
    if not fits_leading_axes(weights, shape):
        raise ShapeError(f"sample weights of shape {weights.shape} do not match predictions of shape {shape}")
    return jnp.broadcast_to(append_axes(weights, len(shape)), shape)


class ConfusionCounts(Metric):
    """Base class of metrics that are computed from the number of predictions above one or more thresholds.

    The labels are 0 and 1. Each element of the predictions ``[batch, ...]`` counts as one prediction. By default, all
    predictions are counted together. If `update_counts` is called with ``per_label=True``, each index of the last axis
    has separate counts.
    """

    def __init__(
        self,
        thresholds: Sequence[float],
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, dtype)
        self.top_k = top_k
        self.class_id = class_id
        self._thresholds = np.asarray(thresholds, dtype=np.float64)

    def add_counts(self, labels: int | None = None) -> None:
        """Create the accumulators for all thresholds.

        Args:
            labels (int | None): Number of labels with separate counts. Default: None, which means one count for
                all labels together.
        """
        trailing_shape = () if labels is None else (labels,)
        self._true_positives = self.add_compensated_sum(
            "true_positives", (len(self._thresholds), *trailing_shape)
        )
        self._false_positives = self.add_compensated_sum(
            "false_positives", (len(self._thresholds), *trailing_shape)
        )
        self._positives = self.add_compensated_sum("positives", trailing_shape)
        self._negatives = self.add_compensated_sum("negatives", trailing_shape)

    @property
    def true_positives(self) -> Array:
        """Weighted number of true positives (label 1 and ``ŷ > threshold``) for each threshold."""
        return self._true_positives.value

    @property
    def false_positives(self) -> Array:
        """Weighted number of false positives (label 0 and ``ŷ > threshold``) for each threshold."""
        return self._false_positives.value

    @property
    def true_negatives(self) -> Array:
        """Weighted number of true negatives (label 0 and ``ŷ <= threshold``) for each threshold."""
        return self._negatives.value - self._false_positives.value

    @property
    def false_negatives(self) -> Array:
        """Weighted number of false negatives (label 1 and ``ŷ <= threshold``) for each threshold."""
        return self._positives.value - self._true_positives.value

    def _recall(self) -> Array:
        """Compute the recall ``TP / (TP + FN)`` for each threshold, or 0 if no label is 1."""
        return divide_no_nan(self.true_positives, self._positives.value)

    def _specificity(self) -> Array:
        """Compute the specificity ``TN / (TN + FP)`` for each threshold, or 0 if no label is 0."""
        return divide_no_nan(self.true_negatives, self._negatives.value)

    def _precision(self) -> Array:
        """Compute the precision ``TP / (TP + FP)`` for each threshold, or 0 if no prediction is positive."""
        return divide_no_nan(self.true_positives, self.true_positives + self.false_positives)

    def update_counts(self, y_true: Any, y_pred: Any, weights: Any, per_label: bool = False) -> None:
        """Add the predictions in one batch to the counts.

        Args:
            y_true (ArrayLike): Labels (0 or 1), ``[batch, ...]``.
            y_pred (ArrayLike): Predictions of the same shape.
            weights (ArrayLike | None): Sample weights.
            per_label (bool): Whether to count each index of the last axis separately. Default: False.
        """
        dtype = self._true_positives.rounded_sum.dtype
        pred = jnp.asarray(y_pred).astype(dtype)
        true, pred = squeeze_or_expand_to_same_rank(jnp.asarray(y_true), pred)
        if true.shape != pred.shape:
            raise ShapeError(
                f"{self.name}: labels of shape {true.shape} do not match predictions of shape {pred.shape}. "
                "Labels must be 0 or 1. For more than two classes, use one-hot labels (utils.to_categorical)."
            )
        weights = broadcast_weights(weights, pred.shape, dtype)
        if self.top_k is not None:
            top_k_indices = jax.lax.top_k(pred, self.top_k)[1]
            is_top_k = jnp.sum(jax.nn.one_hot(top_k_indices, pred.shape[-1], dtype=dtype), axis=-2) > 0
            pred = jnp.where(is_top_k, pred, -jnp.inf)
        if self.class_id is not None:
            if pred.ndim < 2:
                raise ShapeError(
                    f"{self.name}: class_id requires predictions of shape [batch, classes], got shape {pred.shape}"
                )
            true, pred, weights = (array[..., self.class_id] for array in (true, pred, weights))
        trailing_shape = pred.shape[-1:] if per_label else ()
        true, pred, weights = (array.reshape((-1, *trailing_shape)) for array in (true, pred, weights))
        thresholds = jnp.asarray(self._thresholds, dtype).reshape((-1, *([1] * pred.ndim)))
        predicted = pred > thresholds
        positive = jnp.where(true != 0, weights, 0)
        negative = jnp.where(true != 0, 0, weights)
        self._true_positives.add(jnp.sum(jnp.where(predicted, positive, 0), axis=1))
        self._false_positives.add(jnp.sum(jnp.where(predicted, negative, 0), axis=1))
        self._positives.add(jnp.sum(positive, axis=0))
        self._negatives.add(jnp.sum(negative, axis=0))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Accumulate one batch.

        Args:
            y_true (ArrayLike): Labels (0 or 1), ``[batch, ...]``.
            y_pred (ArrayLike): Probabilities of the same shape.
            sample_weight (ArrayLike | None): Weights, ``[batch]``. Default: None.
        """
        self.update_counts(y_true, y_pred, sample_weight)


def charge_thresholds(metric: Metric, count: Any) -> None:
    """Count a metric's thresholds toward the memory limit for the file that is being loaded, if any.

    The metric may come from an untrusted file, so this function must be called before the thresholds are created.
    """
    charge_memory(
        4 * count * np.dtype(np.float64).itemsize, f"{type(metric).__name__} with num_thresholds={count:,}"
    )


def parse_thresholds(metric: str, thresholds: Any, default: float) -> list[float]:
    """Check thresholds and convert them to a list of numbers from 0 to 1.

    Args:
        metric (str): The name of the metric for error messages.
        thresholds (float | list[float] | None): The thresholds.
        default (float): The only threshold if `thresholds` is None.

    Returns:
        list[float]: The thresholds.
    """
    if thresholds is None:
        return [default]
    found = validate_param(metric, "thresholds", thresholds, THRESHOLDS_RULE)
    return list(found) if isinstance(found, tuple) else [found]
