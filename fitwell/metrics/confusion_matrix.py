"""The metric `ConfusionMatrix`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._param_validation import Integer, validate_params
from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.metrics.base import METRIC_RULES, CompensatedSum, Metric, metric_registry
from fitwell.metrics.confusion_counts import broadcast_weights

__all__ = [
    "ConfusionMatrix",
]


@metric_registry.register()
class ConfusionMatrix(Metric):
    """Confusion matrix ``[true class, predicted class]`` with the weighted counts over the epoch.

    Targets are class indices or one-hot labels. Predictions are scores of shape ``[batch, classes]``, or a single
    output's probabilities, which are compared with the threshold 0.5. Keras does not have this metric.

    Args:
        num_classes (int | None): Number of classes. Default: None, which means the width of the output, or 2 for a
            single output.
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.ConfusionMatrix()
        >>> metric([1, 0, 1], [0.9, 0.8, 0.7]).tolist()
        [[0.0, 1.0], [0.0, 2.0]]
    """

    @validate_params(METRIC_RULES, num_classes=Integer(2) | None)
    def __init__(self, num_classes: int | None = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self.num_classes = num_classes
        self._counts: CompensatedSum | None = None
        if num_classes is not None:
            self._counts = self.add_compensated_sum("counts", (num_classes, num_classes))

    def build(self, y_true_shape: tuple[int | None, ...], y_pred_shape: tuple[int | None, ...]) -> None:
        """Create one accumulator for each pair of classes. See `Metric.build`."""
        if self._counts is None:
            width = y_pred_shape[-1] if len(y_pred_shape) > 1 else 1
            if width is None:
                raise ShapeError(
                    f"{self.name} requires num_classes, because the width of the output is unknown"
                )
            self._counts = self.add_compensated_sum("counts", (max(width, 2), max(width, 2)))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Accumulate one batch.

        Args:
            y_true (ArrayLike): Class indices or one-hot labels.
            y_pred (ArrayLike): Scores of shape ``[batch, classes]``, or probabilities of a single output.
            sample_weight (ArrayLike | None): Weights, ``[batch]``. Default: None.
        """
        true, pred = jnp.asarray(y_true), jnp.asarray(y_pred)
        self.build(true.shape, pred.shape)
        counts = self._counts
        assert counts is not None
        classes = counts.rounded_sum.shape[0]
        if pred.ndim == 1 or pred.shape[-1] == 1:
            predicted = (pred > 0.5).reshape(-1).astype(jnp.int32)
        else:
            predicted = jnp.argmax(pred, axis=-1).reshape(-1)
            if true.ndim == pred.ndim and true.shape[-1] == pred.shape[-1]:
                true = jnp.argmax(true, axis=-1)
        labels = true.reshape(-1).astype(jnp.int32)
        if labels.shape != predicted.shape:
            raise ShapeError(
                f"{self.name}: targets of shape {np.shape(y_true)} do not match predictions of shape {pred.shape}"
            )
        weights = broadcast_weights(sample_weight, predicted.shape, counts.rounded_sum.dtype)
        rows = jax.nn.one_hot(labels, classes, dtype=weights.dtype) * weights[:, None]
        columns = jax.nn.one_hot(predicted, classes, dtype=weights.dtype)
        # Counts need full precision, but GPUs multiply matrices with 19-bit precision by default.
        counts.add(jnp.matmul(rows.T, columns, precision="highest"))

    def result(self) -> Array:
        """Return the confusion matrix ``[true class, predicted class]``."""
        assert self._counts is not None, (
            "the confusion matrix has no size, because num_classes is None and update_state was not called"
        )
        return self._counts.value
