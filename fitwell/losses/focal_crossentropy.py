"""Losses that weigh a row by how well it is predicted: focal and generalised cross-entropy."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import NumericArray, Real, validate_params
from fitwell.losses.base import LOSS_RULES, Array, Loss, loss_registry, match_shapes, to_float_predictions
from fitwell.losses.crossentropy import (
    binary_crossentropy_terms,
    clip_probabilities,
    compute_log_probabilities,
    find_logits,
    smooth_labels,
    to_class_indices,
)


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
    """Mean along `axis` of ``(1 - p_t)^γ bce``; see `BinaryFocalCrossentropy`."""
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
    """``-Σ_k α (1 - p_k)^γ y_k log p_k`` along `axis`; see `CategoricalFocalCrossentropy`."""
    y_true, y_pred = match_shapes("categorical_focal_crossentropy", y_true, y_pred)
    y_true = smooth_labels(y_true, label_smoothing, 1 / y_true.shape[axis])
    log_p = compute_log_probabilities(y_pred, from_logits, axis)
    alpha, gamma = (jnp.asarray(value, y_pred.dtype) for value in (alpha, gamma))
    return -jnp.sum(alpha * jnp.power(-jnp.expm1(log_p), gamma) * y_true * log_p, axis=axis)


@validate_params(LOSS_RULES)
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: Any = 0.5) -> Array:
    """``(1 - p_y^q) / q`` for class numbers y; see `CategoricalGeneralizedCrossEntropy`."""
    y_pred = to_float_predictions(y_pred)
    labels = to_class_indices("categorical_generalized_cross_entropy", y_true, y_pred)
    q = jnp.asarray(q, y_pred.dtype)
    is_label = jax.nn.one_hot(labels, y_pred.shape[-1], dtype=jnp.bool_)
    p = jnp.sum(jnp.where(is_label, clip_probabilities(y_pred), 0), axis=-1)
    return (1 - jnp.power(p, q)) / q


@loss_registry.register()
class BinaryFocalCrossentropy(Loss):
    """Binary cross-entropy times ``(1 - p_t)^γ``, ``p_t = y p + (1 - y)(1 - p)``.

    Rows that are predicted well count less. Source: Lin et al. 2017.

    Args:
        apply_class_balancing: whether to multiply by α for label 1 and 1 - α for label 0; False by default.
        alpha: α, 0.25 by default; data.
        gamma: γ, 2 by default; 0 is binary cross-entropy; data.
        from_logits: whether predictions are logits; False by default.
        label_smoothing: s moves labels to ``y (1 - s) + s/2``; 0 by default; data.
        axis: axis of the mean within a row, the last by default.
        reduction: see `Loss`.
        name: see `Loss`.
        dtype: see `Loss`.
    """

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
        super().__init__(name, reduction, dtype)
        self.apply_class_balancing = apply_class_balancing
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Array:
        """Return the values of the rows."""
        return binary_focal_crossentropy(
            y_true,
            y_pred,
            self.apply_class_balancing,
            self.alpha,
            self.gamma,
            self.from_logits,
            self.label_smoothing,
            self.axis,
        )


@loss_registry.register()
class CategoricalFocalCrossentropy(Loss):
    """Cross-entropy of one-hot targets with each class's term times ``α (1 - p_k)^γ``.

    Source: Lin et al. 2017.

    Args:
        alpha: α, 0.25 by default, or a list with one for each class; data when it is one number.
        gamma: γ, 2 by default; data.
        from_logits: whether predictions are logits; False by default.
        label_smoothing: s moves labels to ``y (1 - s) + s / classes``; 0 by default; data.
        axis: axis of the classes, the last by default.
        reduction: see `Loss`.
        name: see `Loss`.
        dtype: see `Loss`.
    """

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
        super().__init__(name, reduction, dtype)
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Array:
        """Return the values of the rows."""
        return categorical_focal_crossentropy(
            y_true, y_pred, self.alpha, self.gamma, self.from_logits, self.label_smoothing, self.axis
        )


@loss_registry.register()
class CategoricalGeneralizedCrossEntropy(Loss):
    """``(1 - p_y^q) / q`` for class numbers: between cross-entropy (q → 0) and absolute error (q → 1).

    Less sensitive to wrong labels than cross-entropy. Source: Zhang and Sabuncu 2018.

    Args:
        q: between 0 and 1, 0.5 by default; data.
        reduction: see `Loss`.
        name: see `Loss`.
        dtype: see `Loss`.
    """

    hyperparameters = ("q",)
    casts_targets = False
    vectors_are_rows = False

    @validate_params(LOSS_RULES, q=Real(0, 1, closed="neither"))
    def __init__(
        self,
        q: Any = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.q = q

    def call(self, y_true: Any, y_pred: Any) -> Array:
        """Return the values of the rows."""
        return categorical_generalized_cross_entropy(y_true, y_pred, self.q)
