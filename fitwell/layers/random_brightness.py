"""The `RandomBrightness` layer."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import register
from fitwell.layers.image_augmentation import (
    VALUE_RANGE,
    ImageAugmentation,
    RandomRange,
    check_value_range,
    expand_per_image,
    range_rule,
)

__all__ = ["RandomBrightness"]


@register()
class RandomBrightness(ImageAugmentation):
    """A layer that adds a random number to all pixels of each image during training.

    It computes ``x + f * (highest - lowest)``, with one f for each image, where `value_range` is
    ``(lowest, highest)``. Results are clipped to this range.

    Args:
        factor (float | tuple[float, float]): Brightness change f, which is drawn uniformly between -factor
            and factor, or between the two given bounds. The bounds must be between -1 and 1. Changing the
            factor does not trigger recompilation.
        value_range (tuple[float, float]): Lowest and highest pixel value. Default: (0, 255).
        seed (int | None): Seed for a separate random stream. Defaults to None, which uses the run's stream.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, height, width, channels]` or `[batch, height, width]`. The output has the same shape.

    Raises:
        InvalidArgument: if the lowest value in `value_range` is not below the highest.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.RandomBrightness(0.2)(np.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)

    Source: Keras `RandomBrightness`.
    """

    @validate_params(LAYER, factor=range_rule(-1, 1), value_range=VALUE_RANGE)
    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self._range = RandomRange(factor, -1.0)
        self.value_range = check_value_range("RandomBrightness", value_range)

    @property
    def factor(self) -> list[float]:
        """The bounds of the brightness change."""
        return self._range.bounds

    def augment(self, images: Array, key: Array) -> Array:
        low, high = self.value_range
        delta = expand_per_image(self._range.sample(key, images.shape[0], images.dtype)) * (high - low)
        return jnp.clip(images + delta, low, high)
