"""The `Activation` layer, which wraps an activation function."""

from __future__ import annotations

from typing import Any

from fitwell import activations
from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import Layer, register

__all__ = ["Activation"]


@register()
class Activation(Layer):
    """A layer that applies an activation function.

    Args:
        activation (str | Callable): A function, or its name in `fitwell.activations`.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        Any. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Activation("relu")(np.array([[-1.0, 2.0]])).tolist()
        [[0.0, 2.0]]

    Source: Keras `Activation`.
    """

    supports_masking = True

    @validate_params(LAYER)
    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Array) -> Array:
        return self.activation(inputs)
