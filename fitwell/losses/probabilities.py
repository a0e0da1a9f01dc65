"""Functions that prepare logits, probabilities and labels for classification losses.

If the logits of a softmax or sigmoid output were recorded in the current call, losses are computed from the logits.
This avoids the logarithm of a probability that was rounded to 0. Otherwise, class probabilities are divided by their
sum, and all probabilities are clipped to ``[1e-7, 1 - 1e-7]``, as in Keras.
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
    """Return the logits of the predictions, or None if they are unknown.

    Args:
        y_pred (Array): The model's output.
        kind (str): The activation that turns the logits into probabilities, ``"softmax"`` or ``"sigmoid"``.
        from_logits (bool): Whether the user declares that `y_pred` contains logits.

    Returns:
        Array | None: The logits, or None.
    """
    known = _call_context.current_call_context().get_cached_logits(y_pred, kind)
    if known is None:
        return y_pred if from_logits else None
    if from_logits:
        warn(
            f"the loss has from_logits=True, but the model ends in a {kind}, so its outputs are probabilities. "
            f"The loss uses the inputs of the {kind} as logits. Remove either from_logits=True or the {kind}.",
        )
    return known


def clip_probabilities(probabilities: Array) -> Array:
    """Clip probabilities to ``[ε, 1 - ε]``, where ε is `config.epsilon`, 1e-7 by default."""
    return jnp.clip(probabilities, settings.epsilon(), 1 - settings.epsilon())


def compute_log_probabilities(y_pred: Array, from_logits: bool, axis: int) -> Array:
    """Compute log-probabilities for the classes along `axis`."""
    last = axis in (-1, y_pred.ndim - 1)
    logits = find_logits(y_pred, "softmax", from_logits) if last else (y_pred if from_logits else None)
    if logits is not None:
        return jax.nn.log_softmax(logits, axis=axis)
    return jnp.log(clip_probabilities(y_pred / jnp.sum(y_pred, axis=axis, keepdims=True)))


def smooth_labels(y_true: Array, label_smoothing: Any, uniform: float) -> Array:
    """Return the smoothed labels ``y (1 - s) + s * uniform``, where s is `label_smoothing`.

    `uniform` is the value that a uniform distribution assigns to each class: 0.5 for binary labels, or
    ``1 / classes`` for one-hot labels.

    If `label_smoothing` is 0 and not a traced value, the labels are returned unchanged.
    """
    if isinstance(label_smoothing, int | float) and label_smoothing == 0:
        return y_true
    amount = jnp.asarray(label_smoothing, y_true.dtype)
    return y_true * (1 - amount) + amount * uniform


def binary_crossentropy_terms(y_true: Array, y_pred: Array, from_logits: bool) -> Array:
    """Compute ``-y log p - (1 - y) log(1 - p)`` elementwise."""
    logits = find_logits(y_pred, "sigmoid", from_logits)
    if logits is not None:
        # Positive and negative logits z are handled separately, because the usual formula contains max(z, 0) and |z|,
        # whose derivatives at z = 0 would add up to a wrong value.
        positive = logits >= 0
        linear = jnp.where(positive, logits * (1 - y_true), -logits * y_true)
        return linear + jnp.log1p(jnp.exp(jnp.where(positive, -logits, logits)))
    p = clip_probabilities(y_pred)
    return -(y_true * jnp.log(p) + (1 - y_true) * jnp.log(1 - p))


def warn_if_single_unit(loss: str, y_pred: Array) -> None:
    """Warn if a categorical loss is used with predictions for a single class."""
    if y_pred.shape[-1:] == (1,):
        warn(
            f"{loss} is always 0 if the last layer has a single unit. Use one unit for each class. For two classes, "
            "you can also keep the single unit and use binary_crossentropy.",
            SyntaxWarning,
        )


def to_class_indices(loss: str, y_true: Any, y_pred: Array, axis: int = -1) -> Array:
    """Convert class indices to int32. If they have a class axis of size 1, remove it.

    Args:
        loss (str): The name of the loss for error messages.
        y_true (ArrayLike): Class indices.
        y_pred (Array): Predictions.
        axis (int): Axis of the classes in `y_pred`. Default: -1.

    Returns:
        Array: Class indices with the shape of `y_pred` without `axis`.

    Raises:
        ShapeError: if the shape of the class indices does not match the predictions.
    """
    labels = jnp.asarray(y_true)
    expected = tuple(size for index, size in enumerate(y_pred.shape) if index != axis % y_pred.ndim)
    if labels.ndim == y_pred.ndim and labels.shape[axis] == 1:
        labels = jnp.squeeze(labels, axis)
    if labels.shape != expected:
        hint = ""
        if labels.shape == y_pred.shape:
            hint = " Use categorical_crossentropy for one-hot targets."
        elif y_pred.shape[axis] == 1:
            hint = " Use binary_crossentropy for a single output."
        raise ShapeError(
            f"{loss}: expected class indices of shape {expected} (or with a class axis of size 1) for "
            f"predictions of shape {y_pred.shape}, got shape {tuple(np.shape(y_true))}.{hint}"
        )
    return labels.astype(jnp.int32)
