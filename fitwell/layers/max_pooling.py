"""The `MaxPooling1D` and `MaxPooling2D` layers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._typing import Array
from fitwell.layers.base import register
from fitwell.layers.base_pooling import BasePooling

__all__ = ["MaxPool1D", "MaxPool2D", "MaxPool3D", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D"]


class MaxPooling(BasePooling):
    """Base class of MaxPooling1D and MaxPooling2D."""

    def call(self, inputs: Array) -> Array:
        floating = jnp.issubdtype(inputs.dtype, jnp.floating)
        lowest = -np.inf if floating else jnp.iinfo(inputs.dtype).min
        return self.reduce(inputs, np.asarray(lowest, inputs.dtype), jax.lax.max)


@register("MaxPool1D")
class MaxPooling1D(MaxPooling):
    """Max pooling of sequences, which returns the largest value of each window in each channel.

    Args:
        pool_size (int): Size of the windows. Default: 2.
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
        >>> fw.layers.MaxPooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()
        [[[3.0], [2.0]]]

    Source: Keras `MaxPooling1D`.
    """

    rank = 1


@register("MaxPool2D")
class MaxPooling2D(MaxPooling):
    """Max pooling of images, which returns the largest value of each window in each channel.

    Args:
        pool_size (int | tuple[int, int]): Size of the windows. Default: 2.
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
        >>> fw.layers.MaxPooling2D(2)(np.array([[[[1.0], [3.0]], [[2.0], [0.0]]]])).tolist()
        [[[[3.0]]]]

    Source: Keras `MaxPooling2D`.
    """

    rank = 2


@register("MaxPool3D")
class MaxPooling3D(MaxPooling):
    """Max pooling of volumes, which returns the largest value of each window in each channel.

    Args:
        pool_size (int | tuple[int, int, int]): Size of the windows. Default: 2.
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
        >>> fw.layers.MaxPooling3D(2)(np.ones((1, 4, 4, 6, 3))).shape
        (1, 2, 2, 3, 3)

    Source: Keras `MaxPooling3D`.
    """

    rank = 3


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
