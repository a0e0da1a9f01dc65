"""The metric `R2Score`, which is the fraction of the targets' variance that a regression explains."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._param_validation import Integer, Options, validate_params
from fitwell._typing import Array
from fitwell.losses.alignment import match_shapes
from fitwell.metrics.base import METRIC_RULES, Metric, divide_no_nan, metric_registry
from fitwell.metrics.confusion_counts import broadcast_weights

__all__ = [
    "R2Score",
]


@metric_registry.register("r2")
class R2Score(Metric):
    """Coefficient of determination ``1 - Σ w (y - ŷ)² / Σ w (y - mean(y))²`` over the whole epoch.

    A score of 1 is perfect. Always predicting the mean of the targets gives a score of 0, and worse predictions give a
    negative score. If all targets of an output are equal, its score is 1 for exact predictions and 0 otherwise, as in
    scikit-learn.

    The variance is updated with each batch's mean and squared deviations (Chan et al., 1979). Keras subtracts squared
    sums instead, which loses all digits if the mean is much larger than the standard deviation.

    Args:
        class_aggregation (str | None): Method for combining the scores of multiple outputs. ``"uniform_average"``
            returns their mean. ``"variance_weighted_average"`` returns their mean weighted by the targets' variance.
            None returns all scores. Default: "uniform_average".
        num_regressors (int): Number p of regressors. If p is above 0, the metric returns the adjusted score
            ``1 - (1 - R²)(n - 1)/(n - p - 1)`` for n rows, or R² if ``n <= p + 1``. Default: 0.
        name (str | None): See `Metric`. Default: "r2_score".
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.R2Score()
        >>> float(metric([[1.0], [2.0], [3.0]], [[1.0], [2.0], [2.0]]))
        0.5

    Source: Keras `R2Score`.
    """

    direction = "max"

    @validate_params(
        METRIC_RULES,
        class_aggregation=Options("uniform_average", "variance_weighted_average") | None,
        num_regressors=Integer(0),
    )
    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, dtype)
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors

    def build(self, y_true_shape: tuple[int | None, ...], y_pred_shape: tuple[int | None, ...]) -> None:
        """Create accumulators for each output. See `Metric.build`."""
        if not self.variables:
            width = (y_pred_shape[-1] or 1,) if len(y_pred_shape) > 1 else (1,)
            self._rows = self.add_compensated_sum("rows")
            dtype = self._rows.rounded_sum.dtype
            self._weight = self.add_compensated_sum("weight", width)
            self._residual = self.add_compensated_sum("residual", width)
            self._mean = self.add_weight(width, dtype=dtype, name="mean")
            self._deviation = self.add_weight(width, dtype=dtype, name="squared_deviation")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Accumulate one batch.

        Args:
            y_true (ArrayLike): Targets, ``[batch, ...]``.
            y_pred (ArrayLike): Predictions, ``[batch, ...]``.
            sample_weight (ArrayLike | None): Weights, ``[batch]``. Default: None.
        """
        true, pred = match_shapes("R2Score", y_true, y_pred)
        if true.ndim == 1:
            true, pred = true[:, None], pred[:, None]
        self.build(true.shape, pred.shape)
        dtype = self._mean.dtype
        weights = broadcast_weights(sample_weight, true.shape, dtype).reshape(-1, true.shape[-1])
        true, pred = (array.astype(dtype).reshape(-1, true.shape[-1]) for array in (true, pred))
        counted = weights != 0
        true, pred = (jnp.where(counted, array, 0) for array in (true, pred))

        weight = jnp.sum(weights, axis=0)
        mean = divide_no_nan(jnp.sum(weights * true, axis=0), weight)
        deviation = jnp.sum(weights * jnp.square(true - mean), axis=0)
        before = self._weight.value
        self._weight.add(weight)
        shift, fraction = mean - self._mean.value, divide_no_nan(weight, self._weight.value)
        self._mean.assign_add(shift * fraction)
        self._deviation.assign_add(deviation + jnp.square(shift) * before * fraction)
        self._residual.add(jnp.sum(weights * jnp.square(true - pred), axis=0))
        self._rows.add(jnp.sum(counted[:, 0]))

    def result(self) -> Array:
        """Compute the combined score, or one score for each output if `class_aggregation` is None."""
        residual, total = self._residual.value, self._deviation.value
        perfect = jnp.where(residual == 0, 1.0, 0.0)
        scores = jnp.where(total == 0, perfect, 1 - divide_no_nan(residual, total))
        if self.class_aggregation == "uniform_average":
            scores = jnp.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = divide_no_nan(jnp.sum(total * scores), jnp.sum(total))
        if self.num_regressors == 0:
            return scores
        rows = self._rows.value
        freedom = rows - self.num_regressors - 1
        adjusted = 1 - (1 - scores) * divide_no_nan(rows - 1, freedom)
        return jnp.where(freedom > 0, adjusted, scores)
