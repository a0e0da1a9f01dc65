"""Confusion metrics: counts of predictions above a threshold that are right and wrong, precision, recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._load_budget import charge_memory
from fitwell._param_validation import ListOf, Real, validate_param, validate_params
from fitwell.errors import ShapeError
from fitwell.losses.base import squeeze_or_expand_to_same_rank
from fitwell.metrics.base import METRIC_RULES, Array, Metric, divide_no_nan, metric_registry

_THRESHOLD_RULE = Real(0, 1)
THRESHOLDS_RULE = _THRESHOLD_RULE | ListOf(_THRESHOLD_RULE, least=1)


def broadcast_weights(sample_weight: Any, shape: tuple[int, ...], dtype: Any) -> Array:
    """Broadcast weights, one for each row or each prediction, to `shape`; ones if there are none."""
    if sample_weight is None:
        return jnp.ones(shape, dtype)
    weights = jnp.asarray(sample_weight).astype(dtype)
    spread = weights.reshape(weights.shape + (1,) * (len(shape) - weights.ndim))
    if spread.ndim > len(shape) or any(
        have not in (1, want) for have, want in zip(spread.shape, shape, strict=True)
    ):
        raise ShapeError(f"sample weights of shape {weights.shape} do not fit predictions of shape {shape}")
    return jnp.broadcast_to(spread, shape)


class ConfusionCounts(Metric):
    """Base class of metrics computed from counts of predictions ``ŷ > threshold``, for one or several thresholds.

    Labels are 0 and 1. Each element of ``[batch, ...]`` is one prediction; with `per_label`, the last axis is kept.
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
        """Create the accumulators, one for each threshold, and for each label if `labels` is their number."""
        tail = () if labels is None else (labels,)
        self._true_positives = self.add_compensated_sum("true_positives", (len(self._thresholds), *tail))
        self._false_positives = self.add_compensated_sum("false_positives", (len(self._thresholds), *tail))
        self._positives = self.add_compensated_sum("positives", tail)
        self._negatives = self.add_compensated_sum("negatives", tail)

    @property
    def true_positives(self) -> Array:
        """Weighted number of labels 1 with ``ŷ > threshold``, for each threshold."""
        return self._true_positives.value

    @property
    def false_positives(self) -> Array:
        """Weighted number of labels 0 with ``ŷ > threshold``, for each threshold."""
        return self._false_positives.value

    @property
    def true_negatives(self) -> Array:
        """Weighted number of labels 0 with ``ŷ <= threshold``, for each threshold."""
        return self._negatives.value - self._false_positives.value

    @property
    def false_negatives(self) -> Array:
        """Weighted number of labels 1 with ``ŷ <= threshold``, for each threshold."""
        return self._positives.value - self._true_positives.value

    def update_counts(self, y_true: Any, y_pred: Any, weights: Any, per_label: bool = False) -> None:
        """Accumulate the labels, predictions and weights of one batch."""
        dtype = self._true_positives.rounded_sum.dtype
        pred = jnp.asarray(y_pred).astype(dtype)
        true, pred = squeeze_or_expand_to_same_rank(jnp.asarray(y_true), pred)
        if true.shape != pred.shape:
            raise ShapeError(
                f"{self.name}: labels of shape {true.shape} do not fit predictions of shape {pred.shape}; "
                "targets must be 0 and 1, one-hot for several classes (utils.to_categorical)"
            )
        spread = broadcast_weights(weights, pred.shape, dtype)
        if self.top_k is not None:
            chosen = jax.lax.top_k(pred, self.top_k)[1]
            among = jnp.sum(jax.nn.one_hot(chosen, pred.shape[-1], dtype=dtype), axis=-2) > 0
            pred = jnp.where(among, pred, -jnp.inf)
        if self.class_id is not None:
            if pred.ndim < 2:
                raise ShapeError(
                    f"{self.name}: class_id needs predictions [batch, classes], got {pred.shape}"
                )
            true, pred, spread = (array[..., self.class_id] for array in (true, pred, spread))
        tail = pred.shape[-1:] if per_label else ()
        true, pred, spread = (array.reshape((-1, *tail)) for array in (true, pred, spread))
        cuts = jnp.asarray(self._thresholds, dtype).reshape((-1, *([1] * pred.ndim)))
        decided = pred > cuts
        positive = jnp.where(true != 0, spread, 0)
        negative = jnp.where(true != 0, 0, spread)
        self._true_positives.add(jnp.sum(jnp.where(decided, positive, 0), axis=1))
        self._false_positives.add(jnp.sum(jnp.where(decided, negative, 0), axis=1))
        self._positives.add(jnp.sum(positive, axis=0))
        self._negatives.add(jnp.sum(negative, axis=0))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Accumulate one batch.

        Args:
            y_true (ArrayLike): Labels 0 and 1, ``[batch, ...]``.
            y_pred (ArrayLike): Probabilities of the same shape.
            sample_weight (ArrayLike | None): Weights, ``[batch]``. Default: None.
        """
        self.update_counts(y_true, y_pred, sample_weight)


def charge_thresholds(metric: Metric, count: Any) -> None:
    """Charge the memory of the thresholds of a metric that may be loaded from a file, before they are created."""
    charge_memory(
        4 * count * np.dtype(np.float64).itemsize, f"{type(metric).__name__} with num_thresholds={count:,}"
    )


def parse_thresholds(metric: str, thresholds: Any, default: float) -> list[float]:
    """Return thresholds as a list of numbers from 0 to 1; None gives `default` alone."""
    if thresholds is None:
        return [default]
    found = validate_param(metric, "thresholds", thresholds, THRESHOLDS_RULE)
    return list(found) if isinstance(found, tuple) else [found]


class _ThresholdMetric(ConfusionCounts):
    """Base class of metrics with one result for each threshold (a number if there is one threshold)."""

    @validate_params(METRIC_RULES, thresholds=THRESHOLDS_RULE | None)
    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        # Each of the top k predictions is positive, for any value.
        cuts = parse_thresholds(type(self).__name__, thresholds, 0.5 if top_k is None else -np.inf)
        super().__init__(cuts, top_k, class_id, name, dtype)
        self.thresholds = thresholds
        self.add_counts()

    def result_per_threshold(self) -> Array:
        """Compute the result for each threshold."""
        raise NotImplementedError

    def result(self) -> Array:
        """Compute the result.

        Returns:
            Array: A number for one threshold, else ``[thresholds]``.
        """
        values = self.result_per_threshold()
        return values[0] if len(self._thresholds) == 1 else values


class _CountMetric(_ThresholdMetric):
    @validate_params(METRIC_RULES, thresholds=THRESHOLDS_RULE | None)
    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(thresholds, name=name, dtype=dtype)


@metric_registry.register()
class TruePositives(_CountMetric):
    """Number of labels 1 with ``ŷ > threshold``.

    Args:
        thresholds (float | list[float] | None): Predictions above it are positive. Default: None, for 0.5.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.TruePositives()
        >>> float(metric([0, 1, 1, 1], [0.1, 0.2, 0.7, 0.9]))
        2.0

    Source: Keras `TruePositives`.
    """

    def result_per_threshold(self) -> Array:
        """Compute the count for each threshold."""
        return self.true_positives


@metric_registry.register()
class FalsePositives(_CountMetric):
    """Number of labels 0 with ``ŷ > threshold``.

    Args:
        thresholds (float | list[float] | None): Predictions above it are positive. Default: None, for 0.5.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.FalsePositives()
        >>> float(metric([0, 1, 1, 1], [0.1, 0.2, 0.7, 0.9]))
        0.0

    Source: Keras `FalsePositives`.
    """

    def result_per_threshold(self) -> Array:
        """Compute the count for each threshold."""
        return self.false_positives


@metric_registry.register()
class TrueNegatives(_CountMetric):
    """Number of labels 0 with ``ŷ <= threshold``.

    Args:
        thresholds (float | list[float] | None): Predictions above it are positive. Default: None, for 0.5.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.TrueNegatives()
        >>> float(metric([0, 1, 1, 1], [0.1, 0.2, 0.7, 0.9]))
        1.0

    Source: Keras `TrueNegatives`.
    """

    def result_per_threshold(self) -> Array:
        """Compute the count for each threshold."""
        return self.true_negatives


@metric_registry.register()
class FalseNegatives(_CountMetric):
    """Number of labels 1 with ``ŷ <= threshold``.

    Args:
        thresholds (float | list[float] | None): Predictions above it are positive. Default: None, for 0.5.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.FalseNegatives()
        >>> float(metric([0, 1, 1, 1], [0.1, 0.2, 0.7, 0.9]))
        1.0

    Source: Keras `FalseNegatives`.
    """

    def result_per_threshold(self) -> Array:
        """Compute the count for each threshold."""
        return self.false_negatives


@metric_registry.register()
class Precision(_ThresholdMetric):
    """Precision ``TP / (TP + FP)``, or 0 if no prediction is positive.

    Args:
        thresholds (float | list[float] | None): Predictions above it are positive. Default: None, for 0.5.
        top_k (int | None): Only the k largest predictions of a row are positive. Default: None.
        class_id (int | None): Evaluate only this class of ``[batch, classes]``. Default: None.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.Precision()
        >>> round(float(metric([0, 1, 1, 1], [0.6, 0.2, 0.7, 0.9])), 3)
        0.667

    Source: Keras `Precision`.
    """

    def result_per_threshold(self) -> Array:
        """Compute the precision for each threshold."""
        return divide_no_nan(self.true_positives, self.true_positives + self.false_positives)


@metric_registry.register()
class Recall(_ThresholdMetric):
    """Recall ``TP / (TP + FN)``, or 0 if no label is 1.

    Args:
        thresholds (float | list[float] | None): Predictions above it are positive. Default: None, for 0.5.
        top_k (int | None): Only the k largest predictions of a row are positive. Default: None.
        class_id (int | None): Evaluate only this class of ``[batch, classes]``. Default: None.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.Recall()
        >>> round(float(metric([0, 1, 1, 1], [0.6, 0.2, 0.7, 0.9])), 3)
        0.667

    Source: Keras `Recall`.
    """

    def result_per_threshold(self) -> Array:
        """Compute the recall for each threshold."""
        return divide_no_nan(self.true_positives, self._positives.value)


class _BestAtConstraint(ConfusionCounts):
    """Base class of metrics that are the best value of one rate where another rate is at least `floor`."""

    def __init__(
        self, floor: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any
    ) -> None:
        charge_thresholds(self, num_thresholds)
        cuts = [0.5] if num_thresholds == 1 else np.linspace(0, 1, num_thresholds)
        super().__init__(cuts, None, class_id, name, dtype)  # type: ignore[arg-type]
        self.num_thresholds = num_thresholds
        self.floor = floor
        self.add_counts()

    def _best(self, rate: Array, where: Array) -> Array:
        return jnp.max(jnp.where(where >= self.floor, rate, 0))

    def _sensitivity(self) -> Array:
        return divide_no_nan(self.true_positives, self._positives.value)

    def _specificity(self) -> Array:
        return divide_no_nan(self.true_negatives, self._negatives.value)

    def _precision(self) -> Array:
        return divide_no_nan(self.true_positives, self.true_positives + self.false_positives)


@metric_registry.register()
class SensitivityAtSpecificity(_BestAtConstraint):
    """Best sensitivity over the thresholds at which specificity is high enough.

    Sensitivity is ``TP / (TP + FN)``, specificity is ``TN / (TN + FP)``.

    Args:
        specificity (float): Lower bound of the specificity, in [0, 1].
        num_thresholds (int): Number of thresholds between 0 and 1. Default: 200.
        class_id (int | None): Evaluate only this class of ``[batch, classes]``. Default: None.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.SensitivityAtSpecificity(specificity=0.5)
        >>> float(metric([0, 0, 1, 1], [0.1, 0.4, 0.6, 0.9]))
        1.0

    Source: Keras `SensitivityAtSpecificity`.
    """

    @validate_params(METRIC_RULES, specificity=Real(0, 1))
    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)
        self.specificity = specificity

    def result(self) -> Array:
        """Compute the best sensitivity."""
        return self._best(self._sensitivity(), self._specificity())


@metric_registry.register()
class SpecificityAtSensitivity(_BestAtConstraint):
    """Best specificity over the thresholds at which sensitivity is high enough.

    Specificity is ``TN / (TN + FP)``, sensitivity is ``TP / (TP + FN)``.

    Args:
        sensitivity (float): Lower bound of the sensitivity, in [0, 1].
        num_thresholds (int): Number of thresholds between 0 and 1. Default: 200.
        class_id (int | None): Evaluate only this class of ``[batch, classes]``. Default: None.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.SpecificityAtSensitivity(sensitivity=0.5)
        >>> float(metric([0, 0, 1, 1], [0.1, 0.4, 0.6, 0.9]))
        1.0

    Source: Keras `SpecificityAtSensitivity`.
    """

    @validate_params(METRIC_RULES, sensitivity=Real(0, 1))
    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)
        self.sensitivity = sensitivity

    def result(self) -> Array:
        """Compute the best specificity."""
        return self._best(self._specificity(), self._sensitivity())


@metric_registry.register()
class PrecisionAtRecall(_BestAtConstraint):
    """Best precision over the thresholds at which recall is high enough.

    Precision is ``TP / (TP + FP)``, recall is ``TP / (TP + FN)``.

    Args:
        recall (float): Lower bound of the recall, in [0, 1].
        num_thresholds (int): Number of thresholds between 0 and 1. Default: 200.
        class_id (int | None): Evaluate only this class of ``[batch, classes]``. Default: None.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.PrecisionAtRecall(recall=0.5)
        >>> float(metric([0, 0, 1, 1], [0.1, 0.4, 0.6, 0.9]))
        1.0

    Source: Keras `PrecisionAtRecall`.
    """

    @validate_params(METRIC_RULES, recall=Real(0, 1))
    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)
        self.recall = recall

    def result(self) -> Array:
        """Compute the best precision."""
        return self._best(self._precision(), self._sensitivity())


@metric_registry.register()
class RecallAtPrecision(_BestAtConstraint):
    """Best recall over the thresholds at which precision is high enough.

    Recall is ``TP / (TP + FN)``, precision is ``TP / (TP + FP)``.

    Args:
        precision (float): Lower bound of the precision, in [0, 1].
        num_thresholds (int): Number of thresholds between 0 and 1. Default: 200.
        class_id (int | None): Evaluate only this class of ``[batch, classes]``. Default: None.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.RecallAtPrecision(precision=0.5)
        >>> float(metric([0, 0, 1, 1], [0.1, 0.4, 0.6, 0.9]))
        1.0

    Source: Keras `RecallAtPrecision`.
    """

    @validate_params(METRIC_RULES, precision=Real(0, 1))
    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)
        self.precision = precision

    def result(self) -> Array:
        """Compute the best recall."""
        return self._best(self._sensitivity(), self._precision())
