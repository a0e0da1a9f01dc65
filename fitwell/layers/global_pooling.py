"""Pooling of all positions: `GlobalMaxPooling1D`, `GlobalAveragePooling1D`, and those for images."""

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
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
]


class GlobalPooling(BaseSpatialLayer):
    """Base class of the layers that reduce all positions."""

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
    """Largest value of each channel of a sequence.

    Args:
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        keepdims (bool): Whether to keep a length of 1. Default: False.
        **kwargs: `name`, `trainable`, `dtype`, `activity_regularizer` and `input_shape`, as for `Layer`.

    Input shape:
        `[batch, length, channels]`.

    Output shape:
        `[batch, channels]`, or `[batch, 1, channels]` with `keepdims`.

    Raises:
        ShapeError: if the inputs have another number of axes.

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
    """Largest value of each channel of images.

    Args:
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        keepdims (bool): Whether to keep a height and width of 1. Default: False.
        **kwargs: `name`, `trainable`, `dtype`, `activity_regularizer` and `input_shape`, as for `Layer`.

    Input shape:
        `[batch, height, width, channels]`.

    Output shape:
        `[batch, channels]`, or `[batch, 1, 1, channels]` with `keepdims`.

    Raises:
        ShapeError: if the inputs have another number of axes.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.GlobalMaxPooling2D()(np.array([[[[1.0], [3.0]], [[2.0], [0.0]]]])).tolist()
        [[3.0]]

    Source: Keras `GlobalMaxPooling2D`.
    """

    rank = 2


@register("GlobalAvgPool1D")
class GlobalAveragePooling1D(GlobalAveragePooling):
    """Mean of each channel of a sequence.

    Args:
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        keepdims (bool): Whether to keep a length of 1. Default: False.
        **kwargs: `name`, `trainable`, `dtype`, `activity_regularizer` and `input_shape`, as for `Layer`.

    Input shape:
        `[batch, length, channels]`.

    Output shape:
        `[batch, channels]`, or `[batch, 1, channels]` with `keepdims`.

    Raises:
        ShapeError: if the inputs have another number of axes.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.GlobalAveragePooling1D()(np.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()
        [[1.5]]

    Source: Keras `GlobalAveragePooling1D`.
    """

    rank = 1


@register("GlobalAvgPool2D")
class GlobalAveragePooling2D(GlobalAveragePooling):
    """Mean of each channel of images.

    Args:
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        keepdims (bool): Whether to keep a height and width of 1. Default: False.
        **kwargs: `name`, `trainable`, `dtype`, `activity_regularizer` and `input_shape`, as for `Layer`.

    Input shape:
        `[batch, height, width, channels]`.

    Output shape:
        `[batch, channels]`, or `[batch, 1, 1, channels]` with `keepdims`.

    Raises:
        ShapeError: if the inputs have another number of axes.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.GlobalAveragePooling2D()(np.array([[[[1.0], [3.0]], [[2.0], [0.0]]]])).tolist()
        [[1.5]]

    Source: Keras `GlobalAveragePooling2D`.
    """

    rank = 2


GlobalMaxPool1D, GlobalMaxPool2D = GlobalMaxPooling1D, GlobalMaxPooling2D


GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
