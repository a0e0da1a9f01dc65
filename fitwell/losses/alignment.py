"""Functions that align the dtypes, ranks and shapes of targets and predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from fitwell import _call_context
from fitwell import config as settings
from fitwell._typing import Array
from fitwell.errors import ShapeError

__all__ = [
    "map_with_logits",
    "match_shapes",
    "squeeze_or_expand_to_same_rank",
    "to_float_predictions",
]


def to_float_predictions(y_pred: Any, dtype: Any = None) -> Array:
    """Convert predictions to a floating-point array.

    If `dtype` is None, floating-point predictions keep their dtype, and other predictions get the default float dtype.
    If an array already has the right dtype, the same object is returned, because the logits that are recorded for the
    predictions belong to that object.
    """
    array = jnp.asarray(y_pred)
    if dtype is None:
        dtype = array.dtype if jnp.issubdtype(array.dtype, jnp.inexact) else settings.float_dtype()
    return map_with_logits(array, lambda x: x.astype(dtype)) if array.dtype != jnp.dtype(dtype) else array


def map_with_logits(output: Array, change: Callable[[Array], Array]) -> Array:
    """Apply a function to an array and to the logits that are recorded for it.

    Logits are recorded for the output of a softmax, sigmoid or threshold activation. The changed logits are recorded
    for the changed array.

    Args:
        output (Array): The array.
        change (Callable): A function of an array, for example a cast or a reshape.

    Returns:
        Array: ``change(output)``.
    """
    changed = change(output)
    if _call_context.in_call_context():
        current = _call_context.current_call_context()
        for kind in ("sigmoid", "softmax", "threshold"):
            logits = current.get_cached_logits(output, kind)
            if logits is not None:
                current.cache_logits(changed, kind, change(logits))
    return changed


def squeeze_or_expand_to_same_rank(y_true: Array, y_pred: Array) -> tuple[Array, Array]:
    """Remove or add a trailing axis of size 1 so that targets and predictions have the same rank.

    If the shapes are ``[n]`` and ``[n, 1]``, both become ``[n, 1]``. If the shapes are ``[n, t]`` and ``[n, t, 1]``,
    both become ``[n, t]``. All other shapes stay the same.
    """
    if y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
        if y_true.ndim == 1:
            return y_true[:, None], y_pred
        return y_true, map_with_logits(y_pred, lambda x: jnp.squeeze(x, -1))
    if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        if y_pred.ndim == 1:
            return y_true, map_with_logits(y_pred, lambda x: x[:, None])
        return jnp.squeeze(y_true, -1), y_pred
    return y_true, y_pred


def match_shapes(loss: str, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    """Convert targets and predictions to floating-point arrays of the same dtype and shape.

    Args:
        loss (str): The name of the loss for error messages.
        y_true (ArrayLike): Targets.
        y_pred (ArrayLike): Predictions.

    Returns:
        tuple[Array, Array]: Targets and predictions.

    Raises:
        ShapeError: if the shapes do not match.
    """
    y_pred = to_float_predictions(y_pred)
    y_true, y_pred = squeeze_or_expand_to_same_rank(jnp.asarray(y_true).astype(y_pred.dtype), y_pred)
    if y_true.shape != y_pred.shape:
        hint = "The last layer must have one unit for each target."
        if y_true.size and y_pred.ndim > 1 and y_true.shape in (y_pred.shape[:-1], (*y_pred.shape[:-1], 1)):
            hint = (
                "If the targets are class indices, use sparse_categorical_crossentropy. Otherwise, "
                "the last layer must have one unit."
            )
        raise ShapeError(
            f"{loss}: targets of shape {y_true.shape} do not match predictions of shape {y_pred.shape}. {hint}"
        )
    return y_true, y_pred
