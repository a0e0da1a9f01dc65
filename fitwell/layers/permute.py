"""The `Permute` layer."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._param_validation import Integer, ListOf, validate_params
from fitwell._typing import Array
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import Layer, register

__all__ = ["Permute"]


@register()
class Permute(Layer):
    """A layer that reorders the axes of every row.

    Args:
        dims (int | tuple[int, ...]): The new order of the input axes, without the batch axis. The first axis
            after the batch axis has the number 1, so ``(2, 1)`` swaps the two axes of each row.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, ...]`, with as many axes after the batch axis as `dims` has entries.

    Raises:
        InvalidArgument: if `dims` does not contain each integer from 1 to its length exactly once.
        ShapeError: if the inputs have the wrong number of axes.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Permute((2, 1))(np.ones((5, 2, 3))).shape
        (5, 3, 2)

    Source: Keras `Permute`.
    """

    @validate_params(LAYER, dims=Integer(1) | ListOf(Integer(1), least=1))
    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        order = dims if isinstance(dims, tuple) else (dims,)
        if sorted(order) != list(range(1, len(order) + 1)):
            raise InvalidArgument(
                f"Permute: dims must contain each integer from 1 to {len(order)} once, got {dims!r}"
            )
        self.dims = order

    def call(self, inputs: Array) -> Array:
        if inputs.ndim != len(self.dims) + 1:
            raise ShapeError(
                f"layer {self.name!r} (Permute): dims={self.dims} requires inputs with {len(self.dims) + 1} "
                f"axes, including the batch axis, got inputs of shape {tuple(inputs.shape)}"
            )
        return jnp.transpose(inputs, (0, *self.dims))
