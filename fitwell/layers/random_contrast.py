"""The `RandomContrast` layer."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._param_validation import ListOf, Real, validate_params
from fitwell._typing import Array
from fitwell.errors import InvalidArgument
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import register
from fitwell.layers.image_augmentation import (
    VALUE_RANGE,
    ImageAugmentation,
    RandomRange,
    check_value_range,
    expand_per_image,
)

__all__ = ["RandomContrast"]


@register()
class RandomContrast(ImageAugmentation):
    """A layer that randomly scales each pixel's distance from the mean during training.

    It computes ``(x - mean) * f + mean``, with one f for each image and one mean for each channel. Results
    are clipped to `value_range`.

    Args:
        factor (float | tuple[float, float]): One number for both `lower` and `upper`, or ``(lower, upper)``.
            f is drawn from ``[1 - lower, 1 + upper]``. Both numbers must be at least 0, and `lower` must be
            at most 1. Changing the factor does not trigger recompilation.
        value_range (tuple[float, float]): Lowest and highest pixel value. Default: (0, 255).
        seed (int | None): Seed for a separate random stream. Defaults to None, which uses the run's stream.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, height, width, channels]` or `[batch, height, width]`. The output has the same shape.

    Raises:
        InvalidArgument: if `lower` is above 1, or the lowest value in `value_range` is not below the highest.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.RandomContrast(0.2)(np.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)

    Source: Keras `RandomContrast`.
    """

    @validate_params(
        LAYER,
        value_range=VALUE_RANGE,
        factor=(Real(0) | ListOf(Real(0), 2)).described_as(
            "a number from 0 to 1, or (lower, upper) with 0 <= lower <= 1 and upper >= 0"
        ),
    )
    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        ends = factor if isinstance(factor, tuple) else (factor, factor)
        if ends[0] > 1:
            raise InvalidArgument(
                "RandomContrast: factor must be a number from 0 to 1, or (lower, upper) with 0 <= lower <= 1 "
                f"and upper >= 0, got {factor!r}"
            )
        self._range = RandomRange((-ends[0], ends[1]), -1.0)
        self.value_range = check_value_range("RandomContrast", value_range)

    @property
    def factor(self) -> list[float]:
        """The bounds ``[lower, upper]``."""
        return [-self._range.bounds[0], self._range.bounds[1]]

    def augment(self, images: Array, key: Array) -> Array:
        factor = expand_per_image(1 + self._range.sample(key, images.shape[0], images.dtype))
        mean = jnp.mean(images, (1, 2), keepdims=True)
        return jnp.clip((images - mean) * factor + mean, *self.value_range)
