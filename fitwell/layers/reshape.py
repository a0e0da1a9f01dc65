"""The `Reshape` layer."""

from __future__ import annotations

import math
from typing import Any

from fitwell._param_validation import Integer, ListOf, validate_params
from fitwell._typing import Array
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import Layer, register

__all__ = ["Reshape"]


@register()
class Reshape(Layer):
    """A layer that reshapes every row to `target_shape`.

    Args:
        target_shape (int | tuple[int, ...]): New shape of one row. One entry may be -1, which means that its
            size is inferred.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, ...]`.

    Output shape:
        `[batch, *target_shape]`, with the same number of elements in each row.

    Raises:
        InvalidArgument: if `target_shape` contains more than one -1.
        ShapeError: if the elements of a row do not fit `target_shape`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Reshape((2, -1))(np.ones((5, 6))).shape
        (5, 2, 3)

    Source: Keras `Reshape`.
    """

    @validate_params(LAYER, target_shape=Integer(-1) | ListOf(Integer(-1)))
    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes = target_shape if isinstance(target_shape, tuple) else (target_shape,)
        if sizes.count(-1) > 1:
            raise InvalidArgument(f"Reshape: target_shape must contain at most one -1, got {target_shape!r}")
        self.target_shape = sizes

    def call(self, inputs: Array) -> Array:
        count = math.prod(inputs.shape[1:])
        known = math.prod(size for size in self.target_shape if size != -1)
        if count % known if (-1 in self.target_shape and known) else count != known:
            raise ShapeError(
                f"layer {self.name!r} (Reshape): rows of shape {tuple(inputs.shape[1:])} with a total size of {count} "
                f"cannot be reshaped to target_shape {self.target_shape}"
            )
        return inputs.reshape((inputs.shape[0], *self.target_shape))
