"""Layers that change the size of images and sequences: ZeroPadding, Cropping, UpSampling."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import Integer, Options, SizeTuple, validate_params
from fitwell._variables import Array
from fitwell.errors import ShapeError
from fitwell.layers.argument_rules import LAYER, PAIRS, to_float
from fitwell.layers.base import register
from fitwell.layers.pooling import BaseSpatialLayer


class ZeroPadding(BaseSpatialLayer):
    """Base of ZeroPadding1D and ZeroPadding2D."""

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
    """Put zeros before and after sequences ``[batch, length, channels]``.

    padding: how many, 1 by default; one number or ``(before, after)``. data_format: ``"channels_last"`` or
    ``"channels_first"``.
    """

    rank = 1


@register()
class ZeroPadding2D(ZeroPadding):
    """Put a border of zeros around images ``[batch, height, width, channels]``.

    padding: its width, 1 by default; one number, ``(height, width)``, or ``((top, bottom), (left, right))``.
    data_format: ``"channels_last"`` or ``"channels_first"``.
    """

    rank = 2


class Cropping(BaseSpatialLayer):
    """Base of Cropping1D and Cropping2D."""

    cropping: tuple[tuple[int, int], ...] = ()

    def call(self, inputs: Array) -> Array:
        places = [slice(None)] * inputs.ndim
        for axis, (before, after) in zip(self.spatial_axes(inputs), self.cropping, strict=True):
            if before + after >= inputs.shape[axis]:
                raise ShapeError(
                    f"layer {self.name!r} ({type(self).__name__}): cropping {self.cropping} leaves nothing of inputs "
                    f"of shape {tuple(inputs.shape)}"
                )
            places[axis] = slice(before, inputs.shape[axis] - after)
        return inputs[tuple(places)]


@register()
class Cropping1D(Cropping):
    """Cut off both ends of sequences ``[batch, length, channels]``.

    cropping: how much, 1 by default; one number or ``(before, after)``.
    """

    rank = 1

    @validate_params(LAYER, cropping=PAIRS)
    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cropping = (cropping,) if isinstance(cropping[0], int) else cropping


@register()
class Cropping2D(Cropping):
    """Cut off the border of images ``[batch, height, width, channels]``.

    cropping: its width, 0 by default; one number, ``(height, width)``, or ``((top, bottom), (left, right))``.
    data_format: ``"channels_last"`` or ``"channels_first"``.
    """

    rank = 2

    @validate_params(LAYER, cropping=PAIRS)
    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.cropping = cropping
        self.data_format = data_format or "channels_last"


@register()
class UpSampling1D(BaseSpatialLayer):
    """Repeat every step of sequences: ``[batch, length, channels]`` becomes ``[batch, length size, channels]``.

    size: how often, 2.
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
    """Enlarge images ``[batch, height, width, channels]`` by whole factors.

    Parameters
    ----------
    size: factors for ``(height, width)`` or one for both, 2. data_format: ``"channels_last"`` or ``"channels_first"``.
    interpolation: ``"nearest"`` (default) repeats pixels; ``"bilinear"``, ``"bicubic"``, ``"lanczos3"`` and
        ``"lanczos5"`` interpolate between their centres.
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
