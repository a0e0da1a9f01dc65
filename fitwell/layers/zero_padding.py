"""The `ZeroPadding1D` and `ZeroPadding2D` layers."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER, PAIRS
from fitwell.layers.base import register
from fitwell.layers.base_spatial_layer import BaseSpatialLayer

__all__ = ["ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"]


class ZeroPadding(BaseSpatialLayer):
    """Base class of ZeroPadding1D and ZeroPadding2D."""

    @validate_params(LAYER, padding=PAIRS)
    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.padding = ((padding, padding),) * self.rank if isinstance(padding, int) else padding
        self.data_format = data_format or "channels_last"

    def call(self, inputs: Array) -> Array:
        widths = [(0, 0)] * inputs.ndim
        for axis, width in zip(self.spatial_axes(inputs), self.padding, strict=True):
            widths[axis] = width
        return jnp.pad(inputs, widths)


@register()
class ZeroPadding1D(ZeroPadding):
    """A layer that adds zeros before and after sequences.

    Args:
        padding (int | tuple[int, int]): Number of zeros on each side, or ``(before, after)``. Default: 1.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, length, channels]`.

    Output shape:
        `[batch, before + length + after, channels]`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.ZeroPadding1D((1, 2))(np.ones((2, 3, 4))).shape
        (2, 6, 4)

    Source: Keras `ZeroPadding1D`.
    """

    rank = 1


@register()
class ZeroPadding2D(ZeroPadding):
    """A layer that adds a border of zeros around images.

    Args:
        padding (int | tuple): Width of the border, as one integer for all sides, ``(height, width)`` or
            ``((top, bottom), (left, right))``. Default: 1.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, height, width, channels]`.

    Output shape:
        `[batch, top + height + bottom, left + width + right, channels]`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.ZeroPadding2D(1)(np.ones((2, 3, 3, 4))).shape
        (2, 5, 5, 4)

    Source: Keras `ZeroPadding2D`.
    """

    rank = 2


@register()
class ZeroPadding3D(ZeroPadding):
    """A layer that adds a border of zeros around volumes.

    Args:
        padding (int | tuple): Width of the border, as one integer for all sides, ``(depth, height, width)``
            or three pairs ``(before, after)``. Default: 1.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, depth, height, width, channels]`.

    Output shape:
        `[batch, before + depth + after, ..., channels]`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.ZeroPadding3D(1)(np.ones((2, 3, 3, 3, 4))).shape
        (2, 5, 5, 5, 4)

    Source: Keras `ZeroPadding3D`.
    """

    rank = 3
