"""The `ParametricActivation` layer."""

from __future__ import annotations

from typing import Any

from fitwell import activations, initializers
from fitwell._param_validation import Identifier, validate_params
from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.array_ops import to_float
from fitwell.layers.base import Layer, register

__all__ = ["ParametricActivation"]


@register()
class ParametricActivation(Layer):
    """A layer that interpolates between the identity and an activation function f: ``x + share * (f(x) - x)``.

    Each unit has a learned share. With a share of 1, the unit computes f, and with a share of 0, it is linear. Keras
    does not have this layer.

    Args:
        activation (str | Callable): The function f, or its name in `fitwell.activations`.
        share_initializer (str | Initializer): Initializer for the shares. Default: ``"ones"``.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, ..., units]`.

    Output shape:
        The same as the input shape. The shares have the shape `[units]`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> layer = fw.layers.ParametricActivation("relu", share_initializer=fw.initializers.Constant(0.5))
        >>> layer(np.array([[-2.0, 3.0]])).tolist()
        [[-1.0, 3.0]]

    Source: Holzmüller et al. (2024), *Better by default: strong pre-tuned MLPs and boosted trees on tabular data*.
    """

    @validate_params(LAYER, share_initializer=Identifier(initializers.get))
    def __init__(self, activation: Any, share_initializer: Any = "ones", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.share_initializer = initializers.get(share_initializer)

    def build(self, input_shape: Any) -> None:
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ShapeError(
                f"layer {self.name!r} (ParametricActivation): expected inputs of shape (batch, ..., units) with a "
                f"known number of units, got {tuple(input_shape)}"
            )
        self.share = self.add_weight("share", (input_shape[-1],), self.share_initializer)
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        if inputs.shape[-1] != self.share.shape[0]:
            raise ShapeError(
                f"layer {self.name!r} (ParametricActivation): expected inputs with {self.share.shape[0]} units, "
                f"got {tuple(inputs.shape)}"
            )
        inputs = to_float(inputs, self.dtype)
        return inputs + (self.activation(inputs) - inputs) * self.share.value
