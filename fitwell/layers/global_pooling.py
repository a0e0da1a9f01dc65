"""Global pooling layers, which reduce all positions of a sequence or image to one value per channel."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.array_ops import promote_to_float32, to_float
from fitwell.layers.base import register
from fitwell.layers.base_spatial_layer import BaseSpatialLayer

__all__ = [
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
]


class GlobalPooling(BaseSpatialLayer):
    """Base class of the global pooling layers, which reduce all positions to one value per channel."""

    @validate_params(LAYER)
    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format or "channels_last"
        self.keepdims = keepdims


class GlobalMaxPooling(GlobalPooling):
    """Base class of GlobalMaxPooling1D and GlobalMaxPooling2D."""

    def call(self, inputs: Array) -> Array:
        return jnp.max(inputs, self.spatial_axes(inputs), keepdims=self.keepdims)


class GlobalAveragePooling(GlobalPooling):
    """Base class of GlobalAveragePooling1D and GlobalAveragePooling2D."""

    def call(self, inputs: Array) -> Array:
        inputs = to_float(inputs, self.dtype)
        return jnp.mean(promote_to_float32(inputs), self.spatial_axes(inputs), keepdims=self.keepdims).astype(
            inputs.dtype
        )


@register("GlobalMaxPool1D")
class GlobalMaxPooling1D(GlobalMaxPooling):
    """Global max pooling of sequences, which returns each channel's largest value.

    Args:
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        keepdims (bool): Whether to keep the reduced axis with size 1. Default: False.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, length, channels]`.

    Output shape:
        `[batch, channels]`, or `[batch, 1, channels]` with `keepdims`.

    Raises:
        ShapeError: if the inputs have the wrong number of axes.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.GlobalMaxPooling1D()(np.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()
        [[3.0]]

    Source: Keras `GlobalMaxPooling1D`.
    """

    rank = 1


@register("GlobalMaxPool2D")
class GlobalMaxPooling2D(GlobalMaxPooling):
    """Global max pooling of images, which returns each channel's largest value.

    Args:
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        keepdims (bool): Whether to keep the reduced axes with size 1. Default: False.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, height, width, channels]`.

    Output shape:
        `[batch, channels]`, or `[batch, 1, 1, channels]` with `keepdims`.

    Raises:
        ShapeError: if the inputs have the wrong number of axes.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.GlobalMaxPooling2D()(np.array([[[[1.0], [3.0]], [[2.0], [0.0]]]])).tolist()
        [[3.0]]

    Source: Keras `GlobalMaxPooling2D`.
    """

    rank = 2


@register("GlobalMaxPool3D")
class GlobalMaxPooling3D(GlobalMaxPooling):
    """Global max pooling of volumes, which returns each channel's largest value.

    Args:
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        keepdims (bool): Whether to keep the reduced axes with size 1. Default: False.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, depth, height, width, channels]`.

    Output shape:
        `[batch, channels]`, or `[batch, 1, 1, 1, channels]` with `keepdims`.

    Raises:
        ShapeError: if the inputs have the wrong number of axes.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.GlobalMaxPooling3D()(np.ones((1, 4, 4, 6, 3))).shape
        (1, 3)

    Source: Keras `GlobalMaxPooling3D`.
    """

    rank = 3


@register("GlobalAvgPool1D")
class GlobalAveragePooling1D(GlobalAveragePooling):
    """Global average pooling of sequences, which returns each channel's mean.

    Args:
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        keepdims (bool): Whether to keep the reduced axis with size 1. Default: False.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, length, channels]`.

    Output shape:
        `[batch, channels]`, or `[batch, 1, channels]` with `keepdims`.

    Raises:
        ShapeError: if the inputs have the wrong number of axes.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.GlobalAveragePooling1D()(np.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()
        [[1.5]]

    Source: Keras `GlobalAveragePooling1D`.
    """

    rank = 1
    supports_masking = True

    def call(self, inputs: Array, mask: Array | None = None) -> Array:
        """Compute the mean over the time steps that are not masked."""
        if mask is None:
            return super().call(inputs)
        inputs = to_float(inputs, self.dtype)
        axis = self.spatial_axes(inputs)[0]
        weights = jnp.expand_dims(mask.astype(inputs.dtype), 2 if axis == 1 else 1)
        total = jnp.sum(inputs * weights, axis=axis, keepdims=self.keepdims)
        return total / jnp.sum(weights, axis=axis, keepdims=self.keepdims)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Return None, because the outputs have no time steps."""


@register("GlobalAvgPool2D")
class GlobalAveragePooling2D(GlobalAveragePooling):
    """Global average pooling of images, which returns each channel's mean.

    Args:
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        keepdims (bool): Whether to keep the reduced axes with size 1. Default: False.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, height, width, channels]`.

    Output shape:
        `[batch, channels]`, or `[batch, 1, 1, channels]` with `keepdims`.

    Raises:
        ShapeError: if the inputs have the wrong number of axes.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.GlobalAveragePooling2D()(np.array([[[[1.0], [3.0]], [[2.0], [0.0]]]])).tolist()
        [[1.5]]

    Source: Keras `GlobalAveragePooling2D`.
    """

    rank = 2


@register("GlobalAvgPool3D")
class GlobalAveragePooling3D(GlobalAveragePooling):
    """Global average pooling of volumes, which returns each channel's mean.

    Args:
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        keepdims (bool): Whether to keep the reduced axes with size 1. Default: False.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, depth, height, width, channels]`.

    Output shape:
        `[batch, channels]`, or `[batch, 1, 1, 1, channels]` with `keepdims`.

    Raises:
        ShapeError: if the inputs have the wrong number of axes.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.GlobalAveragePooling3D()(np.ones((1, 4, 4, 6, 3))).shape
        (1, 3)

    Source: Keras `GlobalAveragePooling3D`.
    """

    rank = 3


GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D


GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
)
