"""The `UnitNormalization` layer."""

from __future__ import annotations

from typing import Any

from fitwell._param_validation import validate_params
from fitwell._reductions import l2_normalize
from fitwell._typing import Array
from fitwell.layers.argument_rules import AXES, LAYER
from fitwell.layers.array_ops import canonicalize_axes, promote_to_float32, to_float
from fitwell.layers.base import Layer, register

__all__ = ["UnitNormalization", "l2_normalize_in_float32"]


@register()
class UnitNormalization(Layer):
    """A layer that scales each row to length 1: ``x / max(sqrt(sum(x²)), 1e-12)``. A row of zeros stays zero.

    Args:
        axis (int | list[int]): Axes over which to sum. Default: -1.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, ...]`. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> np.asarray(fw.layers.UnitNormalization()(np.array([[3.0, 4.0]])), float).round(5).tolist()
        [[0.6, 0.8]]

    Source: Keras `UnitNormalization`.
    """

    supports_masking = True

    @validate_params(LAYER, axis=AXES)
    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, tuple) else axis

    def call(self, inputs: Array) -> Array:
        inputs = to_float(inputs, self.dtype)
        return l2_normalize_in_float32(inputs, canonicalize_axes(self.name, self.axis, inputs.shape))


def l2_normalize_in_float32(inputs: Array, axes: tuple[int, ...]) -> Array:
    """Return `inputs` divided by their L2 norm along `axes`, computed in float32 or higher precision."""
    return l2_normalize(promote_to_float32(inputs), axes).astype(inputs.dtype)
