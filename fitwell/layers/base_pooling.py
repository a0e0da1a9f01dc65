"""Base class of the pooling layers, which reduce each window to one value."""

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


# Windows up to this size along an axis are reduced with slices, and larger windows with `reduce_window`.
_MAX_SLICED_SIZE = 4


class BasePooling(BaseSpatialLayer):
    """Base class of the pooling layers, which reduce each window to one value."""

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
        """Reduce every window with `function`, one axis at a time.

        The last axis is reduced first. Therefore, if the largest value occurs more than once in a window, max
        pooling selects the first occurrence in row-major order, as in Keras.

        Args:
            inputs (Array): Inputs with `rank` spatial axes.
            start (Any): The value of the padding, which must not change the result, such as 0 for a sum.
            function (Reducer): A function that combines two arrays elementwise.

        Returns:
            Array: One value for each window and channel.
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
                f"layer {self.name!r} ({type(self).__name__}): windows of size {self.pool_size} do not fit "
                f"into inputs of shape {tuple(inputs.shape)}; use smaller windows, or padding='same'"
            )
        return outputs


def _reduce_windows(values: Array, start: Any, axis: int, size: int, step: int, function: Reducer) -> Array:
    """Reduce the windows along one axis.

    Small windows are reduced with slices. The first values of all windows are combined with the second
    values of all windows, and so on. For small windows, XLA's `reduce_window` is slow on CPUs, and the gradient
    of its maximum takes longer than a convolution. For large windows, `reduce_window` is faster than slices.
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
    """Return the elementwise maximum. NaN takes precedence. On ties, `one` gets the whole gradient."""
    return jnp.where((one >= other) | jnp.isnan(one), one, other)
