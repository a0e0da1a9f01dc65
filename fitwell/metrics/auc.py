"""The metric `AUC`, the area under a curve that is computed at a fixed set of thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._param_validation import Integer, ListOf, Options, Real, validate_params
from fitwell._typing import Array
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.metrics.base import METRIC_RULES, divide_no_nan, metric_registry
from fitwell.metrics.confusion_counts import (
    THRESHOLDS_RULE,
    ConfusionCounts,
    broadcast_weights,
    charge_thresholds,
    parse_thresholds,
)

__all__ = [
    "AUC",
]


@metric_registry.register()
class AUC(ConfusionCounts):
    """Area under the ROC curve or the precision-recall curve, approximated with a fixed set of thresholds.

    The ROC curve plots recall against the false positive rate. The precision-recall (PR) curve plots precision against
    recall, and is interpolated between thresholds as in Davis and Goadrich, 2006. The curve is computed at
    `num_thresholds` points, so the area is approximate. The approximation improves with more thresholds and with
    more evenly spread predictions.

    Args:
        num_thresholds (int): Number of evenly spaced thresholds from 0 to 1. Default: 200.
        curve (str): ``"ROC"``, ``"PR"``, or ``"PRGAIN"`` for precision and recall gain (Flach and Kull, 2015). Default:
            "ROC".
        summation_method (str): ``"interpolation"`` uses trapezoids between the points of the curve. ``"minoring"`` uses
            rectangles with the smaller height of two neighboring points, and ``"majoring"`` uses rectangles with the
            larger height. Default: "interpolation".
        name (str | None): See `Metric`. Default: "auc".
        dtype (str | None): See `Metric`. Default: None.
        thresholds (list[float] | None): Thresholds between 0 and 1 to use instead of evenly spaced ones. Default: None.
        multi_label (bool): Whether to compute one area for each label and return their mean. Targets and predictions
            then have the shape ``[batch, labels]``. Default: False.
        num_labels (int | None): Number of labels, if `multi_label` is True. Default: None, which means the width of
            the output.
        label_weights (list[float] | None): Weights of the labels. If `multi_label` is True, they weight the areas in
            the mean. Otherwise, they weight each label's predictions. Default: None.
        from_logits (bool): Whether the predictions are logits. If True, the metric applies the sigmoid. Default: False.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.AUC()
        >>> round(float(metric([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9])), 3)
        0.75

    Source: Keras `AUC`.
    """

    direction = "max"

    _CURVES: ClassVar[tuple[str, ...]] = ("ROC", "PR", "PRGAIN")
    _SUMMATIONS: ClassVar[tuple[str, ...]] = ("interpolation", "minoring", "majoring")

    @validate_params(
        METRIC_RULES,
        num_thresholds=Integer(2),
        thresholds=THRESHOLDS_RULE | None,
        curve=Options(*_CURVES),
        summation_method=Options(*_SUMMATIONS),
        num_labels=Integer(1) | None,
        label_weights=ListOf(Real(0), least=1) | None,
    )
    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        if num_labels is not None and not multi_label:
            raise InvalidArgument("AUC: num_labels requires multi_label=True")
        if thresholds is None:
            charge_thresholds(self, num_thresholds)
            inner = np.arange(1, num_thresholds - 1) / (num_thresholds - 1)
        else:
            inner = np.sort(np.asarray(parse_thresholds("AUC", thresholds, 0.5)))
        # The first and last thresholds are slightly outside [0, 1], so all predictions, including exact values of 0 and
        # 1, are above the first one and below the last one.
        all_thresholds = np.concatenate([[-1e-7], inner, [1 + 1e-7]])
        super().__init__(all_thresholds, name=name or "auc", dtype=dtype)  # type: ignore[arg-type]
        self.num_thresholds = len(all_thresholds)
        self.curve = curve.upper()
        self.summation_method = summation_method.lower()
        self.thresholds = None if thresholds is None else [float(cut) for cut in inner]
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else [float(weight) for weight in label_weights]
        self.from_logits = from_logits
        if not multi_label or num_labels is not None:
            self.add_counts(num_labels)

    def build(self, y_true_shape: tuple[int | None, ...], y_pred_shape: tuple[int | None, ...]) -> None:
        """Create the accumulators if their number depends on the width of the output. See `Metric.build`."""
        if self.multi_label and not self.variables:
            if len(y_pred_shape) != 2:
                raise ShapeError(
                    "AUC with multi_label=True requires predictions of shape [batch, labels], got shape "
                    f"{tuple(y_pred_shape)}"
                )
            self.add_counts(y_pred_shape[1])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Accumulate one batch.

        Args:
            y_true (ArrayLike): Labels (0 or 1), ``[batch, ...]``.
            y_pred (ArrayLike): Probabilities of the same shape, or logits if `from_logits` is True.
            sample_weight (ArrayLike | None): Weights, ``[batch]``. Default: None.
        """
        pred = jnp.asarray(y_pred)
        self.build(np.shape(y_true), pred.shape)
        if self.from_logits:
            pred = jax.nn.sigmoid(pred)
        if self.label_weights is not None and not self.multi_label:
            by_label = jnp.asarray(self.label_weights, self._true_positives.rounded_sum.dtype)
            sample_weight = broadcast_weights(sample_weight, pred.shape, by_label.dtype) * by_label
        self.update_counts(y_true, pred, sample_weight, per_label=self.multi_label)

    def result(self) -> Array:
        """Compute the area, or the mean area of all labels if `multi_label` is True."""
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = jnp.sum(self._interpolated_pr(), axis=0)
        else:
            x, y = self._curve()
            left, right = y[:-1], y[1:]
            heights = {
                "interpolation": (left + right) / 2,
                "minoring": jnp.minimum(left, right),
                "majoring": jnp.maximum(left, right),
            }[self.summation_method]
            areas = jnp.sum((x[:-1] - x[1:]) * heights, axis=0)
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return jnp.mean(areas)
        weights = jnp.asarray(self.label_weights, areas.dtype)
        return divide_no_nan(jnp.sum(areas * weights), jnp.sum(weights))

    def _curve(self) -> tuple[Array, Array]:
        """Return the x and y coordinates of the curve at each threshold, with x in decreasing order."""
        true_positives, false_positives = self.true_positives, self.false_positives
        positives, negatives = self._positives.value, self._negatives.value
        if self.curve == "ROC":
            return divide_no_nan(false_positives, negatives), self._recall()
        if self.curve == "PR":
            return self._recall(), self._precision()
        odds = divide_no_nan(positives, negatives)
        recall_gain = jnp.where(
            true_positives == 0, 0, 1 - odds * divide_no_nan(positives - true_positives, true_positives)
        )
        precision_gain = jnp.where(
            true_positives == 0, 1, 1 - odds * divide_no_nan(false_positives, true_positives)
        )
        return jnp.maximum(recall_gain, 0), precision_gain

    def _interpolated_pr(self) -> Array:
        """Compute the area under the precision-recall curve between each pair of neighboring thresholds.

        Between two thresholds, the number of true positives is a linear function of the number of positive predictions.
        """
        true_positives = self.true_positives
        predicted_positives = true_positives + self.false_positives
        slope = divide_no_nan(
            true_positives[:-1] - true_positives[1:], predicted_positives[:-1] - predicted_positives[1:]
        )
        intercept = true_positives[1:] - slope * predicted_positives[1:]
        both = (predicted_positives[:-1] > 0) & (predicted_positives[1:] > 0)
        growth = jnp.where(both, divide_no_nan(predicted_positives[:-1], predicted_positives[1:]), 1)
        return divide_no_nan(
            slope * (true_positives[:-1] - true_positives[1:] + intercept * jnp.log(growth)),
            self._positives.value,
        )
