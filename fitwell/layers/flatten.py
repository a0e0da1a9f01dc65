"""`Flatten`."""

from __future__ import annotations

from fitwell._typing import Array
from fitwell.layers.base import Layer, register

__all__ = ["Flatten"]


@register()
class Flatten(Layer):
    """Flatten all axes but the first.

    Input shape:
        `[batch, ...]`.

    Output shape:
        `[batch, product of the other sizes]`; `[batch]` becomes `[batch, 1]`.

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
