"""The `RandomZoom` layer."""

from __future__ import annotations

from typing import Any

import jax

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import register
from fitwell.layers.image_augmentation import (
    range_rule,
)
from fitwell.layers.random_affine import AffineRows, HeightWidthAugmentation

__all__ = ["RandomZoom"]


@register()
class RandomZoom(HeightWidthAugmentation):
    """A layer that zooms each image about its center by a random factor during training.

    Args:
        height_factor (float | tuple[float, float]): Zoom of the height, which is drawn uniformly between
            -factor and factor, or between the two given bounds. The bounds must be at least -1. A value of
            0.2 shows 20% more of the image (zooms out), and -0.2 shows 20% less. Changing the factor does not
            trigger recompilation.
        width_factor (float | tuple[float, float] | None): Zoom of the width, which is drawn in the same way.
            Defaults to None, which uses the height's zoom to preserve the aspect ratio.
        fill_mode (str): How to fill pixels outside the image: ``"reflect"`` (d c b a | a b c d | d c b a),
            ``"nearest"`` (the edge), ``"wrap"`` (the opposite edge) or ``"constant"`` (`fill_value`).
            Default: ``"reflect"``.
        interpolation (str): ``"bilinear"`` or ``"nearest"``. Default: ``"bilinear"``.
        seed (int | None): Seed for a separate random stream. Defaults to None, which uses the run's stream.
        fill_value (float): Pixel value outside the image for ``fill_mode="constant"``. Default: 0.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, height, width, channels]` or `[batch, height, width]`. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.RandomZoom(0.2)(np.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)

    Source: Keras `RandomZoom`.
    """

    @validate_params(LAYER, height_factor=range_rule(-1), width_factor=range_rule(-1) | None)
    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self._set_factors(height_factor, width_factor)

    def affine(self, rows: int, height: int, width: int, key: Array) -> AffineRows:
        vertical, horizontal = jax.random.split(key)
        down = 1 + self._height.sample(vertical, rows)
        right = down if self._width is None else 1 + self._width.sample(horizontal, rows)
        x, y = (width - 1) / 2, (height - 1) / 2
        return (right, 0, x * (1 - right)), (0, down, y * (1 - down))
