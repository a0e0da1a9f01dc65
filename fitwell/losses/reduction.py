"""Reduction of loss values to one number, with weights and masks."""

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
    """Return True if each axis of `weights` has size 1 or the size of that axis in `shape`."""
    return weights.ndim <= len(shape) and all(
        given in (1, size) for given, size in zip(weights.shape, shape, strict=False)
    )


def append_axes(weights: Array, ndim: int) -> Array:
    """Append axes of size 1 to `weights` up to `ndim` axes."""
    return weights.reshape(weights.shape + (1,) * (ndim - weights.ndim))


def _expand_weights(weights: Array, values: Array, what: str, loss: str) -> Array:
    """Reshape `weights`, one for each row or value, so that they broadcast against `values`."""
    weights = squeeze_weights(weights, values.ndim)
    if not fits_leading_axes(weights, values.shape):
        raise ShapeError(
            f"{loss}: {what} of shape {weights.shape} do not fit loss values of shape {values.shape}; "
            "give one weight for each row, or one for each loss value of the rows"
        )
    return append_axes(weights, values.ndim)


def _combine_masks(mask: Array | None, sample_mask: Array | None, values: Array, loss: str) -> Array | None:
    """Return which values are used, as booleans that broadcast against `values`; None for all."""
    valid = None
    for values_mask in (mask, sample_mask):
        if values_mask is not None:
            used = _expand_weights(jnp.asarray(values_mask) != 0, values, "row weights", loss)
            valid = used if valid is None else valid & used
    return valid


def reduce_values(
    values: Array,
    sample_weight: Any = None,
    reduction: str | None = None,
    mask: Array | None = None,
    loss: str = "loss",
) -> Array:
    """Reduce loss values to one number, by the rules of `Loss`.

    Args:
        values (Array): Loss values, ``[batch, ...]``.
        sample_weight (ArrayLike | None): Weights, ``[batch]`` or any leading shape of `values`. Default: None.
        reduction (str | None): One of `REDUCTIONS`. Default: None.
        mask (Array | None): Booleans of a leading shape of `values`; values where it is False are ignored. Rows that
            the surrounding call marks as padding are ignored, too. Default: None.
        loss (str): Name of the loss for error messages. Default: "loss".

    Returns:
        Array: A scalar, or the weighted values without reduction.

    Raises:
        ShapeError: if the weights do not match the values, or if a single value for the whole batch would have to be
            weighted.
    """
    sample_mask = _call_context.current_call_context().sample_mask
    if values.ndim == 0:
        if sample_weight is not None or sample_mask is not None:
            raise ShapeError(
                f"{loss} returned one number for the whole batch, so its rows cannot be weighted or left out."
                " Return one value for each row, for instance mean(..., axis=-1) instead of mean(...)."
            )
        return values
    valid = _combine_masks(mask, sample_mask, values, loss)
    if valid is not None:
        # Select instead of multiplying by 0: padding rows may hold any value, including NaN.
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
        )  # padding only: 0, not NaN
        return total / (num_valid_rows * (values.size // values.shape[0]))
    else:
        count = jnp.sum(valid).astype(values.dtype) * (values.size // max(valid.size, 1))
    return jnp.where(count == 0, 0, total / jnp.where(count == 0, 1, count))
