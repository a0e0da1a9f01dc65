"""The `RMSNormalization` layer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import AXES, LAYER
from fitwell.layers.array_ops import canonicalize_axes, get_broadcast_shape, promote_to_float32, to_float
from fitwell.layers.base import register
from fitwell.layers.base_normalization import BaseNormalization

__all__ = ["RMSNormalization"]


@register()
class RMSNormalization(BaseNormalization):
    """A layer that divides each row by its root mean square: ``scale * x / sqrt(mean(x²) + epsilon)``.

    Args:
        axis (int | list[int]): Axes over which to take the mean. The learned `scale` has the sizes of these
            axes. Default: -1. (Keras 3.15 fails with any axis except the last.)
        epsilon (float): Small number added to the mean square. Changing it does not trigger recompilation.
            Default: 1e-6.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, ...]`. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> outputs = fw.layers.RMSNormalization(epsilon=0.0)(np.array([[3.0, -3.0]]))
        >>> np.asarray(outputs, float).round(5).tolist()
        [[1.0, -1.0]]

    Source: Keras `RMSNormalization`; Zhang and Sennrich (2019).
    """

    hyperparameters = ("epsilon",)

    @validate_params(LAYER, axis=AXES)
    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, tuple) else axis
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        self.axes = canonicalize_axes(self.name, self.axis, input_shape)
        self.sizes = self._require_sizes(self.axes, input_shape)
        self.scale = self.add_weight("scale", self.sizes, "ones")
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        inputs = to_float(inputs, self.dtype)
        self._check_sizes(inputs, self.axes, self.sizes)
        values = promote_to_float32(inputs)
        power = jnp.mean(jnp.square(values), self.axes, keepdims=True)
        values = values * jax.lax.rsqrt(power + jnp.asarray(self.epsilon, values.dtype))
        scale = self.scale.value.reshape(get_broadcast_shape(inputs, self.axes))
        return (values * scale).astype(inputs.dtype)
