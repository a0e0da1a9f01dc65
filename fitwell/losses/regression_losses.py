"""Losses between numbers: squared, absolute, relative, robust, and of directions."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from fitwell import config as settings
from fitwell._param_validation import Real, validate_params
from fitwell.losses.base import LOSS_RULES, Array, Loss, PlainLoss, loss_registry, match_shapes

# Below this sum of squares a vector counts as zero: its direction, and the gradient of its length, are
# undefined.
_TINY_SQUARE = 1e-24


def mean_squared_error(y_true: Any, y_pred: Any) -> Array:
    """Mean over the last axis of ``(y - ŷ)²``; ``[batch, ..., d]`` twice gives ``[batch, ...]``."""
    y_true, y_pred = match_shapes("mean_squared_error", y_true, y_pred)
    return jnp.mean(jnp.square(y_pred - y_true), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Array:
    """Mean over the last axis of ``|y - ŷ|``; ``[batch, ..., d]`` twice gives ``[batch, ...]``."""
    y_true, y_pred = match_shapes("mean_absolute_error", y_true, y_pred)
    return jnp.mean(jnp.abs(y_pred - y_true), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Array:
    """Mean over the last axis of ``100 |y - ŷ| / max(|y|, ε)``, ε = 1e-7."""
    y_true, y_pred = match_shapes("mean_absolute_percentage_error", y_true, y_pred)
    return 100 * jnp.mean(
        jnp.abs(y_true - y_pred) / jnp.maximum(jnp.abs(y_true), settings.epsilon()), axis=-1
    )


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Array:
    """Mean over the last axis of ``(log(1 + y) - log(1 + ŷ))²``, both at least ε = 1e-7."""
    y_true, y_pred = match_shapes("mean_squared_logarithmic_error", y_true, y_pred)
    logs = [jnp.log1p(jnp.maximum(y, settings.epsilon())) for y in (y_true, y_pred)]
    return jnp.mean(jnp.square(logs[0] - logs[1]), axis=-1)


@validate_params(LOSS_RULES)
def huber(y_true: Any, y_pred: Any, delta: Any = 1.0) -> Array:
    """Mean over the last axis of ``e²/2`` where ``|e| <= δ``, else ``δ|e| - δ²/2``, with ``e = y - ŷ``."""
    y_true, y_pred = match_shapes("huber", y_true, y_pred)
    delta = jnp.asarray(delta, y_pred.dtype)
    size = jnp.abs(y_pred - y_true)
    return jnp.mean(
        jnp.where(size <= delta, 0.5 * jnp.square(size), delta * size - 0.5 * jnp.square(delta)), axis=-1
    )


def log_cosh(y_true: Any, y_pred: Any) -> Array:
    """Mean over the last axis of ``log(cosh(ŷ - y))``: e²/2 for small errors, ``|e| - log 2`` for large ones.

    More accurate than Keras's formula for small errors, where that one loses all digits of float32.
    """
    y_true, y_pred = match_shapes("log_cosh", y_true, y_pred)
    error = y_pred - y_true
    size = jnp.abs(error)
    near = 0.5 * jnp.log1p(jnp.square(jnp.sinh(jnp.clip(error, -1, 1))))
    far = size + jnp.log1p(jnp.exp(-2 * size)) - math.log(2)
    return jnp.mean(jnp.where(size < 1, near, far), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Array:
    """Mean over the last axis of ``ŷ - y log(ŷ + ε)``, ε = 1e-7: counts y with predicted rate ŷ > 0."""
    y_true, y_pred = match_shapes("poisson", y_true, y_pred)
    return jnp.mean(y_pred - y_true * jnp.log(y_pred + settings.epsilon()), axis=-1)


def l2_normalize(x: Array, axis: int) -> Array:
    """Return `x` divided by its norms along `axis`; zero vectors stay zero."""
    return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis=axis, keepdims=True), _TINY_SQUARE))


@validate_params(LOSS_RULES)
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Array:
    """Minus the cosine of the angle between y and ŷ along `axis`: -1 for the same direction."""
    y_true, y_pred = match_shapes("cosine_similarity", y_true, y_pred)
    return -jnp.sum(l2_normalize(y_true, axis) * l2_normalize(y_pred, axis), axis=axis)


@loss_registry.register("mse")
class MeanSquaredError(PlainLoss):
    """Mean squared error, ``mean((y - ŷ)²)``: regression, errors normally distributed."""

    function = mean_squared_error


@loss_registry.register("mae")
class MeanAbsoluteError(PlainLoss):
    """Mean absolute error, ``mean(|y - ŷ|)``: regression, robust against outliers."""

    function = mean_absolute_error


@loss_registry.register("mape")
class MeanAbsolutePercentageError(PlainLoss):
    """Mean absolute percentage error, ``100 mean(|y - ŷ| / max(|y|, 1e-7))``."""

    function = mean_absolute_percentage_error


@loss_registry.register("msle")
class MeanSquaredLogarithmicError(PlainLoss):
    """Mean squared logarithmic error, ``mean((log(1 + y) - log(1 + ŷ))²)``.

    For positive targets of many magnitudes.
    """

    function = mean_squared_logarithmic_error


@loss_registry.register("huber_loss")
class Huber(Loss):
    """Huber's loss: ``e²/2`` where ``|e| <= δ``, linear ``δ|e| - δ²/2`` outside. Source: Huber 1964.

    Args:
        delta: where it changes from quadratic to linear, 1 by default; data, may differ between members.
        reduction: see `Loss`.
        name: see `Loss`.
        dtype: see `Loss`.
    """

    hyperparameters = ("delta",)

    @validate_params(LOSS_RULES, delta=Real(0, closed="right"))
    def __init__(
        self,
        delta: Any = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.delta = delta

    def call(self, y_true: Any, y_pred: Any) -> Array:
        """Return the values of the rows."""
        return huber(y_true, y_pred, self.delta)


@loss_registry.register()
class LogCosh(PlainLoss):
    """Logarithm of the hyperbolic cosine of the error: like Huber's, twice differentiable."""

    function = log_cosh


@loss_registry.register()
class Poisson(PlainLoss):
    """Negative log-likelihood of counts, ``mean(ŷ - y log(ŷ + 1e-7))``.

    The term that depends on the targets only is left out.
    """

    function = poisson


@loss_registry.register("cosine_proximity")
class CosineSimilarity(Loss):
    """Minus the cosine of the angle between target and prediction, so that minimising aligns them.

    Args:
        axis: axis of the vectors, the last by default.
        reduction: see `Loss`.
        name: see `Loss`.
        dtype: see `Loss`.
    """

    vectors_are_rows = False

    @validate_params(LOSS_RULES)
    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Array:
        """Return the values of the rows."""
        return cosine_similarity(y_true, y_pred, self.axis)
