"""Regression metrics: mean errors over an epoch, and cosine similarity."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell import losses
from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.losses.alignment import match_shapes
from fitwell.metrics.base import METRIC_RULES, metric_registry
from fitwell.metrics.reduction_metrics import MeanLossMetric, MeanOverSamples

__all__ = [
    "CosineSimilarity",
    "LogCoshError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "RootMeanSquaredError",
]


@metric_registry.register("mse")
class MeanSquaredError(MeanLossMetric):
    """Mean squared error ``mean((y - ŷ)²)``.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.MeanSquaredError()
        >>> float(metric([[0.0], [1.0]], [[2.0], [1.0]]))
        2.0

    Source: Keras `MeanSquaredError`.
    """

    loss_class = losses.MeanSquaredError


@metric_registry.register("mae")
class MeanAbsoluteError(MeanLossMetric):
    """Mean absolute error ``mean(|y - ŷ|)``.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.MeanAbsoluteError()
        >>> float(metric([[0.0], [1.0]], [[2.0], [1.0]]))
        1.0

    Source: Keras `MeanAbsoluteError`.
    """

    loss_class = losses.MeanAbsoluteError


@metric_registry.register("mape")
class MeanAbsolutePercentageError(MeanLossMetric):
    """Mean absolute percentage error ``100 mean(|y - ŷ| / max(|y|, 1e-7))``.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.MeanAbsolutePercentageError()
        >>> float(metric([[2.0], [4.0]], [[1.0], [4.0]]))
        25.0

    Source: Keras `MeanAbsolutePercentageError`.
    """

    loss_class = losses.MeanAbsolutePercentageError


@metric_registry.register("msle")
class MeanSquaredLogarithmicError(MeanLossMetric):
    """Mean squared logarithmic error ``mean((log(1 + y) - log(1 + ŷ))²)``.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.MeanSquaredLogarithmicError()
        >>> float(metric([[2.0], [4.0]], [[2.0], [4.0]]))
        0.0

    Source: Keras `MeanSquaredLogarithmicError`.
    """

    loss_class = losses.MeanSquaredLogarithmicError


@metric_registry.register("logcosh", "log_cosh")
class LogCoshError(MeanLossMetric):
    """Mean log-cosh loss ``log(cosh(ŷ - y))``.

    Args:
        name (str | None): See `Metric`. Default: "logcosh".
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.LogCoshError()
        >>> float(metric([[2.0], [4.0]], [[2.0], [4.0]]))
        0.0

    Source: Keras `LogCoshError`.
    """

    loss_class = losses.LogCosh

    @validate_params(METRIC_RULES)
    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(name, dtype)


@metric_registry.register("rmse")
class RootMeanSquaredError(MeanOverSamples):
    """Root mean squared error over the whole epoch, ``sqrt(mean((y - ŷ)²))``.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.RootMeanSquaredError()
        >>> float(metric([[0.0], [1.0]], [[2.0], [3.0]]))
        2.0

    Source: Keras `RootMeanSquaredError`.
    """

    direction = "min"

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return the squared errors. See `MeanOverSamples`."""
        y_true, y_pred = match_shapes("RootMeanSquaredError", y_true, y_pred)
        return jnp.square(y_pred - y_true)

    def result(self) -> Array:
        """Compute the square root of the mean squared error."""
        return jnp.sqrt(super().result())


@metric_registry.register("cosine_proximity")
class CosineSimilarity(MeanOverSamples):
    """Mean cosine of the angle between the target and the prediction.

    The value is 1 if they have the same direction. The loss with the same name has the opposite sign.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.
        axis (int): Axis along which to compute the cosine. Default: -1.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.CosineSimilarity()
        >>> float(metric([[0.0, 2.0]], [[0.0, 1.0]]))
        1.0

    Source: Keras `CosineSimilarity`.
    """

    direction = "max"

    @validate_params(METRIC_RULES)
    def __init__(self, name: str | None = None, dtype: Any = None, axis: int = -1) -> None:
        super().__init__(name, dtype)
        self.axis = axis

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return the cosine for each row. See `MeanOverSamples`."""
        return -losses.cosine_similarity(y_true, y_pred, self.axis)
