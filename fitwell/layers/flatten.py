"""The `Flatten` layer."""

from __future__ import annotations

from fitwell._typing import Array
from fitwell.layers.base import Layer, register

__all__ = ["Flatten"]


@register()
class Flatten(Layer):
    """A layer that flattens all axes except the batch axis.

    Input shape:
        `[batch, ...]`.

    Output shape:
        `[batch, product of the other sizes]`. Inputs of shape `[batch]` become `[batch, 1]`.

    Args:
        **kwargs: Arguments of `Layer`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Flatten()(np.ones((2, 3, 4))).shape
        (2, 12)

    Source: Keras `Flatten`.
    """

    def call(self, inputs: Array) -> Array:
        return inputs.reshape((inputs.shape[0], -1))
