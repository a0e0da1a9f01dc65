"""`Activation`, an activation function as a layer."""

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
    """Apply an activation function.

    Args:
        activation (str | Callable): Name or function; see `fitwell.activations`.
        **kwargs: `name`, `trainable`, `dtype`, `activity_regularizer` and `input_shape`, as for `Layer`.

    Input shape:
        Any, kept.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Activation("relu")(np.array([[-1.0, 2.0]])).tolist()
        [[0.0, 2.0]]

    Source: Keras `Activation`.
    """

    @validate_params(LAYER)
    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Array) -> Array:
        return self.activation(inputs)
