"""`Permute`."""

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
    """Reorder the axes of every row.

    Args:
        dims (int | tuple[int, ...]): Output axis i is input axis ``dims[i]``. Axes count from 1, since 0 is the batch.
        **kwargs: `name`, `trainable`, `dtype`, `activity_regularizer` and `input_shape`, as for `Layer`.

    Input shape:
        `[batch, ...]`, with as many axes as `dims` after the first.

    Raises:
        InvalidArgument: if `dims` is not a permutation of 1 ... n.
        ShapeError: if the inputs have another number of axes.

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
        given = dims if isinstance(dims, tuple) else (dims,)
        if sorted(given) != list(range(1, len(given) + 1)):
            raise InvalidArgument(f"Permute: dims must be an order of 1 ... {len(given)}, got {dims!r}")
        self.dims = given

    def call(self, inputs: Array) -> Array:
        if inputs.ndim != len(self.dims) + 1:
            raise ShapeError(
                f"layer {self.name!r} (Permute): dims {self.dims} order {len(self.dims)} axes, got inputs of shape "
                f"{tuple(inputs.shape)}"
            )
        return jnp.transpose(inputs, (0, *self.dims))
