"""The `CategoryEncoding` layer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import Integer, Options, validate_params
from fitwell._typing import Array
from fitwell.errors import DataError, InvalidArgument
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import Layer, register

__all__ = ["CategoryEncoding"]


@register()
class CategoryEncoding(Layer):
    """A layer that encodes integers from 0 to ``num_tokens - 1`` as vectors of length `num_tokens`.

    Differs from Keras: inputs of shape `[batch]` always contain one integer per row, while Keras treats them
    as a single row if `output_mode` is ``"multi_hot"``. ``sparse=True`` is not supported. An integer that is
    out of range raises `DataError` in an eager call and gives NaN in compiled code.

    Args:
        num_tokens (int): Number of possible integers.
        output_mode (str): How to encode the integers. Default: ``"multi_hot"``.

            - ``"one_hot"``: Each integer becomes a vector with a 1 at its index. Inputs of shape `[batch]`
              and `[batch, 1]` give `[batch, num_tokens]`, and `[batch, n]` gives `[batch, n, num_tokens]`.
            - ``"multi_hot"``: Each row of `[batch, n]` gives one vector, with a 1 for every integer that
              occurs.
            - ``"count"``: Like ``"multi_hot"``, but each entry is the number of times that the integer
              occurs, or the sum of its `count_weights`.
        sparse (bool): Only False is supported.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Call arguments:
        count_weights (array | None): Weights of the integers, with the same shape as the inputs. They require
            ``output_mode="count"``.

    Raises:
        InvalidArgument: if `num_tokens` is missing or `sparse` is True.
        DataError: if an integer is out of range in an eager call.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.CategoryEncoding(3, output_mode="count")(np.array([[0, 2, 2]])).tolist()
        [[1.0, 0.0, 2.0]]

    Source: Keras `CategoryEncoding`.
    """

    @validate_params(
        LAYER, num_tokens=Integer(1) | None, output_mode=Options("one_hot", "multi_hot", "count")
    )
    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_tokens is None:
            raise InvalidArgument(
                "CategoryEncoding: num_tokens, the number of possible integers, is required"
            )
        self.num_tokens = num_tokens
        self.output_mode = output_mode
        if sparse:
            raise InvalidArgument("CategoryEncoding: sparse=True is not supported; omit it for dense vectors")
        self.sparse = False

    def call(self, inputs: Array, count_weights: Any = None) -> Array:
        if count_weights is not None and self.output_mode != "count":
            raise InvalidArgument(
                f"layer {self.name!r}: count_weights requires output_mode='count', got {self.output_mode!r}"
            )
        indices = inputs.astype(jnp.int32)
        in_range = (indices >= 0) & (indices < self.num_tokens)
        if not isinstance(in_range, jax.core.Tracer) and not bool(in_range.all()):
            raise DataError(
                f"layer {self.name!r} (CategoryEncoding): integers must be between 0 and "
                f"{self.num_tokens - 1}, got values from {int(indices.min())} to {int(indices.max())}"
            )
        if indices.ndim == 1:
            indices, in_range = indices[:, None], in_range[:, None]
            count_weights = None if count_weights is None else jnp.reshape(count_weights, indices.shape)
        elif indices.shape[-1] != 1 and self.output_mode == "one_hot":
            indices, in_range = indices[..., None], in_range[..., None]
        one_hot = jax.nn.one_hot(indices, self.num_tokens, dtype=self.dtype)
        one_hot = jnp.where(in_range[..., None], one_hot, jnp.nan)
        if self.output_mode != "count":
            return one_hot.max(axis=-2)
        if count_weights is not None:
            one_hot = one_hot * jnp.asarray(count_weights, self.dtype)[..., None]
        return one_hot.sum(axis=-2)
