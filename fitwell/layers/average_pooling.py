"""The `AveragePooling1D` and `AveragePooling2D` layers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._typing import Array
from fitwell.layers.array_ops import get_broadcast_shape, promote_to_float32, to_float
from fitwell.layers.base import register
from fitwell.layers.base_pooling import BasePooling

__all__ = ["AveragePooling1D", "AveragePooling2D", "AvgPool1D", "AvgPool2D"]


class AveragePooling(BasePooling):
    """Base class of AveragePooling1D and AveragePooling2D."""

    def call(self, inputs: Array) -> Array:
        inputs = to_float(inputs, self.dtype)
        values = promote_to_float32(inputs)
        zero = np.zeros((), values.dtype)
        # As in Keras, padding is not counted, so outputs at the edges are means of fewer values.
        ones = jnp.ones(get_broadcast_shape(inputs, self.spatial_axes(inputs)), values.dtype)
        sums = self.reduce(values, zero, jax.lax.add)
        return (sums / self.reduce(ones, zero, jax.lax.add)).astype(inputs.dtype)


@register("AvgPool1D")
class AveragePooling1D(AveragePooling):
    """Average pooling of sequences, which returns the mean of each window in each channel.

    Padding is not counted, so outputs at the edges are means of fewer values.

    Args:
        pool_size (int): Size of the windows. Default: 2. (Required in Keras.)
        strides (int | None): Step between windows. Defaults to None, which means `pool_size`.
        padding (str): ``"valid"`` (only whole windows) or ``"same"`` (padded windows at the edges). Default:
            ``"valid"``.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, length, channels]`.

    Output shape:
        `[batch, new length, channels]`.

    Raises:
        ShapeError: if the inputs have the wrong number of axes, or are smaller than a window.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.AveragePooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()
        [[[2.0], [1.0]]]

    Source: Keras `AveragePooling1D`.
    """

    rank = 1


@register("AvgPool2D")
class AveragePooling2D(AveragePooling):
    """Average pooling of images, which returns the mean of each window in each channel.

    Padding is not counted, so outputs at the edges are means of fewer values.

    Args:
        pool_size (int | tuple[int, int]): Size of the windows. Default: 2. (Required in Keras.)
        strides (int | tuple[int, int] | None): Step between windows. Defaults to None, which means
            `pool_size`.
        padding (str): ``"valid"`` (only whole windows) or ``"same"`` (padded windows at the edges). Default:
            ``"valid"``.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, height, width, channels]`.

    Output shape:
        `[batch, new height, new width, channels]`.

    Raises:
        ShapeError: if the inputs have the wrong number of axes, or are smaller than a window.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.AveragePooling2D(2)(np.array([[[[1.0], [3.0]], [[2.0], [0.0]]]])).tolist()
        [[[[1.5]]]]

    Source: Keras `AveragePooling2D`.
    """

    rank = 2


@register("AvgPool3D")
class AveragePooling3D(AveragePooling):
    """Average pooling of volumes, which returns the mean of each window in each channel.

    Padding is not counted, so outputs at the edges are means of fewer values.

    Args:
        pool_size (int | tuple[int, int, int]): Size of the windows. Default: 2. (Required in Keras.)
        strides (int | tuple[int, int, int] | None): Step between windows. Defaults to None, which means
            `pool_size`.
        padding (str): ``"valid"`` (only whole windows) or ``"same"`` (padded windows at the edges). Default:
            ``"valid"``.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, depth, height, width, channels]`.

    Output shape:
        `[batch, new depth, new height, new width, channels]`.

    Raises:
        ShapeError: if the inputs have the wrong number of axes, or are smaller than a window.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.AveragePooling3D(2)(np.ones((1, 4, 4, 6, 3))).shape
        (1, 2, 2, 3, 3)

    Source: Keras `AveragePooling3D`.
    """

    rank = 3


AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
