"""Cross-entropies: classification by probabilities or logits, and the divergence they are part of.

Where the surrounding call knows which logits a softmax or sigmoid output was computed from, the loss is
computed from the logits: no logarithm of a probability that rounded to 0. Other probabilities are clipped to
``[1e-7, 1 - 1e-7]`` (those of classes are first divided by their sum), as in Keras.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell import _call_context
from fitwell import config as settings
from fitwell._param_validation import validate_params
from fitwell.errors import ShapeError, warn
from fitwell.losses.base import (
    LOSS_RULES,
    Array,
    Loss,
    PlainLoss,
    loss_registry,
    match_shapes,
    to_float_predictions,
)

# --- from outputs to log-probabilities ----------------------------------------------------------------------


def find_logits(y_pred: Array, kind: str, from_logits: bool) -> Array | None:
    """Return the logits of `y_pred` if they are known, else None.

    Args:
        y_pred: what the model returned.
        kind: ``"softmax"`` or ``"sigmoid"``.
        from_logits: whether the user says that `y_pred` are logits.
    """
    known = _call_context.current().get_cached_logits(y_pred, kind)
    if known is None:
        return y_pred if from_logits else None
    if from_logits:
        warn(
            f"the loss was given from_logits=True, but the model ends in a {kind}, so its output is "
            f"probabilities; the logits under the {kind} are used. Leave out from_logits=True or the {kind}.",
        )
    return known


def clip_probabilities(probabilities: Array) -> Array:
    """Return probabilities within ``[ε, 1 - ε]``, ε = 1e-7."""
    return jnp.clip(probabilities, settings.epsilon(), 1 - settings.epsilon())


def compute_log_probabilities(y_pred: Array, from_logits: bool, axis: int) -> Array:
    """Return the logarithms of class probabilities along `axis`."""
    last = axis in (-1, y_pred.ndim - 1)
    logits = find_logits(y_pred, "softmax", from_logits) if last else (y_pred if from_logits else None)
    if logits is not None:
        return jax.nn.log_softmax(logits, axis=axis)
    return jnp.log(clip_probabilities(y_pred / jnp.sum(y_pred, axis=axis, keepdims=True)))


def smooth_labels(y_true: Array, label_smoothing: Any, share: float) -> Array:
    """Move a share of each target: ``y (1 - s) + s * share``; nothing is computed when s is known to be 0."""
    if isinstance(label_smoothing, int | float) and label_smoothing == 0:
        return y_true
    amount = jnp.asarray(label_smoothing, y_true.dtype)
    return y_true * (1 - amount) + amount * share


def binary_crossentropy_terms(y_true: Array, y_pred: Array, from_logits: bool) -> Array:
    """Return ``-y log p - (1 - y) log(1 - p)``, value by value."""
    logits = find_logits(y_pred, "sigmoid", from_logits)
    if logits is not None:
        # By cases, not with max and |z|: at z = 0 their derivatives would add up to the wrong one.
        positive = logits >= 0
        linear = jnp.where(positive, logits * (1 - y_true), -logits * y_true)
        return linear + jnp.log1p(jnp.exp(jnp.where(positive, -logits, logits)))
    p = clip_probabilities(y_pred)
    return -(y_true * jnp.log(p) + (1 - y_true) * jnp.log(1 - p))


def _warn_if_single_unit(loss: str, y_pred: Array) -> None:
    if y_pred.shape[-1:] == (1,):
        warn(
            f"{loss} with a single output is always 0: give the last layer one unit for each class, or use "
            "binary_crossentropy for two classes",
            SyntaxWarning,
        )


# --- functions ----------------------------------------------------------------------------------------------


@validate_params(LOSS_RULES)
def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: Any = 0.0, axis: int = -1
) -> Array:
    """Mean along `axis` of ``-y log p - (1 - y) log(1 - p)``.

    Args:
        y_true: labels 0 and 1, or probabilities, ``[batch, ..., d]``.
        y_pred: probabilities, or logits with `from_logits`, of the same shape.
        from_logits: whether to apply the sigmoid here; False by default.
        label_smoothing: s moves labels to ``y (1 - s) + s/2``; 0 by default.
        axis: axis of the mean, the last by default.
    """
    y_true, y_pred = match_shapes("binary_crossentropy", y_true, y_pred)
    return jnp.mean(
        binary_crossentropy_terms(smooth_labels(y_true, label_smoothing, 0.5), y_pred, from_logits), axis=axis
    )


@validate_params(LOSS_RULES)
def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: Any = 0.0, axis: int = -1
) -> Array:
    """``-Σ_k y_k log p_k`` along `axis`.

    Args:
        y_true: one-hot labels, or probabilities, ``[batch, ..., classes]``.
        y_pred: probabilities, or logits with `from_logits`, of the same shape.
        from_logits: whether to apply the softmax here; False by default.
        label_smoothing: s moves labels to ``y (1 - s) + s / classes``; 0 by default.
        axis: axis of the classes, the last by default.
    """
    y_true, y_pred = match_shapes("categorical_crossentropy", y_true, y_pred)
    _warn_if_single_unit("categorical_crossentropy", y_pred)
    y_true = smooth_labels(y_true, label_smoothing, 1 / y_true.shape[axis])
    return -jnp.sum(y_true * compute_log_probabilities(y_pred, from_logits, axis), axis=axis)


def to_class_indices(loss: str, y_true: Any, y_pred: Array, axis: int = -1) -> Array:
    """Return class numbers as int32 of the shape of `y_pred` without `axis`, or raise `ShapeError`."""
    labels = jnp.asarray(y_true)
    expected = tuple(size for index, size in enumerate(y_pred.shape) if index != axis % y_pred.ndim)
    if labels.ndim == y_pred.ndim and labels.shape[axis] == 1:
        labels = jnp.squeeze(labels, axis)
    if labels.shape != expected:
        hint = ""
        if labels.shape == y_pred.shape:
            hint = " One-hot targets belong to categorical_crossentropy."
        elif y_pred.shape[axis] == 1:
            hint = " For a single output use binary_crossentropy."
        raise ShapeError(
            f"{loss}: expected class numbers of shape {expected} (or with a last axis of size 1) for "
            f"predictions of shape {y_pred.shape}, got {tuple(np.shape(y_true))}.{hint}"
        )
    return labels.astype(jnp.int32)


@validate_params(LOSS_RULES)
def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Array:
    """``-log p_y``, the cross-entropy for class numbers.

    Args:
        y_true: class numbers from 0, ``[batch, ...]`` or ``[batch, ..., 1]``, of any integer type or floats.
        y_pred: probabilities, or logits with `from_logits`, ``[batch, ..., classes]``.
        from_logits: whether to apply the softmax here; False by default.
        ignore_class: a class number whose rows give 0 (and do not count in the mean of the `Loss`); None by
            default.
        axis: axis of the classes, the last by default.

    A class number outside ``0 ... classes - 1`` gives NaN (Keras: 0, so that a mistake goes unnoticed).
    """
    y_pred = to_float_predictions(y_pred)
    labels = to_class_indices("sparse_categorical_crossentropy", y_true, y_pred, axis)
    log_p = compute_log_probabilities(y_pred, from_logits, axis)
    # Compared, not gathered: on a CPU the gradient of a gather is a slow scatter.
    classes = log_p.shape[axis]
    is_label = jax.nn.one_hot(labels, classes, axis=axis, dtype=jnp.bool_)
    values = -jnp.sum(jnp.where(is_label, log_p, 0), axis=axis)
    values = jnp.where((labels >= 0) & (labels < classes), values, jnp.nan)
    return values if ignore_class is None else jnp.where(labels == ignore_class, 0, values)


@validate_params(LOSS_RULES)
def per_class_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False) -> Array:
    """Softmax cross-entropy in the per-class binary form ``Σ_k -y_k log p_k - (1 - y_k) log(1 - p_k)``.

    Args:
        y_true: one-hot labels, ``[batch, ..., classes]``.
        y_pred: class probabilities, or logits with `from_logits`, of the same shape.
        from_logits: whether to apply the softmax here; False by default.

    The logarithm of ``1 - p_k`` is that of the other classes' probabilities, so nothing cancels as p_k nears
    1.
    """
    y_true, y_pred = match_shapes("per_class_crossentropy", y_true, y_pred)
    logits = find_logits(y_pred, "softmax", from_logits)
    if logits is None:
        p = clip_probabilities(y_pred / jnp.sum(y_pred, axis=-1, keepdims=True))
        return -jnp.sum(y_true * jnp.log(p) + (1 - y_true) * jnp.log(1 - p), axis=-1)
    return -jnp.sum(y_true * jax.nn.log_softmax(logits) + (1 - y_true) * _log1m_softmax(logits), axis=-1)


def _log1m_softmax(logits: Array) -> Array:
    """Return ``log(1 - softmax(logits))`` without cancellation."""
    largest = jax.nn.one_hot(jnp.argmax(logits, axis=-1), logits.shape[-1], dtype=jnp.bool_)
    shifted = logits - jax.lax.stop_gradient(jnp.max(logits, axis=-1, keepdims=True))
    terms = jnp.exp(shifted)
    total = jnp.sum(terms, axis=-1, keepdims=True)
    # Without a term that is not the largest, the sum is still at least 1; without the largest it is summed
    # anew.
    others = jnp.log(jnp.where(largest, 1, total - terms))
    runners_up = jax.nn.logsumexp(jnp.where(largest, -jnp.inf, shifted), axis=-1, keepdims=True)
    return jnp.where(largest, runners_up, others) - jnp.log(total)


def kl_divergence(y_true: Any, y_pred: Any) -> Array:
    """Kullback-Leibler divergence ``Σ_k y_k log(y_k / p_k)`` along the last axis.

    Both are clipped to ``[1e-7, 1]``.
    """
    y_true, y_pred = match_shapes("kl_divergence", y_true, y_pred)
    y_true, y_pred = (jnp.clip(p, settings.epsilon(), 1) for p in (y_true, y_pred))
    return jnp.sum(y_true * jnp.log(y_true / y_pred), axis=-1)


# --- classes ------------------------------------------------------------------------------------------------


@loss_registry.register("bce")
class BinaryCrossentropy(Loss):
    """Binary cross-entropy ``mean(-y log p - (1 - y) log(1 - p))``: two classes, or several labels at once.

    Args:
        from_logits: whether predictions are logits; False by default.
        label_smoothing: s moves labels to ``y (1 - s) + s/2``; 0 by default; data.
        axis: axis of the mean within a row, the last by default.
        reduction: see `Loss`.
        name: see `Loss`.
        dtype: see `Loss`.
    """

    hyperparameters = ("label_smoothing",)

    @validate_params(LOSS_RULES)
    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: Any = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Array:
        """Return the values of the rows."""
        return binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


@loss_registry.register("cce")
class CategoricalCrossentropy(Loss):
    """Cross-entropy ``-Σ_k y_k log p_k`` of one-hot targets ``[batch, classes]``.

    Args:
        from_logits: whether predictions are logits; False by default.
        label_smoothing: s moves labels to ``y (1 - s) + s / classes``; 0 by default; data.
            Source: Szegedy et al. 2016.
        axis: axis of the classes, the last by default.
        reduction: see `Loss`.
        name: see `Loss`.
        dtype: see `Loss`.
    """

    hyperparameters = ("label_smoothing",)
    vectors_are_rows = False

    @validate_params(LOSS_RULES)
    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: Any = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Array:
        """Return the values of the rows."""
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


@loss_registry.register("scce")
class SparseCategoricalCrossentropy(Loss):
    """Cross-entropy ``-log p_y`` of class numbers ``[batch]`` or ``[batch, 1]``.

    Args:
        from_logits: whether predictions are logits; False by default.
        ignore_class: a class number whose rows do not count; None by default.
        reduction: see `Loss`.
        axis: axis of the classes, the last by default.
        name: see `Loss`.
        dtype: see `Loss`.
    """

    casts_targets = False
    vectors_are_rows = False

    @validate_params(LOSS_RULES)
    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Array:
        """Return the values of the rows."""
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class, self.axis)

    def mask(self, y_true: Any) -> Array | None:
        """Return which rows are not of the ignored class."""
        return None if self.ignore_class is None else jnp.asarray(y_true) != self.ignore_class


@loss_registry.register()
class PerClassCrossentropy(Loss):
    """Softmax cross-entropy in the per-class binary form ``Σ_k -y_k log p_k - (1 - y_k) log(1 - p_k)``.

    Unlike `CategoricalCrossentropy` it also pushes each wrong class down by itself. Targets are one-hot.
    Found in texts that derive cross-entropy from the logistic unit; Keras's nearest is `binary_crossentropy`
    behind a softmax, which is the mean over the classes where this is the sum.

    Args:
        from_logits: whether predictions are logits; False by default.
        reduction: see `Loss`.
        name: see `Loss`.
        dtype: see `Loss`.
    """

    vectors_are_rows = False

    @validate_params(LOSS_RULES)
    def __init__(
        self,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits

    def call(self, y_true: Any, y_pred: Any) -> Array:
        """Return the values of the rows."""
        return per_class_crossentropy(y_true, y_pred, self.from_logits)


@loss_registry.register("kld", "kullback_leibler_divergence")
class KLDivergence(PlainLoss):
    """Kullback-Leibler divergence ``Σ_k y_k log(y_k / p_k)`` of a predicted distribution p from y."""

    function = kl_divergence
    vectors_are_rows = False
