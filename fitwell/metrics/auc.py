"""`AUC`: the area under a curve of decisions at many thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._param_validation import Integer, ListOf, Options, Real, validate_params
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.metrics.base import METRIC_RULES, Array, divide_no_nan, metric_registry
from fitwell.metrics.confusion_metrics import (
    THRESHOLDS_RULE,
    ConfusionCounts,
    broadcast_weights,
    charge_thresholds,
    parse_thresholds,
)


@metric_registry.register()
class AUC(ConfusionCounts):
    """Area under the ROC or the precision-recall curve, by thresholds between 0 and 1.

    ROC: recall over the rate of false alarms. PR: precision over recall, between thresholds by the
    interpolation of Davis and Goadrich 2006. The curve is known at `num_thresholds` points, so the area is
    approximate unless predictions are well spread; more thresholds come closer.

    Args:
        num_thresholds: 200 by default: 0 and 1 (a little outside) and evenly spaced ones between.
        curve: ``"ROC"`` (default), ``"PR"`` or ``"PRGAIN"`` (Flach and Kull 2015).
        summation_method: ``"interpolation"`` (default; trapezoids), ``"minoring"`` or ``"majoring"``
            rectangles.
        name: see `Metric`.
        dtype: see `Metric`.
        thresholds: the inner thresholds, in place of `num_thresholds`.
        multi_label: one curve for each label of ``[batch, labels]``, and the mean of the areas; False by
            default.
        num_labels: number of labels, if `multi_label`; by default known when the model is.
        label_weights: weight of each label; in the mean if `multi_label`, else of each prediction.
        from_logits: whether to apply the sigmoid here; False by default.
    """

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
            raise InvalidArgument("AUC: num_labels needs multi_label=True")
        if thresholds is None:
            charge_thresholds(self, num_thresholds)
            inner = np.arange(1, num_thresholds - 1) / (num_thresholds - 1)
        else:
            inner = np.sort(np.asarray(parse_thresholds("AUC", thresholds, 0.5)))
        # A little outside [0, 1], so that predictions of exactly 0 and 1 are decided both ways.
        cuts = np.concatenate([[-1e-7], inner, [1 + 1e-7]])
        super().__init__(cuts, name=name or "auc", dtype=dtype)  # type: ignore[arg-type]
        self.num_thresholds = len(cuts)
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
        """Make the accumulators for the labels of the output, if there are several curves."""
        if self.multi_label and not self.variables:
            if len(y_pred_shape) != 2:
                raise ShapeError(
                    f"AUC with multi_label needs predictions [batch, labels], got {tuple(y_pred_shape)}"
                )
            self.add_counts(y_pred_shape[1])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in labels and predictions of a batch; `sample_weight` is ``[batch]`` or None."""
        pred = jnp.asarray(y_pred)
        self.build(np.shape(y_true), pred.shape)
        if self.from_logits:
            pred = jax.nn.sigmoid(pred)
        if self.label_weights is not None and not self.multi_label:
            by_label = jnp.asarray(self.label_weights, self._true_positives.rounded_sum.dtype)
            sample_weight = broadcast_weights(sample_weight, pred.shape, by_label.dtype) * by_label
        self.update_counts(y_true, pred, sample_weight, per_label=self.multi_label)

    def result(self) -> Array:
        """Return the area, or the mean of the areas of the labels."""
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
        """Return the coordinates of the curve at each threshold, x falling."""
        hits, alarms = self.true_positives, self.false_positives
        positives, negatives = self._positives.value, self._negatives.value
        recall = divide_no_nan(hits, positives)
        if self.curve == "ROC":
            return divide_no_nan(alarms, negatives), recall
        if self.curve == "PR":
            return recall, divide_no_nan(hits, hits + alarms)
        odds = divide_no_nan(positives, negatives)
        recall_gain = jnp.where(hits == 0, 0, 1 - odds * divide_no_nan(positives - hits, hits))
        precision_gain = jnp.where(hits == 0, 1, 1 - odds * divide_no_nan(alarms, hits))
        return jnp.maximum(recall_gain, 0), precision_gain

    def _interpolated_pr(self) -> Array:
        """Return the area between neighbouring thresholds, hits growing linearly with decisions."""
        hits = self.true_positives
        decided = hits + self.false_positives
        slope = divide_no_nan(hits[:-1] - hits[1:], decided[:-1] - decided[1:])
        intercept = hits[1:] - slope * decided[1:]
        both = (decided[:-1] > 0) & (decided[1:] > 0)
        growth = jnp.where(both, divide_no_nan(decided[:-1], decided[1:]), 1)
        return divide_no_nan(
            slope * (hits[:-1] - hits[1:] + intercept * jnp.log(growth)), self._positives.value
        )
