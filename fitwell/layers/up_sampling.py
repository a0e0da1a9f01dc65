"""The `UpSampling1D` and `UpSampling2D` layers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import Integer, Options, SizeTuple, validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.array_ops import to_float
from fitwell.layers.base import register
from fitwell.layers.base_spatial_layer import BaseSpatialLayer

__all__ = ["UpSampling1D", "UpSampling2D"]


@register()
class UpSampling1D(BaseSpatialLayer):
    """A layer that repeats every time step of a sequence.

    Args:
        size (int): Number of repetitions. Default: 2.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, length, channels]`.

    Output shape:
        `[batch, length * size, channels]`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.UpSampling1D(2)(np.array([[[1.0], [2.0]]])).tolist()
        [[[1.0], [1.0], [2.0], [2.0]]]

    Source: Keras `UpSampling1D`.
    """

    rank = 1

    @validate_params(LAYER, size=Integer(1))
    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def call(self, inputs: Array) -> Array:
        return jnp.repeat(inputs, self.size, self.spatial_axes(inputs)[0])


@register()
class UpSampling2D(BaseSpatialLayer):
    """A layer that enlarges images by integer factors.

    Args:
        size (int | tuple[int, int]): Factors for the height and width. Default: 2.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        interpolation (str): ``"nearest"`` repeats pixels. ``"bilinear"``, ``"bicubic"``, ``"lanczos3"`` and
            ``"lanczos5"`` interpolate between pixel centers. Default: ``"nearest"``.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, height, width, channels]`.

    Output shape:
        `[batch, height * size[0], width * size[1], channels]`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.UpSampling2D((2, 3))(np.ones((1, 4, 4, 1))).shape
        (1, 8, 12, 1)

    Source: Keras `UpSampling2D`.
    """

    rank = 2

    @validate_params(
        LAYER,
        size=SizeTuple(2),
        interpolation=Options("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"),
    )
    def __init__(
        self, size: Any = 2, data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.size = (size, size) if isinstance(size, int) else size
        self.data_format = data_format or "channels_last"
        self.interpolation = interpolation

    def call(self, inputs: Array) -> Array:
        axes = self.spatial_axes(inputs)
        if self.interpolation == "nearest":
            for axis, size in zip(axes, self.size, strict=True):
                inputs = jnp.repeat(inputs, size, axis)
            return inputs
        inputs = to_float(inputs, self.dtype)
        shape = list(inputs.shape)
        for axis, size in zip(axes, self.size, strict=True):
            shape[axis] *= size
        return jax.image.resize(inputs, shape, self.interpolation)
