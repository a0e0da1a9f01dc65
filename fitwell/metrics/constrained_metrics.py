"""Metrics that compute the best value of one rate at thresholds where a second rate is high enough."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from fitwell._param_validation import Real, validate_params
from fitwell._typing import Array
from fitwell.metrics.base import METRIC_RULES, metric_registry
from fitwell.metrics.confusion_counts import ConfusionCounts, charge_thresholds

__all__ = [
    "PrecisionAtRecall",
    "RecallAtPrecision",
    "SensitivityAtSpecificity",
    "SpecificityAtSensitivity",
]


class _BestAtConstraint(ConfusionCounts):
    """Base class of metrics that maximize one rate over the thresholds where a second rate is high enough."""

    direction = "max"

    def __init__(self, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any) -> None:
        charge_thresholds(self, num_thresholds)
        thresholds = [0.5] if num_thresholds == 1 else np.linspace(0, 1, num_thresholds)
        super().__init__(thresholds, None, class_id, name, dtype)  # type: ignore[arg-type]
        self.num_thresholds = num_thresholds
        self.add_counts()

    @staticmethod
    def _best(rate: Array, constrained: Array, least: float) -> Array:
        """Return the best rate over all thresholds that satisfy the constraint.

        Args:
            rate (Array): The rate to maximize, at each threshold.
            constrained (Array): The second rate, at each threshold.
            least (float): Lower bound for the second rate.

        Returns:
            Array: The largest rate, or 0 if no threshold satisfies the constraint.
        """
        return jnp.max(jnp.where(constrained >= least, rate, 0))


@metric_registry.register()
class SensitivityAtSpecificity(_BestAtConstraint):
    """Best sensitivity over the thresholds at which specificity is high enough.

    Sensitivity is ``TP / (TP + FN)``, and specificity is ``TN / (TN + FP)``.

    Args:
        specificity (float): Lower bound for the specificity, from 0 to 1.
        num_thresholds (int): Number of evenly spaced thresholds from 0 to 1. Default: 200.
        class_id (int | None): If set, only the class with this index is evaluated. The predictions must have shape
            ``[batch, classes]``. Default: None.
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
        super().__init__(num_thresholds, class_id, name, dtype)
        self.specificity = specificity

    def result(self) -> Array:
        """Compute the best sensitivity."""
        return self._best(self._recall(), self._specificity(), self.specificity)


@metric_registry.register()
class SpecificityAtSensitivity(_BestAtConstraint):
    """Best specificity over the thresholds at which sensitivity is high enough.

    Specificity is ``TN / (TN + FP)``, and sensitivity is ``TP / (TP + FN)``.

    Args:
        sensitivity (float): Lower bound for the sensitivity, from 0 to 1.
        num_thresholds (int): Number of evenly spaced thresholds from 0 to 1. Default: 200.
        class_id (int | None): If set, only the class with this index is evaluated. The predictions must have shape
            ``[batch, classes]``. Default: None.
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
        super().__init__(num_thresholds, class_id, name, dtype)
        self.sensitivity = sensitivity

    def result(self) -> Array:
        """Compute the best specificity."""
        return self._best(self._specificity(), self._recall(), self.sensitivity)


@metric_registry.register()
class PrecisionAtRecall(_BestAtConstraint):
    """Best precision over the thresholds at which recall is high enough.

    Precision is ``TP / (TP + FP)``, and recall is ``TP / (TP + FN)``.

    Args:
        recall (float): Lower bound for the recall, from 0 to 1.
        num_thresholds (int): Number of evenly spaced thresholds from 0 to 1. Default: 200.
        class_id (int | None): If set, only the class with this index is evaluated. The predictions must have shape
            ``[batch, classes]``. Default: None.
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
        super().__init__(num_thresholds, class_id, name, dtype)
        self.recall = recall

    def result(self) -> Array:
        """Compute the best precision."""
        return self._best(self._precision(), self._recall(), self.recall)


@metric_registry.register()
class RecallAtPrecision(_BestAtConstraint):
    """Best recall over the thresholds at which precision is high enough.

    Recall is ``TP / (TP + FN)``, and precision is ``TP / (TP + FP)``.

    Args:
        precision (float): Lower bound for the precision, from 0 to 1.
        num_thresholds (int): Number of evenly spaced thresholds from 0 to 1. Default: 200.
        class_id (int | None): If set, only the class with this index is evaluated. The predictions must have shape
            ``[batch, classes]``. Default: None.
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
        super().__init__(num_thresholds, class_id, name, dtype)
        self.precision = precision

    def result(self) -> Array:
        """Compute the best recall."""
        return self._best(self._recall(), self._precision(), self.precision)
