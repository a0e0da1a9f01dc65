"""Base class of the layers that reduce windows."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import ByClass, Options, SizeTuple, validate_params
from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.layers.argument_rules import LAYER, SIZES
from fitwell.layers.base_spatial_layer import BaseSpatialLayer
from fitwell.layers.conv_ops import same_padding, strided_slice

__all__ = ["BasePooling", "Reducer"]


Reducer = Callable[[Array, Array], Array]


# Windows up to this size along an axis are reduced by slices.
_MAX_SLICED_SIZE = 4


class BasePooling(BaseSpatialLayer):
    """Base class of the layers that reduce windows."""

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
        """Reduce every window with `function`, one axis after the other; `start` is the value outside of the inputs.

        The last axis is first, so that the first of several equal values is the first of the window in row-major
        order, as in Keras.
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
    """Reduce the windows along one axis.

    Small windows are reduced by slices: all their first values with all their second ones, and so on. XLA's windows
    are slow on CPUs, and the gradient of their maximum takes longer than a convolution. They are faster for larger
    windows.
    """
    if size > _MAX_SLICED_SIZE:
        window, steps = [1] * values.ndim, [1] * values.ndim
        window[axis], steps[axis] = size, step
        return jax.lax.reduce_window(values, start, function, window, steps, "VALID")
    count = (values.shape[axis] - size) // step + 1
    before = (slice(None),) * axis
    slices = [values[(*before, strided_slice(step, first, count))] for first in range(size)]
    return functools.reduce(_maximum if function is jax.lax.max else function, slices)


def _maximum(one: Array, other: Array) -> Array:
    """Return the maximum. On ties the first value gets the whole gradient. If one value is NaN, return NaN."""
    return jnp.where((one >= other) | jnp.isnan(one), one, other)
