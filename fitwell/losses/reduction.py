"""Reduction of loss values to a single number, with weights and masks."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell import _call_context
from fitwell._typing import Array
from fitwell.errors import ShapeError

__all__ = [
    "REDUCTIONS",
    "append_axes",
    "fits_leading_axes",
    "reduce_values",
    "squeeze_weights",
]

REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)


def squeeze_weights(weights: Array, ndim: int) -> Array:
    """Remove trailing axes of size 1 from weights that have more than `ndim` axes."""
    while weights.ndim > ndim and weights.shape[-1] == 1:
        weights = jnp.squeeze(weights, -1)
    return weights


def fits_leading_axes(weights: Array, shape: tuple[int, ...]) -> bool:
    """Check whether each axis of `weights` has size 1 or the size of the corresponding axis in `shape`."""
    return weights.ndim <= len(shape) and all(
        weight_size in (1, size) for weight_size, size in zip(weights.shape, shape, strict=False)
    )


def append_axes(weights: Array, ndim: int) -> Array:
    """Append axes of size 1 until `weights` has `ndim` axes."""
    return weights.reshape(weights.shape + (1,) * (ndim - weights.ndim))


def _expand_weights(weights: Array, values: Array, kind: str, loss: str) -> Array:
    """Append axes of size 1 to row weights or value weights so that they broadcast against `values`."""
    weights = squeeze_weights(weights, values.ndim)
    if not fits_leading_axes(weights, values.shape):
        raise ShapeError(
            f"{loss}: {kind} of shape {weights.shape} do not match loss values of shape {values.shape}. "
            "There must be one for each row or one for each loss value."
        )
    return append_axes(weights, values.ndim)


def _combine_masks(mask: Array | None, sample_mask: Array | None, values: Array, loss: str) -> Array | None:
    """Combine two masks into one that broadcasts against `values`.

    Args:
        mask (Array | None): The mask that the loss returns.
        sample_mask (Array | None): The mask that is False for padding rows.
        values (Array): Loss values.
        loss (str): The name of the loss for error messages.

    Returns:
        Array | None: Booleans that are False where either mask is False, or None if both masks are None.
    """
    valid = None
    for values_mask in (mask, sample_mask):
        if values_mask is not None:
            used = _expand_weights(jnp.asarray(values_mask) != 0, values, "mask values", loss)
            valid = used if valid is None else valid & used
    return valid


def reduce_values(
    values: Array,
    sample_weight: Any = None,
    reduction: str | None = None,
    mask: Array | None = None,
    loss: str = "loss",
) -> Array:
    """Reduce loss values to a single number, as described in `Loss`.

    Args:
        values (Array): Loss values, ``[batch, ...]``.
        sample_weight (ArrayLike | None): Weights whose axes match the leading axes of `values`, such as ``[batch]``.
            Default: None.
        reduction (str | None): One of `REDUCTIONS`. Default: None.
        mask (Array | None): Booleans whose axes match the leading axes of `values`. Values where the mask is False are
            ignored. Rows that the current call marks as padding are also ignored. Default: None.
        loss (str): Name of the loss for error messages. Default: "loss".

    Returns:
        Array: A scalar, or the weighted values if there is no reduction.

    Raises:
        ShapeError: if the weights do not match the values, or if there are weights or padding rows but `values` is a
            single number for the whole batch.
    """
    sample_mask = _call_context.current_call_context().sample_mask
    if values.ndim == 0:
        if sample_weight is not None or sample_mask is not None:
            raise ShapeError(
                f"{loss} returned one number for the whole batch, so its rows cannot be weighted or masked."
                " Return one value for each row, for example mean(..., axis=-1) instead of mean(...)."
            )
        return values
    valid = _combine_masks(mask, sample_mask, values, loss)
    if valid is not None:
        # Select values instead of multiplying by 0, because padding rows may contain any value, including NaN.
        values = jnp.where(valid, values, 0)
    weights = None
    if sample_weight is not None:
        weights = _expand_weights(
            jnp.asarray(sample_weight).astype(values.dtype), values, "sample weights", loss
        )
        values = values * weights
    if reduction in (None, "none"):
        return values
    total = jnp.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weights is not None:
        valid_weights = weights if valid is None else jnp.where(valid, weights, 0)
        count = jnp.sum(jnp.broadcast_to(valid_weights, values.shape))
    elif valid is None:
        return total / max(values.size, 1)
    elif mask is None:
        num_valid_rows = jnp.maximum(
            _call_context.num_valid_rows(values.dtype), 1
        )  # a batch of padding rows gives 0 instead of NaN
        return total / (num_valid_rows * (values.size // values.shape[0]))
    else:
        count = jnp.sum(valid).astype(values.dtype) * (values.size // max(valid.size, 1))
    return jnp.where(count == 0, 0, total / jnp.where(count == 0, 1, count))
