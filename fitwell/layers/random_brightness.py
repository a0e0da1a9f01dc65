"""`RandomBrightness`."""

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
    """Add one random number to all pixels of an image: ``x + f (highest - lowest)``.

    Results are clipped to `value_range`.

    Args:
        factor (float | tuple[float, float]): f is drawn from -factor to factor, or between two bounds, from -1 to 1.
            Changing it does not recompile.
        value_range (tuple[float, float]): Lowest and highest pixel value. Default: (0, 255).
        seed (int | None): Seed of a separate random stream; None uses the stream of the run. Default: None.
        **kwargs: `name`, `trainable`, `dtype`, `activity_regularizer` and `input_shape`, as for `Layer`.

    Input shape:
        `[batch, height, width, channels]` or `[batch, height, width]`, kept.

    Raises:
        InvalidArgument: if `value_range` is empty.

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
        """The two bounds."""
        return self._range.bounds

    def augment(self, images: Array, key: Array) -> Array:
        low, high = self.value_range
        delta = expand_per_image(self._range.sample(key, images.shape[0], images.dtype)) * (high - low)
        return jnp.clip(images + delta, low, high)
