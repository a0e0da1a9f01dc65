"""Regression losses: squared, absolute, relative and robust errors, and cosine similarity."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from fitwell import config as settings
from fitwell._param_validation import Real, validate_params
from fitwell._reductions import l2_normalize
from fitwell._typing import Array
from fitwell.losses.alignment import match_shapes
from fitwell.losses.base import LOSS_RULES, FunctionLoss, loss_registry

__all__ = [
    "CosineSimilarity",
    "Huber",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "cosine_similarity",
    "huber",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
]


def mean_squared_error(y_true: Any, y_pred: Any) -> Array:
    """Compute the mean squared error, the mean of ``(y - ŷ)²`` over the last axis.

    Args:
        y_true (ArrayLike): Targets, ``[batch, ..., d]``.
        y_pred (ArrayLike): Predictions of the same shape.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> fw.losses.mean_squared_error([[0.0, 1.0]], [[1.0, 1.0]]).tolist()
        [0.5]
    """
    y_true, y_pred = match_shapes("mean_squared_error", y_true, y_pred)
    return jnp.mean(jnp.square(y_pred - y_true), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Array:
    """Compute the mean absolute error, the mean of ``|y - ŷ|`` over the last axis.

    Args:
        y_true (ArrayLike): Targets, ``[batch, ..., d]``.
        y_pred (ArrayLike): Predictions of the same shape.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> fw.losses.mean_absolute_error([[0.0, 1.0]], [[1.0, 1.0]]).tolist()
        [0.5]
    """
    y_true, y_pred = match_shapes("mean_absolute_error", y_true, y_pred)
    return jnp.mean(jnp.abs(y_pred - y_true), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Array:
    """Compute the mean absolute percentage error, the mean of ``100 |y - ŷ| / max(|y|, ε)`` over the last axis.

    ε is `config.epsilon`, 1e-7 by default.

    Args:
        y_true (ArrayLike): Targets, ``[batch, ..., d]``.
        y_pred (ArrayLike): Predictions of the same shape.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> fw.losses.mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 4.0]]).tolist()
        [25.0]
    """
    y_true, y_pred = match_shapes("mean_absolute_percentage_error", y_true, y_pred)
    return 100 * jnp.mean(
        jnp.abs(y_true - y_pred) / jnp.maximum(jnp.abs(y_true), settings.epsilon()), axis=-1
    )


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Array:
    """Compute the mean squared logarithmic error, the mean of ``(log(1 + y) - log(1 + ŷ))²`` over the last axis.

    Targets and predictions below `config.epsilon`, 1e-7 by default, are replaced with this value.

    Args:
        y_true (ArrayLike): Targets, ``[batch, ..., d]``.
        y_pred (ArrayLike): Predictions of the same shape.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> fw.losses.mean_squared_logarithmic_error([[2.0, 4.0]], [[2.0, 4.0]]).tolist()
        [0.0]
    """
    y_true, y_pred = match_shapes("mean_squared_logarithmic_error", y_true, y_pred)
    logs = [jnp.log1p(jnp.maximum(y, settings.epsilon())) for y in (y_true, y_pred)]
    return jnp.mean(jnp.square(logs[0] - logs[1]), axis=-1)


@validate_params(LOSS_RULES)
def huber(y_true: Any, y_pred: Any, delta: Any = 1.0) -> Array:
    """Compute the mean Huber loss over the last axis.

    For the error ``e = y - ŷ``, the Huber loss is ``e²/2`` if ``|e| <= δ``, and ``δ|e| - δ²/2`` otherwise.

    Args:
        y_true (ArrayLike): Targets, ``[batch, ..., d]``.
        y_pred (ArrayLike): Predictions of the same shape.
        delta (float): The threshold δ, above 0. Default: 1.0.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> fw.losses.huber([[0.0, 0.0]], [[1.0, 3.0]]).tolist()
        [1.5]
    """
    y_true, y_pred = match_shapes("huber", y_true, y_pred)
    delta = jnp.asarray(delta, y_pred.dtype)
    size = jnp.abs(y_pred - y_true)
    return jnp.mean(
        jnp.where(size <= delta, 0.5 * jnp.square(size), delta * size - 0.5 * jnp.square(delta)), axis=-1
    )


def log_cosh(y_true: Any, y_pred: Any) -> Array:
    """Compute the log-cosh loss, the mean of ``log(cosh(ŷ - y))`` over the last axis.

    The value is close to ``e²/2`` for small errors e, and to ``|e| - log 2`` for large ones. For small errors, the
    result is more accurate than in Keras, whose formula loses all significant digits in float32.

    Args:
        y_true (ArrayLike): Targets, ``[batch, ..., d]``.
        y_pred (ArrayLike): Predictions of the same shape.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> fw.losses.log_cosh([[0.0, 0.0]], [[0.0, 0.0]]).tolist()
        [0.0]
    """
    y_true, y_pred = match_shapes("log_cosh", y_true, y_pred)
    error = y_pred - y_true
    size = jnp.abs(error)
    near = 0.5 * jnp.log1p(jnp.square(jnp.sinh(jnp.clip(error, -1, 1))))
    far = size + jnp.log1p(jnp.exp(-2 * size)) - math.log(2)
    return jnp.mean(jnp.where(size < 1, near, far), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Array:
    """Compute the Poisson loss, the mean of ``ŷ - y log(ŷ + ε)`` over the last axis.

    ε is `config.epsilon`, 1e-7 by default.

    Args:
        y_true (ArrayLike): Counts, ``[batch, ..., d]``.
        y_pred (ArrayLike): Predicted rates of the same shape. They must be positive.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> fw.losses.poisson([[0.0, 0.0]], [[1.0, 3.0]]).tolist()
        [2.0]
    """
    y_true, y_pred = match_shapes("poisson", y_true, y_pred)
    return jnp.mean(y_pred - y_true * jnp.log(y_pred + settings.epsilon()), axis=-1)


@validate_params(LOSS_RULES)
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Array:
    """Compute the negative cosine of the angle between y and ŷ along `axis`.

    The result is -1 if both vectors have the same direction.

    Args:
        y_true (ArrayLike): Targets, ``[batch, ..., d]``.
        y_pred (ArrayLike): Predictions of the same shape.
        axis (int): Axis along which to compute the cosine. Default: -1.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> fw.losses.cosine_similarity([[0.0, 1.0]], [[1.0, 0.0]]).tolist()
        [-0.0]
    """
    y_true, y_pred = match_shapes("cosine_similarity", y_true, y_pred)
    return -jnp.sum(l2_normalize(y_true, axis) * l2_normalize(y_pred, axis), axis=axis)


@loss_registry.register("mse")
class MeanSquaredError(FunctionLoss):
    """Mean squared error ``mean((y - ŷ)²)``, for regression with normally distributed errors.

    Args:
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> float(fw.losses.MeanSquaredError()([[0.0], [1.0]], [[1.0], [1.0]]))
        0.5

    Source: Keras `MeanSquaredError`.
    """

    function = mean_squared_error


@loss_registry.register("mae")
class MeanAbsoluteError(FunctionLoss):
    """Mean absolute error ``mean(|y - ŷ|)``, for regression that is robust to outliers.

    Args:
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> float(fw.losses.MeanAbsoluteError()([[0.0], [1.0]], [[3.0], [1.0]]))
        1.5

    Source: Keras `MeanAbsoluteError`.
    """

    function = mean_absolute_error


@loss_registry.register("mape")
class MeanAbsolutePercentageError(FunctionLoss):
    """Mean absolute percentage error ``100 mean(|y - ŷ| / max(|y|, 1e-7))``.

    Args:
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> float(fw.losses.MeanAbsolutePercentageError()([[2.0], [4.0]], [[1.0], [4.0]]))
        25.0

    Source: Keras `MeanAbsolutePercentageError`.
    """

    function = mean_absolute_percentage_error


@loss_registry.register("msle")
class MeanSquaredLogarithmicError(FunctionLoss):
    """Mean squared logarithmic error ``mean((log(1 + y) - log(1 + ŷ))²)``.

    It is suitable for positive targets that span several orders of magnitude.

    Args:
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> float(fw.losses.MeanSquaredLogarithmicError()([[2.0], [4.0]], [[2.0], [4.0]]))
        0.0

    Source: Keras `MeanSquaredLogarithmicError`.
    """

    function = mean_squared_logarithmic_error


@loss_registry.register("huber_loss")
class Huber(FunctionLoss):
    """Huber loss, which is quadratic for small errors and linear for large errors.

    For the error ``e = y - ŷ``, the loss is ``e²/2`` if ``|e| <= δ``, and ``δ|e| - δ²/2`` otherwise.

    Args:
        delta (float): The error δ at which the loss changes from quadratic to linear. It must be above 0. You can
            change this hyperparameter without recompilation, and each member of a population can have a different
            value. Default: 1.0.
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: "huber_loss".
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> float(fw.losses.Huber()([[0.0], [0.0]], [[1.0], [3.0]]))
        1.5

    Source: Huber, 1964; Keras `Huber`.
    """

    function = huber
    hyperparameters = ("delta",)

    @validate_params(LOSS_RULES, delta=Real(0, closed="right"))
    def __init__(
        self,
        delta: Any = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.delta = delta


@loss_registry.register()
class LogCosh(FunctionLoss):
    """Log-cosh loss ``mean(log(cosh(ŷ - y)))``, which is similar to `Huber` but twice differentiable.

    Args:
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> float(fw.losses.LogCosh()([[0.0], [0.0]], [[0.0], [0.0]]))
        0.0

    Source: Keras `LogCosh`.
    """

    function = log_cosh


@loss_registry.register()
class Poisson(FunctionLoss):
    """Poisson loss ``mean(ŷ - y log(ŷ + 1e-7))``, for targets that are counts.

    It is the negative Poisson log-likelihood without the term that depends only on the targets.

    Args:
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> float(fw.losses.Poisson()([[0.0], [0.0]], [[1.0], [3.0]]))
        2.0

    Source: Keras `Poisson`.
    """

    function = poisson


@loss_registry.register("cosine_proximity")
class CosineSimilarity(FunctionLoss):
    """Negative cosine of the angle between the target and the prediction.

    The loss has its minimum, -1, if the target and the prediction have the same direction.

    Args:
        axis (int): Axis along which to compute the cosine. Default: -1.
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> float(fw.losses.CosineSimilarity()([[0.0, 2.0]], [[0.0, 1.0]]))
        -1.0

    Source: Keras `CosineSimilarity`.
    """

    function = cosine_similarity
    vectors_are_rows = False

    @validate_params(LOSS_RULES)
    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.axis = axis
