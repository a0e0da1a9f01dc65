"""The `RepeatVector` layer."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._param_validation import Integer, validate_params
from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import Layer, register

__all__ = ["RepeatVector"]


@register()
class RepeatVector(Layer):
    """A layer that repeats every row n times along a new axis.

    Args:
        n (int): Number of repetitions.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, width]`.

    Output shape:
        `[batch, n, width]`.

    Raises:
        ShapeError: if the inputs do not have two axes.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.RepeatVector(3)(np.ones((2, 4))).shape
        (2, 3, 4)

    Source: Keras `RepeatVector`.
    """

    @validate_params(LAYER, n=Integer(1))
    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = n

    def call(self, inputs: Array) -> Array:
        if inputs.ndim != 2:
            raise ShapeError(
                f"layer {self.name!r} (RepeatVector): expected inputs of shape (batch, width), "
                f"got {tuple(inputs.shape)}"
            )
        return jnp.repeat(inputs[:, None], self.n, axis=1)
