"""Focal cross-entropy losses, which give less weight to rows that are predicted well."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import NumericArray, Real, validate_params
from fitwell._typing import Array
from fitwell.losses.alignment import match_shapes
from fitwell.losses.base import LOSS_RULES, FunctionLoss, loss_registry
from fitwell.losses.probabilities import (
    binary_crossentropy_terms,
    compute_log_probabilities,
    find_logits,
    smooth_labels,
)

__all__ = [
    "BinaryFocalCrossentropy",
    "CategoricalFocalCrossentropy",
    "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
]


@validate_params(LOSS_RULES, alpha=Real(0, 1))
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: Any = 0.25,
    gamma: Any = 2.0,
    from_logits: bool = False,
    label_smoothing: Any = 0.0,
    axis: int = -1,
) -> Array:
    """Compute the binary focal cross-entropy, the mean of ``(1 - p_t)^γ bce`` along `axis`.

    bce is the binary cross-entropy, and p_t is defined in `BinaryFocalCrossentropy`.

    Args:
        y_true (ArrayLike): Labels (0 or 1), ``[batch, ..., d]``.
        y_pred (ArrayLike): Probabilities of the same shape, or logits if `from_logits` is True.
        apply_class_balancing (bool): Whether to multiply the loss by α for label 1 and by 1 - α for label 0.
            Default: False.
        alpha (float): The weight α for class balancing, from 0 to 1. Default: 0.25.
        gamma (float): The exponent γ, at least 0. Default: 2.0.
        from_logits (bool): Whether `y_pred` contains logits. If True, this function applies the sigmoid.
            Default: False.
        label_smoothing (float): A number s from 0 to 1. Labels become ``y (1 - s) + s / 2``. Default: 0.0.
        axis (int): Axis along which to take the mean. Default: -1.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.losses.binary_focal_crossentropy([[1.0]], [[0.5]])[0]), 3)
        0.173
    """
    y_true, y_pred = match_shapes("binary_focal_crossentropy", y_true, y_pred)
    y_true = smooth_labels(y_true, label_smoothing, 0.5)
    logits = find_logits(y_pred, "sigmoid", from_logits)
    if logits is None:
        p, q = y_pred, 1 - y_pred
    else:
        p, q = jax.nn.sigmoid(logits), jax.nn.sigmoid(-logits)
    values = binary_crossentropy_terms(y_true, y_pred, from_logits)
    values = values * jnp.power(y_true * q + (1 - y_true) * p, jnp.asarray(gamma, y_pred.dtype))
    if apply_class_balancing:
        balance = jnp.asarray(alpha, y_pred.dtype)
        values = values * (y_true * balance + (1 - y_true) * (1 - balance))
    return jnp.mean(values, axis=axis)


@validate_params(LOSS_RULES, alpha=NumericArray())
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: Any = 2.0,
    from_logits: bool = False,
    label_smoothing: Any = 0.0,
    axis: int = -1,
) -> Array:
    """Compute the categorical focal cross-entropy ``-Σ_k α (1 - p_k)^γ y_k log p_k`` along `axis`.

    Args:
        y_true (ArrayLike): One-hot labels, ``[batch, ..., classes]``.
        y_pred (ArrayLike): Probabilities of the same shape, or logits if `from_logits` is True.
        alpha (float | list[float]): The weight α, or a list with one weight for each class. Default: 0.25.
        gamma (float): The exponent γ, at least 0. Default: 2.0.
        from_logits (bool): Whether `y_pred` contains logits. If True, this function applies the softmax.
            Default: False.
        label_smoothing (float): A number s from 0 to 1. Labels become ``y (1 - s) + s / classes``. Default: 0.0.
        axis (int): Axis of the classes. Default: -1.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.losses.categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])[0]), 3)
        0.043
    """
    y_true, y_pred = match_shapes("categorical_focal_crossentropy", y_true, y_pred)
    y_true = smooth_labels(y_true, label_smoothing, 1 / y_true.shape[axis])
    log_p = compute_log_probabilities(y_pred, from_logits, axis)
    alpha, gamma = (jnp.asarray(value, y_pred.dtype) for value in (alpha, gamma))
    return -jnp.sum(alpha * jnp.power(-jnp.expm1(log_p), gamma) * y_true * log_p, axis=axis)


@loss_registry.register()
class BinaryFocalCrossentropy(FunctionLoss):
    """Binary cross-entropy multiplied by ``(1 - p_t)^γ``, where ``p_t = y p + (1 - y)(1 - p)``.

    This factor gives less weight to rows that are predicted well.

    Args:
        apply_class_balancing (bool): Whether to multiply the loss by α for label 1 and by 1 - α for label 0.
            Default: False.
        alpha (float): The weight α for class balancing, from 0 to 1. You can change this hyperparameter without
            recompilation. Default: 0.25.
        gamma (float): The exponent γ, at least 0. With 0, the loss is the binary cross-entropy. You can change this
            hyperparameter without recompilation. Default: 2.0.
        from_logits (bool): Whether the predictions are logits. Default: False.
        label_smoothing (float): A number s from 0 to 1. Labels become ``y (1 - s) + s / 2``. You can change this
            hyperparameter without recompilation. Default: 0.0.
        axis (int): Axis along which to take the mean. Default: -1.
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.losses.BinaryFocalCrossentropy()([[1.0]], [[0.5]])), 3)
        0.173

    Source: Lin et al., 2017; Keras `BinaryFocalCrossentropy`.
    """

    function = binary_focal_crossentropy
    hyperparameters = ("alpha", "gamma", "label_smoothing")

    @validate_params(LOSS_RULES, alpha=Real(0, 1))
    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: Any = 0.25,
        gamma: Any = 2.0,
        from_logits: bool = False,
        label_smoothing: Any = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.apply_class_balancing = apply_class_balancing
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


@loss_registry.register()
class CategoricalFocalCrossentropy(FunctionLoss):
    """Cross-entropy for one-hot targets, where the term for each class k is multiplied by ``α (1 - p_k)^γ``.

    This factor gives less weight to rows that are predicted well.

    Args:
        alpha (float | list[float]): The weight α, or a list with one weight for each class. A single number is a
            hyperparameter that you can change without recompilation. Default: 0.25.
        gamma (float): The exponent γ, at least 0. With 0, the loss is the cross-entropy times α. You can change this
            hyperparameter without recompilation. Default: 2.0.
        from_logits (bool): Whether the predictions are logits. Default: False.
        label_smoothing (float): A number s from 0 to 1. Labels become ``y (1 - s) + s / classes``. You can change
            this hyperparameter without recompilation. Default: 0.0.
        axis (int): Axis of the classes. Default: -1.
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.losses.CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 3)
        0.043

    Source: Lin et al., 2017; Keras `CategoricalFocalCrossentropy`.
    """

    function = categorical_focal_crossentropy
    hyperparameters = ("alpha", "gamma", "label_smoothing")
    vectors_are_rows = False

    @validate_params(LOSS_RULES, alpha=NumericArray())
    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: Any = 2.0,
        from_logits: bool = False,
        label_smoothing: Any = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis
