"""The `Softmax` layer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell import activations
from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import AXES, LAYER
from fitwell.layers.array_ops import canonicalize_axes, to_float
from fitwell.layers.base import Layer, register

__all__ = ["Softmax"]


@register()
class Softmax(Layer):
    """Softmax activation, ``exp(x_k) / sum_j exp(x_j)`` along `axis`.

    If this is a classifier's last layer, cross-entropy losses are computed from its inputs (the logits), as
    with ``activation="softmax"``.

    Args:
        axis (int | list[int]): One or more axes to sum over, except the batch axis. Default: -1.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Call arguments:
        mask (bool array | None): Outputs are 0 where the mask is False. If it is False for all elements along
            `axis`, all outputs are equal. Default: None.

    Input shape:
        Any. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> layer = fw.layers.Softmax()
        >>> layer(np.array([[1.0, 1.0]])).tolist()
        [[0.5, 0.5]]
        >>> layer(np.array([[1.0, 1.0]]), mask=np.array([[True, False]])).tolist()
        [[1.0, 0.0]]

    Source: Keras `Softmax`.
    """

    supports_masking = True

    @validate_params(LAYER, axis=AXES)
    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, tuple) else axis

    def call(self, inputs: Array, mask: Any = None) -> Array:
        inputs = to_float(inputs, self.dtype)
        axes = canonicalize_axes(self.name, self.axis, inputs.shape)
        if mask is not None:
            # With the lowest finite number instead of -inf, a fully masked row gives equal values, not NaN.
            inputs = jnp.where(mask, inputs, jnp.finfo(inputs.dtype).min)
        if len(axes) > 1:
            return jax.nn.softmax(inputs, axis=axes)
        return activations.softmax(inputs, axis=-1 if axes[0] == inputs.ndim - 1 else axes[0])
