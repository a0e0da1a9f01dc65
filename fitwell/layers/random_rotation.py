"""The `RandomRotation` layer."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import register
from fitwell.layers.image_augmentation import (
    RandomRange,
    range_rule,
)
from fitwell.layers.random_affine import AffineAugmentation, AffineRows

__all__ = ["RandomRotation"]


@register()
class RandomRotation(AffineAugmentation):
    """A layer that rotates each image about its center by a random angle during training.

    Args:
        factor (float | tuple[float, float]): Angle as a fraction of a full turn, which is drawn uniformly
            between -factor and factor, or between the two given bounds. The bounds must be between -1 and 1.
            Positive angles rotate counterclockwise. Changing the factor does not trigger recompilation.
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
        >>> fw.layers.RandomRotation(0.1)(np.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)

    Source: Keras `RandomRotation`.
    """

    @validate_params(LAYER, factor=range_rule(-1, 1))
    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self._range = RandomRange(factor, -1.0)

    @property
    def factor(self) -> list[float]:
        """The bounds of the angle, in full turns."""
        return self._range.bounds

    def affine(self, rows: int, height: int, width: int, key: Array) -> AffineRows:
        angle = 2 * math.pi * self._range.sample(key, rows)
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        # The center of the image is halfway between the first pixel, 0, and the last pixel, size - 1.
        x, y = (width - 1) / 2, (height - 1) / 2
        return (cos, -sin, x - cos * x + sin * y), (sin, cos, y - sin * x - cos * y)
