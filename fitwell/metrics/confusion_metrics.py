"""Metrics that are based on a confusion matrix: precision, recall, and counts such as `TruePositives`."""

from __future__ import annotations

from typing import Any

import numpy as np

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.metrics.base import METRIC_RULES, metric_registry
from fitwell.metrics.confusion_counts import THRESHOLDS_RULE, ConfusionCounts, parse_thresholds

__all__ = [
    "FalseNegatives",
    "FalsePositives",
    "Precision",
    "Recall",
    "TrueNegatives",
    "TruePositives",
]


class _ThresholdMetric(ConfusionCounts):
    """Base class of metrics with one result for each threshold.

    If there is only one threshold, the result is a number.
    """

    @validate_params(METRIC_RULES, thresholds=THRESHOLDS_RULE | None)
    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        # If top_k is set and thresholds is None, each of the top k predictions is positive, whatever its value is.
        parsed_thresholds = parse_thresholds(
            type(self).__name__, thresholds, 0.5 if top_k is None else -np.inf
        )
        super().__init__(parsed_thresholds, top_k, class_id, name, dtype)
        self.thresholds = thresholds
        self.add_counts()

    def result_per_threshold(self) -> Array:
        """Compute the result for each threshold."""
        raise NotImplementedError

    def result(self) -> Array:
        """Compute the result.

        Returns:
            Array: A number if there is one threshold. Otherwise, an array with one number for each threshold.
        """
        values = self.result_per_threshold()
        return values[0] if len(self._thresholds) == 1 else values


class _CountMetric(_ThresholdMetric):
    @validate_params(METRIC_RULES, thresholds=THRESHOLDS_RULE | None)
    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(thresholds, name=name, dtype=dtype)


@metric_registry.register()
class TruePositives(_CountMetric):
    """Number of true positives (label 1 and ``ŷ > threshold``).

    Args:
        thresholds (float | list[float] | None): Predictions above this value are positive. A list gives one result for
            each threshold. Default: None, which means 0.5.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.TruePositives()
        >>> float(metric([0, 1, 1, 1], [0.1, 0.2, 0.7, 0.9]))
        2.0

    Source: Keras `TruePositives`.
    """

    direction = "max"

    def result_per_threshold(self) -> Array:
        """Compute the count for each threshold."""
        return self.true_positives


@metric_registry.register()
class FalsePositives(_CountMetric):
    """Number of false positives (label 0 and ``ŷ > threshold``).

    Args:
        thresholds (float | list[float] | None): Predictions above this value are positive. A list gives one result for
            each threshold. Default: None, which means 0.5.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.FalsePositives()
        >>> float(metric([0, 1, 1, 1], [0.1, 0.2, 0.7, 0.9]))
        0.0

    Source: Keras `FalsePositives`.
    """

    direction = "min"

    def result_per_threshold(self) -> Array:
        """Compute the count for each threshold."""
        return self.false_positives


@metric_registry.register()
class TrueNegatives(_CountMetric):
    """Number of true negatives (label 0 and ``ŷ <= threshold``).

    Args:
        thresholds (float | list[float] | None): Predictions above this value are positive. A list gives one result for
            each threshold. Default: None, which means 0.5.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.TrueNegatives()
        >>> float(metric([0, 1, 1, 1], [0.1, 0.2, 0.7, 0.9]))
        1.0

    Source: Keras `TrueNegatives`.
    """

    direction = "max"

    def result_per_threshold(self) -> Array:
        """Compute the count for each threshold."""
        return self.true_negatives


@metric_registry.register()
class FalseNegatives(_CountMetric):
    """Number of false negatives (label 1 and ``ŷ <= threshold``).

    Args:
        thresholds (float | list[float] | None): Predictions above this value are positive. A list gives one result for
            each threshold. Default: None, which means 0.5.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.FalseNegatives()
        >>> float(metric([0, 1, 1, 1], [0.1, 0.2, 0.7, 0.9]))
        1.0

    Source: Keras `FalseNegatives`.
    """

    direction = "min"

    def result_per_threshold(self) -> Array:
        """Compute the count for each threshold."""
        return self.false_negatives


@metric_registry.register()
class Precision(_ThresholdMetric):
    """Precision ``TP / (TP + FP)``, or 0 if no prediction is positive.

    Args:
        thresholds (float | list[float] | None): Predictions above this value are positive. A list gives one result for
            each threshold. Default: None, which means 0.5, or no threshold if `top_k` is set.
        top_k (int | None): If set, only the `top_k` largest predictions of each row can be positive. Default: None.
        class_id (int | None): If set, only the class with this index is evaluated. The predictions must have shape
            ``[batch, classes]``. Default: None.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.Precision()
        >>> round(float(metric([0, 1, 1, 1], [0.6, 0.2, 0.7, 0.9])), 3)
        0.667

    Source: Keras `Precision`.
    """

    direction = "max"

    def result_per_threshold(self) -> Array:
        """Compute the precision for each threshold."""
        return self._precision()


@metric_registry.register()
class Recall(_ThresholdMetric):
    """Recall ``TP / (TP + FN)``, or 0 if no label is 1.

    Args:
        thresholds (float | list[float] | None): Predictions above this value are positive. A list gives one result for
            each threshold. Default: None, which means 0.5, or no threshold if `top_k` is set.
        top_k (int | None): If set, only the `top_k` largest predictions of each row can be positive. Default: None.
        class_id (int | None): If set, only the class with this index is evaluated. The predictions must have shape
            ``[batch, classes]``. Default: None.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.Recall()
        >>> round(float(metric([0, 1, 1, 1], [0.6, 0.2, 0.7, 0.9])), 3)
        0.667

    Source: Keras `Recall`.
    """

    direction = "max"

    def result_per_threshold(self) -> Array:
        """Compute the recall for each threshold."""
        return self._recall()
