"""The `Cropping1D` and `Cropping2D` layers."""

from __future__ import annotations

from typing import Any

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.layers.argument_rules import LAYER, PAIRS
from fitwell.layers.base import register
from fitwell.layers.base_spatial_layer import BaseSpatialLayer

__all__ = ["Cropping1D", "Cropping2D", "Cropping3D"]


class Cropping(BaseSpatialLayer):
    """Base class of Cropping1D and Cropping2D."""

    cropping: tuple[tuple[int, int], ...] = ()

    def call(self, inputs: Array) -> Array:
        slices = [slice(None)] * inputs.ndim
        for axis, (before, after) in zip(self.spatial_axes(inputs), self.cropping, strict=True):
            if before + after >= inputs.shape[axis]:
                raise ShapeError(
                    f"layer {self.name!r} ({type(self).__name__}): cropping {self.cropping} would remove all "
                    f"values from inputs of shape {tuple(inputs.shape)}"
                )
            slices[axis] = slice(before, inputs.shape[axis] - after)
        return inputs[tuple(slices)]


@register()
class Cropping1D(Cropping):
    """A layer that removes time steps from both ends of sequences.

    Args:
        cropping (int | tuple[int, int]): Number of steps to remove at each end, or ``(before, after)``.
            Default: 1.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, length, channels]`.

    Output shape:
        `[batch, length - before - after, channels]`.

    Raises:
        ShapeError: if cropping would remove all values.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Cropping1D((1, 2))(np.ones((2, 6, 4))).shape
        (2, 3, 4)

    Source: Keras `Cropping1D`.
    """

    rank = 1

    @validate_params(LAYER, cropping=PAIRS)
    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cropping = (cropping,) if isinstance(cropping[0], int) else cropping


@register()
class Cropping2D(Cropping):
    """A layer that removes the border of images.

    Args:
        cropping (int | tuple): Width of the border, as one integer for all sides, ``(height, width)`` or
            ``((top, bottom), (left, right))``. Default: 0.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, height, width, channels]`.

    Output shape:
        `[batch, height - top - bottom, width - left - right, channels]`.

    Raises:
        ShapeError: if cropping would remove all values.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Cropping2D(1)(np.ones((2, 5, 5, 4))).shape
        (2, 3, 3, 4)

    Source: Keras `Cropping2D`.
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
class Cropping3D(Cropping):
    """A layer that removes the border of volumes.

    Args:
        cropping (int | tuple): Width of the border, as one integer for all sides, ``(depth, height, width)``
            or three pairs ``(before, after)``. Default: 0.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, depth, height, width, channels]`.

    Output shape:
        `[batch, depth - before - after, ..., channels]`.

    Raises:
        ShapeError: if cropping would remove all values.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Cropping3D(1)(np.ones((2, 5, 5, 5, 4))).shape
        (2, 3, 3, 3, 4)

    Source: Keras `Cropping3D`.
    """

    rank = 3

    @validate_params(LAYER, cropping=PAIRS)
    def __init__(
        self, cropping: Any = ((0, 0), (0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.cropping = cropping
        self.data_format = data_format or "channels_last"
