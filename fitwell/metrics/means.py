"""Losses as metrics, and errors of regression: all are means over rows."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell import losses
from fitwell.losses.base import matched
from fitwell.metrics.base import Array, RowMean, registry


@registry.register("mse")
class MeanSquaredError(RowMean):
    """``mean((y - ŷ)²)``; arguments as `Metric`."""

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return the mean squared error of each row."""
        return losses.mean_squared_error(y_true, y_pred)


@registry.register("rmse")
class RootMeanSquaredError(RowMean):
    """``sqrt(mean((y - ŷ)²))``, the root of the mean over the whole epoch; arguments as `Metric`."""

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return the squared errors."""
        y_true, y_pred = matched("RootMeanSquaredError", y_true, y_pred)
        return jnp.square(y_pred - y_true)

    def result(self) -> Array:
        """Return the root of the mean."""
        return jnp.sqrt(super().result())


@registry.register("mae")
class MeanAbsoluteError(RowMean):
    """``mean(|y - ŷ|)``; arguments as `Metric`."""

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return the mean absolute error of each row."""
        return losses.mean_absolute_error(y_true, y_pred)
