"""The `Masking` layer."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._param_validation import Real, validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.array_ops import to_float
from fitwell.layers.base import Layer, register

__all__ = ["Masking"]


@register()
class Masking(Layer):
    """A layer that masks the time steps in which all features equal `mask_value`.

    The following layers skip the masked time steps if they support masks, such as `LSTM`. The values of these time
    steps become 0.

    Args:
        mask_value (float): The value that marks a time step. Default: 0.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, time, ...]`. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> x = np.array([[[1.0, 2.0], [0.0, 0.0]]])
        >>> fw.layers.Masking().compute_mask(x).tolist()
        [[True, False]]

    Source: Keras `Masking`.
    """

    supports_masking = True

    @validate_params(LAYER, mask_value=Real())
    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = mask_value

    def compute_mask(self, inputs: Any, mask: Any = None) -> Array:
        """Return whether each time step has a feature other than `mask_value`, ``[batch, time]``."""
        return jnp.any(jnp.not_equal(jnp.asarray(inputs), self.mask_value), axis=-1)

    def call(self, inputs: Array) -> Array:
        inputs = to_float(inputs, self.dtype)
        return inputs * self.compute_mask(inputs)[..., None].astype(inputs.dtype)
