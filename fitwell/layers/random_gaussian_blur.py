"""The `RandomGaussianBlur` layer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import SizeTuple, validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import register
from fitwell.layers.gaussian_blur import apply_gaussian_blur, check_kernel_size
from fitwell.layers.image_augmentation import (
    VALUE_RANGE,
    ImageAugmentation,
    RandomRange,
    check_value_range,
    expand_per_image,
    range_rule,
)

__all__ = ["RandomGaussianBlur"]


@register()
class RandomGaussianBlur(ImageAugmentation):
    """A layer that blurs some images with a random Gaussian during training.

    Results are clipped to `value_range`. Differs from Keras: sigma is drawn separately for each axis of each
    image, while Keras draws one sigma for the whole batch.

    Args:
        factor (float | tuple[float, float]): Probability of blurring an image. It is drawn uniformly for
            each image between 0 and factor, or between the two given bounds. The bounds must be between 0 and
            1. With the default, half of the images are blurred on average. Changing the factor does not
            trigger recompilation. Default: 1.
        kernel_size (int | tuple[int, int]): Odd height and width of the kernel, in pixels. Default: 3.
        sigma (float | tuple[float, float]): Standard deviation in pixels, which is drawn uniformly between
            0 and sigma, or between the two given bounds. Changing sigma does not trigger recompilation.
            Default: 1.
        value_range (tuple[float, float]): Lowest and highest pixel value. Default: (0, 255).
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        seed (int | None): Seed for a separate random stream. Defaults to None, which uses the run's stream.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, height, width, channels]` or `[batch, height, width]`. The output has the same shape.

    Raises:
        InvalidArgument: if `kernel_size` is even, or the lowest value in `value_range` is not below the
            highest.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.RandomGaussianBlur(sigma=2.0)(np.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)

    Source: Keras `RandomGaussianBlur`.
    """

    @validate_params(
        LAYER, factor=range_rule(0, 1), kernel_size=SizeTuple(2), sigma=range_rule(0), value_range=VALUE_RANGE
    )
    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.kernel_size = check_kernel_size("RandomGaussianBlur", kernel_size)
        self._chance = RandomRange(factor, 0.0)
        self._sigma = RandomRange(sigma, 0.0)
        self.value_range = check_value_range("RandomGaussianBlur", value_range)

    @property
    def factor(self) -> list[float]:
        """The bounds of the probability that an image is blurred."""
        return self._chance.bounds

    @property
    def sigma(self) -> list[float]:
        """The bounds of the standard deviation."""
        return self._sigma.bounds

    def augment(self, images: Array, key: Array) -> Array:
        keys = jax.random.split(key, 4)
        rows = images.shape[0]
        chosen = jax.random.uniform(keys[0], (rows,)) < self._chance.sample(keys[1], rows)
        # The small constant avoids a division by 0 if sigma is 0. Such a small sigma does not change the
        # image.
        sigma = [self._sigma.sample(own, rows) + 1e-6 for own in keys[2:]]
        blurred = apply_gaussian_blur(images, (sigma[0], sigma[1]), self.kernel_size)
        return jnp.clip(jnp.where(expand_per_image(chosen), blurred, images), *self.value_range)
