"""Pooling: the largest or mean value of windows, or of everything."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._param_validation import ByClass, Options, SizeTuple, validate_params
from fitwell._variables import Array
from fitwell.errors import ShapeError
from fitwell.layers.argument_rules import LAYER, SIZES, get_spatial_axes, promote_to_float32, to_float
from fitwell.layers.base import Layer, register
from fitwell.layers.conv_ops import same_padding, strided_slice

Reducer = Callable[[Array, Array], Array]

# Windows of up to so many places along an axis are folded place by place.
_MAX_SLICED_SIZE = 4


class BaseSpatialLayer(Layer):
    """Base of layers over inputs with `rank` spatial axes."""

    rank: ClassVar[int] = 1
    data_format = "channels_last"

    def spatial_axes(self, inputs: Array) -> tuple[int, ...]:
        """Return the spatial axes of `inputs`, which must have as many axes as the layer expects."""
        if inputs.ndim != self.rank + 2:
            names = ("length",) if self.rank == 1 else ("height", "width")
            axes = (*names, "channels") if self.data_format == "channels_last" else ("channels", *names)
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}): expected inputs of shape (batch, {', '.join(axes)}), "
                f"got {tuple(inputs.shape)}"
            )
        return get_spatial_axes(self.data_format, self.rank)


class Pooling(BaseSpatialLayer):
    """Base of the layers that pool windows."""

    @validate_params(
        LAYER,
        pool_size=SIZES,
        strides=ByClass(lambda kind: SizeTuple(kind.rank) | None),
        padding=Options("valid", "same"),
    )
    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pool_size = pool_size if isinstance(pool_size, tuple) else (pool_size,) * self.rank
        self.strides = strides or self.pool_size
        self.padding = padding
        self.data_format = data_format or "channels_last"

    def reduce(self, inputs: Array, start: Any, function: Reducer) -> Array:
        """Fold every window with `function`, one axis after the other; `start` stands outside of the inputs.

        The last axis first: so the first of equal values is the first of the window, row by row, as in Keras.
        """
        outputs = inputs
        windows = list(zip(self.spatial_axes(inputs), self.pool_size, self.strides, strict=True))
        for axis, size, step in reversed(windows):
            if self.padding == "same":
                pads = [(0, 0, 0)] * inputs.ndim
                pads[axis] = (*same_padding(outputs.shape[axis : axis + 1], [size], [step])[0], 0)
                outputs = jax.lax.pad(outputs, start, pads)
            outputs = _reduce_windows(outputs, start, axis, size, step, function)
        if 0 in outputs.shape[1:]:
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}): windows of {self.pool_size} do not fit into inputs of "
                f"shape {tuple(inputs.shape)}; use smaller ones, or padding='same'"
            )
        return outputs


def _reduce_windows(values: Array, start: Any, axis: int, size: int, step: int, function: Reducer) -> Array:
    """Fold the windows along one axis.

    Those of a few places by all their first values with all their second ones, and so on: XLA's own windows are slow
    on CPUs, and the gradient of their maximum takes longer than a convolution. For longer ones they are quicker.
    """
    if size > _MAX_SLICED_SIZE:
        window, steps = [1] * values.ndim, [1] * values.ndim
        window[axis], steps[axis] = size, step
        return jax.lax.reduce_window(values, start, function, window, steps, "VALID")
    count = (values.shape[axis] - size) // step + 1
    before = (slice(None),) * axis
    places = [values[(*before, strided_slice(step, place, count))] for place in range(size)]
    return functools.reduce(_maximum if function is jax.lax.max else function, places)


def _maximum(one: Array, other: Array) -> Array:
    """Return the larger of two values; the first of equal ones, so that all of the gradient goes there; NaN if any."""
    return jnp.where((one >= other) | jnp.isnan(one), one, other)


class MaxPooling(Pooling):
    """Base of MaxPooling1D and MaxPooling2D."""

    def call(self, inputs: Array) -> Array:
        floating = jnp.issubdtype(inputs.dtype, jnp.floating)
        lowest = -np.inf if floating else jnp.iinfo(inputs.dtype).min
        return self.reduce(inputs, np.asarray(lowest, inputs.dtype), jax.lax.max)


class AveragePooling(Pooling):
    """Base of AveragePooling1D and AveragePooling2D."""

    def call(self, inputs: Array) -> Array:
        inputs = to_float(inputs, self.dtype)
        values = promote_to_float32(inputs)
        zero = np.zeros((), values.dtype)
        axes = self.spatial_axes(inputs)
        # What padding adds is not counted, as in Keras: windows at the edge are means of fewer values.
        ones = jnp.ones([size if axis in axes else 1 for axis, size in enumerate(inputs.shape)], values.dtype)
        sums = self.reduce(values, zero, jax.lax.add)
        return (sums / self.reduce(ones, zero, jax.lax.add)).astype(inputs.dtype)


@register("MaxPool1D")
class MaxPooling1D(MaxPooling):
    """Largest value of each window along a sequence, channel by channel.

    pool_size: length of the windows, 2. strides: steps between them, `pool_size` by default. padding: ``"valid"``
    (only whole windows) or ``"same"``. data_format: ``"channels_last"`` or ``"channels_first"``.

    Input ``[batch, length, channels]``, output ``[batch, new length, channels]``.
    """

    rank = 1


@register("MaxPool2D")
class MaxPooling2D(MaxPooling):
    """Largest value of each window of images, channel by channel.

    pool_size: ``(height, width)`` of the windows or one number, 2. strides: steps between them, `pool_size` by
    default. padding: ``"valid"`` (only whole windows) or ``"same"``. data_format: ``"channels_last"`` or
    ``"channels_first"``.

    Input ``[batch, height, width, channels]``, output ``[batch, new height, new width, channels]``.
    """

    rank = 2


@register("AvgPool1D")
class AveragePooling1D(AveragePooling):
    """Mean of each window along a sequence, channel by channel; padding is not counted.

    Arguments and shapes as for `MaxPooling1D`; pool_size is 2 by default (Keras wants it given).
    """

    rank = 1


@register("AvgPool2D")
class AveragePooling2D(AveragePooling):
    """Mean of each window of images, channel by channel; padding is not counted.

    Arguments and shapes as for `MaxPooling2D`; pool_size is 2 by default (Keras wants it given).
    """

    rank = 2


class GlobalPooling(BaseSpatialLayer):
    """Base of the layers that pool everything."""

    @validate_params(LAYER)
    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format or "channels_last"
        self.keepdims = keepdims


class GlobalMaxPooling(GlobalPooling):
    """Base of GlobalMaxPooling1D and GlobalMaxPooling2D."""

    def call(self, inputs: Array) -> Array:
        return jnp.max(inputs, self.spatial_axes(inputs), keepdims=self.keepdims)


class GlobalAveragePooling(GlobalPooling):
    """Base of GlobalAveragePooling1D and GlobalAveragePooling2D."""

    def call(self, inputs: Array) -> Array:
        inputs = to_float(inputs, self.dtype)
        return jnp.mean(promote_to_float32(inputs), self.spatial_axes(inputs), keepdims=self.keepdims).astype(
            inputs.dtype
        )


@register("GlobalMaxPool1D")
class GlobalMaxPooling1D(GlobalMaxPooling):
    """Largest value of each channel of a sequence: ``[batch, length, channels]`` to ``[batch, channels]``.

    data_format: ``"channels_last"`` or ``"channels_first"``. keepdims: whether to keep a length of 1.
    """

    rank = 1


@register("GlobalMaxPool2D")
class GlobalMaxPooling2D(GlobalMaxPooling):
    """Largest value of each channel of images: ``[batch, height, width, channels]`` to ``[batch, channels]``.

    data_format: ``"channels_last"`` or ``"channels_first"``. keepdims: whether to keep a height and width of 1.
    """

    rank = 2


@register("GlobalAvgPool1D")
class GlobalAveragePooling1D(GlobalAveragePooling):
    """Mean of each channel of a sequence: ``[batch, length, channels]`` to ``[batch, channels]``.

    data_format: ``"channels_last"`` or ``"channels_first"``. keepdims: whether to keep a length of 1.
    """

    rank = 1


@register("GlobalAvgPool2D")
class GlobalAveragePooling2D(GlobalAveragePooling):
    """Mean of each channel of images: ``[batch, height, width, channels]`` to ``[batch, channels]``.

    data_format: ``"channels_last"`` or ``"channels_first"``. keepdims: whether to keep a height and width of 1.
    """

    rank = 2


MaxPool1D, MaxPool2D = MaxPooling1D, MaxPooling2D
AvgPool1D, AvgPool2D = AveragePooling1D, AveragePooling2D
GlobalMaxPool1D, GlobalMaxPool2D = GlobalMaxPooling1D, GlobalMaxPooling2D
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
