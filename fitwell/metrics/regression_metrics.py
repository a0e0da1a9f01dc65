"""Errors of regression and losses as metrics: all are means over the rows of the epoch."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from fitwell import losses
from fitwell._param_validation import validate_params
from fitwell._registry import snake_case
from fitwell.losses import Loss
from fitwell.losses.base import match_shapes
from fitwell.metrics.base import METRIC_RULES, Array, metric_registry
from fitwell.metrics.reduction_metrics import LossMetric, MeanOverSamples


class _MeanLossMetric(LossMetric):
    """A loss without settings as a metric: a subclass names the loss."""

    loss_class: ClassVar[type[Loss]]

    @validate_params(METRIC_RULES)
    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(self.loss_class(), name or snake_case(type(self).__name__), dtype)


@metric_registry.register("mse")
class MeanSquaredError(_MeanLossMetric):
    """Mean squared error ``mean((y - ŷ)²)``; arguments as `Metric`."""

    loss_class = losses.MeanSquaredError


@metric_registry.register("mae")
class MeanAbsoluteError(_MeanLossMetric):
    """Mean absolute error ``mean(|y - ŷ|)``; arguments as `Metric`."""

    loss_class = losses.MeanAbsoluteError


@metric_registry.register("mape")
class MeanAbsolutePercentageError(_MeanLossMetric):
    """Mean absolute percentage error ``100 mean(|y - ŷ| / max(|y|, 1e-7))``; arguments as `Metric`."""

    loss_class = losses.MeanAbsolutePercentageError


@metric_registry.register("msle")
class MeanSquaredLogarithmicError(_MeanLossMetric):
    """Mean squared logarithmic error ``mean((log(1 + y) - log(1 + ŷ))²)``; arguments as `Metric`."""

    loss_class = losses.MeanSquaredLogarithmicError


@metric_registry.register("logcosh", "log_cosh")
class LogCoshError(_MeanLossMetric):
    """Mean of ``log(cosh(ŷ - y))``; arguments as `Metric`, named ``"logcosh"`` as in Keras."""

    loss_class = losses.LogCosh

    @validate_params(METRIC_RULES)
    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(name, dtype)


@metric_registry.register()
class Poisson(_MeanLossMetric):
    """Mean of ``ŷ - y log(ŷ + 1e-7)``; arguments as `Metric`."""

    loss_class = losses.Poisson


@metric_registry.register("kld", "kullback_leibler_divergence")
class KLDivergence(_MeanLossMetric):
    """Mean of ``Σ_k y_k log(y_k / p_k)``; arguments as `Metric`."""

    loss_class = losses.KLDivergence


@metric_registry.register()
class Hinge(_MeanLossMetric):
    """Mean of ``max(0, 1 - y ŷ)``, labels -1 and 1 or 0 and 1; arguments as `Metric`."""

    loss_class = losses.Hinge


@metric_registry.register()
class SquaredHinge(_MeanLossMetric):
    """Mean of ``max(0, 1 - y ŷ)²``, labels -1 and 1 or 0 and 1; arguments as `Metric`."""

    loss_class = losses.SquaredHinge


@metric_registry.register()
class CategoricalHinge(_MeanLossMetric):
    """Mean of the hinge loss between the right class and the best wrong one; arguments as `Metric`."""

    loss_class = losses.CategoricalHinge


@metric_registry.register("rmse")
class RootMeanSquaredError(MeanOverSamples):
    """Root mean squared error over the whole epoch, ``sqrt(mean((y - ŷ)²))``; arguments as `Metric`."""

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return the squared errors."""
        y_true, y_pred = match_shapes("RootMeanSquaredError", y_true, y_pred)
        return jnp.square(y_pred - y_true)

    def result(self) -> Array:
        """Return the root of the mean."""
        return jnp.sqrt(super().result())


@metric_registry.register("cosine_proximity")
class CosineSimilarity(MeanOverSamples):
    """Mean cosine of the angle between target and prediction: 1 for the same direction.

    The loss of this name is minus that.

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
        axis: axis of the vectors, the last by default.
    """

    @validate_params(METRIC_RULES)
    def __init__(self, name: str | None = None, dtype: Any = None, axis: int = -1) -> None:
        super().__init__(name, dtype)
        self.axis = axis

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return the cosine for each row."""
        return -losses.cosine_similarity(y_true, y_pred, self.axis)


@metric_registry.register("bce")
class BinaryCrossentropy(LossMetric):
    """Mean of ``-y log p - (1 - y) log(1 - p)``.

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
        from_logits: whether predictions are logits; False by default.
        label_smoothing: s moves labels to ``y (1 - s) + s/2``; 0 by default.
    """

    @validate_params(METRIC_RULES)
    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: Any = 0.0,
    ) -> None:
        super().__init__(losses.BinaryCrossentropy(from_logits, label_smoothing), name, dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing


@metric_registry.register("cce")
class CategoricalCrossentropy(LossMetric):
    """Mean of ``-Σ_k y_k log p_k``, one-hot targets.

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
        from_logits: whether predictions are logits; False by default.
        label_smoothing: s moves labels to ``y (1 - s) + s / classes``; 0 by default.
        axis: axis of the classes, the last by default.
    """

    @validate_params(METRIC_RULES)
    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: Any = 0.0,
        axis: int = -1,
    ) -> None:
        super().__init__(losses.CategoricalCrossentropy(from_logits, label_smoothing, axis), name, dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


@metric_registry.register("scce")
class SparseCategoricalCrossentropy(LossMetric):
    """Mean of ``-log p_y``, class numbers.

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
        from_logits: whether predictions are logits; False by default.
        ignore_class: a class number whose rows do not count (Keras counts them as 0); None by default.
        axis: axis of the classes, the last by default.
    """

    @validate_params(METRIC_RULES)
    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(
            losses.SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis), name, dtype
        )
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis
