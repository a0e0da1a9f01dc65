"""The metrics `FBetaScore` and `F1Score`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._param_validation import Options, Real, validate_params
from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.losses.alignment import squeeze_or_expand_to_same_rank
from fitwell.metrics.base import METRIC_RULES, Metric, divide_no_nan, metric_registry
from fitwell.metrics.confusion_counts import broadcast_weights

__all__ = [
    "F1Score",
    "FBetaScore",
]


def _one_hot_if_sparse(y_true: Any, width: int) -> Array:
    """Convert class indices ``[n]`` or ``[n, 1]`` to one-hot targets if `width` is above 1."""
    true = jnp.asarray(y_true)
    if width > 1 and (true.ndim == 1 or true.shape[-1] == 1):
        numbers = true if true.ndim == 1 else jnp.squeeze(true, -1)
        return jax.nn.one_hot(numbers.astype(jnp.int32), width)
    return true


_AVERAGE_RULE = Options("micro", "macro", "weighted") | None
_THRESHOLD_RULE = Real(0, 1, closed="right") | None


@metric_registry.register()
class FBetaScore(Metric):
    """Weighted harmonic mean of precision and recall.

    The score is ``(1 + β²) TP / ((1 + β²) TP + β² FN + FP)``, or 0 if the denominator is 0.

    Predictions have shape ``[batch, classes]``. Targets are one-hot labels or class indices.

    This metric differs from Keras in four ways. The score is exact, because no ε is added to the denominators. If
    there is no threshold and the largest prediction of a row occurs more than once, only its first occurrence is
    positive. Targets can be class indices. For a single output, the default threshold is 0.5.

    Args:
        average (str | None): Method for averaging over classes. None returns one score for each class. ``"micro"``
            counts the predictions of all classes together. ``"macro"`` returns the mean of the scores. ``"weighted"``
            weights this mean by the number of targets in each class. Default: None.
        beta (float): The positive number β. Recall is β times as important as precision. You can change this
            hyperparameter without recompilation. Default: 1.0.
        threshold (float | None): Predictions above this value are positive. Default: None, which means that only the
            largest prediction of each row is positive, or a threshold of 0.5 for a single output.
        name (str | None): See `Metric`. Default: "fbeta_score".
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.FBetaScore(beta=2.0, average="macro")
        >>> round(float(metric([1, 0], [[0.2, 0.8], [0.4, 0.6]])), 3)
        0.417

    Source: Keras `FBetaScore`.
    """

    direction = "max"

    hyperparameters = ("beta", "threshold")

    @validate_params(
        METRIC_RULES, average=_AVERAGE_RULE, beta=Real(0, closed="right"), threshold=_THRESHOLD_RULE
    )
    def __init__(
        self,
        average: str | None = None,
        beta: Any = 1.0,
        threshold: Any = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, dtype)
        self.average = average
        self.beta = beta
        self.threshold = threshold

    def build(self, y_true_shape: tuple[int | None, ...], y_pred_shape: tuple[int | None, ...]) -> None:
        """Create accumulators for each class of the output. See `Metric.build`."""
        if not self.variables:
            width = y_pred_shape[1] if len(y_pred_shape) == 2 else None
            if width is None:
                raise ShapeError(
                    f"{self.name} requires predictions of shape [batch, classes], got shape {tuple(y_pred_shape)}"
                )
            self._true_positives = self.add_compensated_sum("true_positives", (width,))
            self._false_positives = self.add_compensated_sum("false_positives", (width,))
            self._false_negatives = self.add_compensated_sum("false_negatives", (width,))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Accumulate one batch.

        Args:
            y_true (ArrayLike): One-hot labels, ``[batch, classes]``, or class indices.
            y_pred (ArrayLike): Scores, ``[batch, classes]``.
            sample_weight (ArrayLike | None): Weights, ``[batch]``. Default: None.
        """
        pred = jnp.asarray(y_pred)
        pred = pred[:, None] if pred.ndim == 1 else pred
        self.build(np.shape(y_true), pred.shape)
        true, pred = squeeze_or_expand_to_same_rank(_one_hot_if_sparse(y_true, pred.shape[-1]), pred)
        if true.shape != pred.shape:
            raise ShapeError(
                f"{self.name}: targets of shape {true.shape} do not match predictions of shape {pred.shape}"
            )
        if self.threshold is None and pred.shape[-1] > 1:
            predicted = jax.nn.one_hot(jnp.argmax(pred, axis=-1), pred.shape[-1], dtype=jnp.bool_)
        else:
            predicted = pred > (0.5 if self.threshold is None else self.threshold)
        weights = broadcast_weights(sample_weight, pred.shape, self._true_positives.rounded_sum.dtype)
        is_label = true != 0
        self._true_positives.add(jnp.sum(jnp.where(is_label & predicted, weights, 0), axis=0))
        self._false_positives.add(jnp.sum(jnp.where(~is_label & predicted, weights, 0), axis=0))
        self._false_negatives.add(jnp.sum(jnp.where(is_label & ~predicted, weights, 0), axis=0))

    def result(self) -> Array:
        """Compute the average score, or one score for each class if `average` is None."""
        true_positives, false_positives, false_negatives = (
            total.value for total in (self._true_positives, self._false_positives, self._false_negatives)
        )
        if self.average == "micro":
            return self._score(jnp.sum(true_positives), jnp.sum(false_positives), jnp.sum(false_negatives))
        scores = self._score(true_positives, false_positives, false_negatives)
        if self.average == "macro":
            return jnp.mean(scores)
        if self.average == "weighted":
            return divide_no_nan(
                jnp.sum(scores * (true_positives + false_negatives)),
                jnp.sum(true_positives + false_negatives),
            )
        return scores

    def _score(self, true_positives: Array, false_positives: Array, false_negatives: Array) -> Array:
        square = jnp.square(jnp.asarray(self.beta, true_positives.dtype))
        return divide_no_nan(
            (1 + square) * true_positives,
            (1 + square) * true_positives + square * false_negatives + false_positives,
        )


@metric_registry.register("f1")
class F1Score(FBetaScore):
    """Harmonic mean of precision and recall, ``2 TP / (2 TP + FN + FP)``.

    It is the same as `FBetaScore` with ``beta=1``.

    Args:
        average (str | None): Method for averaging over classes. None returns one score for each class. ``"micro"``
            counts the predictions of all classes together. ``"macro"`` returns the mean of the scores. ``"weighted"``
            weights this mean by the number of targets in each class. Default: None.
        threshold (float | None): Predictions above this value are positive. Default: None, which means that only the
            largest prediction of each row is positive, or a threshold of 0.5 for a single output.
        name (str | None): See `Metric`. Default: "f1_score".
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.F1Score(average="macro")
        >>> round(float(metric([1, 0], [[0.2, 0.8], [0.4, 0.6]])), 3)
        0.333

    Source: Keras `F1Score`.
    """

    @validate_params(METRIC_RULES, average=_AVERAGE_RULE, threshold=_THRESHOLD_RULE)
    def __init__(
        self,
        average: str | None = None,
        threshold: Any = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)
