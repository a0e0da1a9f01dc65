"""Logits, log-probabilities and labels of classification losses.

If the surrounding call knows the logits of a softmax or sigmoid output, losses are computed from the logits, which
avoids the logarithm of a probability that was rounded to 0. Other probabilities are clipped to ``[1e-7, 1 - 1e-7]``
(class probabilities are first divided by their sum), as in Keras.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell import _call_context
from fitwell import config as settings
from fitwell._typing import Array
from fitwell.errors import ShapeError, warn

__all__ = [
    "binary_crossentropy_terms",
    "clip_probabilities",
    "compute_log_probabilities",
    "find_logits",
    "smooth_labels",
    "to_class_indices",
    "warn_if_single_unit",
]


def find_logits(y_pred: Array, kind: str, from_logits: bool) -> Array | None:
    """Return the logits of `y_pred` if they are known, else None.

    Args:
        y_pred (Array): The output of the model.
        kind (str): ``"softmax"`` or ``"sigmoid"``.
        from_logits (bool): True if the user declares that `y_pred` are logits.

    Returns:
        Array | None: The logits.
    """
    known = _call_context.current_call_context().get_cached_logits(y_pred, kind)
    if known is None:
        return y_pred if from_logits else None
    if from_logits:
        warn(
            f"the loss was given from_logits=True, but the model ends in a {kind}, so its output is "
            f"probabilities; the inputs of the {kind} are used as logits. Leave out from_logits=True or the {kind}.",
        )
    return known


def clip_probabilities(probabilities: Array) -> Array:
    """Clip probabilities to ``[ε, 1 - ε]``, ε = 1e-7."""
    return jnp.clip(probabilities, settings.epsilon(), 1 - settings.epsilon())


def compute_log_probabilities(y_pred: Array, from_logits: bool, axis: int) -> Array:
    """Compute the logarithms of class probabilities along `axis`."""
    last = axis in (-1, y_pred.ndim - 1)
    logits = find_logits(y_pred, "softmax", from_logits) if last else (y_pred if from_logits else None)
    if logits is not None:
        return jax.nn.log_softmax(logits, axis=axis)
    return jnp.log(clip_probabilities(y_pred / jnp.sum(y_pred, axis=axis, keepdims=True)))


def smooth_labels(y_true: Array, label_smoothing: Any, uniform: float) -> Array:
    """Smooth labels: ``y (1 - s) + s * uniform``. If s is known to be 0, nothing is computed."""
    if isinstance(label_smoothing, int | float) and label_smoothing == 0:
        return y_true
    amount = jnp.asarray(label_smoothing, y_true.dtype)
    return y_true * (1 - amount) + amount * uniform


def binary_crossentropy_terms(y_true: Array, y_pred: Array, from_logits: bool) -> Array:
    """Compute ``-y log p - (1 - y) log(1 - p)`` elementwise."""
    logits = find_logits(y_pred, "sigmoid", from_logits)
    if logits is not None:
        # Separate cases instead of max and |z|, whose derivatives at z = 0 would add up to a wrong one.
        positive = logits >= 0
        linear = jnp.where(positive, logits * (1 - y_true), -logits * y_true)
        return linear + jnp.log1p(jnp.exp(jnp.where(positive, -logits, logits)))
    p = clip_probabilities(y_pred)
    return -(y_true * jnp.log(p) + (1 - y_true) * jnp.log(1 - p))


def warn_if_single_unit(loss: str, y_pred: Array) -> None:
    """Warn if a loss over classes has a single output."""
    if y_pred.shape[-1:] == (1,):
        warn(
            f"{loss} with a single output is always 0: give the last layer one unit for each class, or use "
            "binary_crossentropy for two classes",
            SyntaxWarning,
        )


def to_class_indices(loss: str, y_true: Any, y_pred: Array, axis: int = -1) -> Array:
    """Convert class indices to int32 of the shape of `y_pred` without `axis`; raise `ShapeError` if they do not fit."""
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
            f"{loss}: expected class indices of shape {expected} (or with a last axis of size 1) for "
            f"predictions of shape {y_pred.shape}, got {tuple(np.shape(y_true))}.{hint}"
        )
    return labels.astype(jnp.int32)
