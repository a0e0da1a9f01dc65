"""The `RandomShear` layer."""

from __future__ import annotations

from typing import Any

import jax
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

__all__ = ["RandomShear"]


@register()
class RandomShear(AffineAugmentation):
    """A layer that shears each image by a random amount during training.

    The output pixel at (x, y) is sampled at the input position ``(x + s y, y + t x)``, in pixels from the
    upper left corner.

    Args:
        x_factor (float | tuple[float, float]): Shear s, which is drawn uniformly between 0 and the
            factor, or between the two given bounds. The bounds must be between 0 and 1. With probability 1/2,
            the signs of s and t are both flipped. Changing the factor does not trigger recompilation.
            Default: 0.
        y_factor (float | tuple[float, float]): Shear t, which is drawn in the same way. Default: 0.
        interpolation (str): ``"bilinear"`` or ``"nearest"``. Default: ``"bilinear"``.
        fill_mode (str): See `RandomTranslation`. Default: ``"reflect"``.
        fill_value (float): Pixel value outside the image for ``fill_mode="constant"``. Default: 0.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        seed (int | None): Seed for a separate random stream. Defaults to None, which uses the run's stream.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, height, width, channels]` or `[batch, height, width]`. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.RandomShear(0.2)(np.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)

    Source: Keras `RandomShear`; the "skew" of Simard et al. (2003).
    """

    @validate_params(LAYER, x_factor=range_rule(0, 1), y_factor=range_rule(0, 1))
    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self._x = RandomRange(_from_zero(x_factor), 0.0)
        self._y = RandomRange(_from_zero(y_factor), 0.0)

    @property
    def x_factor(self) -> list[float]:
        """The bounds of the horizontal shear."""
        return self._x.bounds

    @property
    def y_factor(self) -> list[float]:
        """The bounds of the vertical shear."""
        return self._y.bounds

    def affine(self, rows: int, height: int, width: int, key: Array) -> AffineRows:
        first, second, third = jax.random.split(key, 3)
        sign = jax.random.rademacher(third, (rows,), jnp.float32)
        return (1, sign * self._x.sample(first, rows), 0), (sign * self._y.sample(second, rows), 1, 0)


def _from_zero(factor: Any) -> Any:
    return factor if isinstance(factor, list | tuple) else (0.0, factor)
