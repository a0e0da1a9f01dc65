"""The `Rescaling` layer."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER, NUMBERS
from fitwell.layers.array_ops import to_float
from fitwell.layers.base import Layer, register

__all__ = ["Rescaling"]


@register()
class Rescaling(Layer):
    """A layer that computes ``scale * x + offset``, such as ``Rescaling(1 / 255)`` for bytes.

    Args:
        scale (float | list[float]): Factor for all inputs, or a list with one factor per index on the last
            axis. Changing `scale` does not trigger recompilation, unless it is a list.
        offset (float | list[float]): Number to add to all inputs, or a list with one number per index on the
            last axis. Changing `offset` does not trigger recompilation, unless it is a list. Default: 0.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        Any. The output has the same shape and the layer's dtype.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Rescaling(0.5, offset=-1.0)(np.array([[2.0, 4.0]])).tolist()
        [[0.0, 1.0]]

    Source: Keras `Rescaling`.
    """

    supports_masking = True

    hyperparameters = ("scale", "offset")

    @validate_params(LAYER, scale=NUMBERS, offset=NUMBERS)
    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Only single numbers are hyperparameters. Lists are part of the configuration.
        self.scale = scale if np.ndim(scale) == 0 else np.asarray(scale).tolist()
        self.offset = offset if np.ndim(offset) == 0 else np.asarray(offset).tolist()

    def call(self, inputs: Array) -> Array:
        inputs = to_float(inputs, self.dtype)
        return inputs * jnp.asarray(self.scale, inputs.dtype) + jnp.asarray(self.offset, inputs.dtype)
