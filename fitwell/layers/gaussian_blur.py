"""Blurring images in training: GaussianBlur, RandomGaussianBlur."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import Real, SizeTuple, validate_params
from fitwell._variables import Array
from fitwell.errors import InvalidArgument
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.augmentation import (
    VALUE_RANGE,
    ImageAugmentation,
    RandomRange,
    check_value_range,
    expand_per_image,
    range_rule,
)
from fitwell.layers.base import register


def apply_gaussian_blur(images: Array, sigma: tuple[Array, Array], kernel_size: tuple[int, int]) -> Array:
    """Return images ``[batch, height, width, channels]`` blurred by a Gaussian cut off at `kernel_size` pixels.

    sigma: vertical and horizontal standard deviation in pixels, one number per image or one for all. The
    weights add up to 1; what lies outside the image is 0.
    """
    for axis, size, deviation in zip((1, 2), kernel_size, sigma, strict=True):
        reach = size // 2
        steps = jnp.arange(-reach, reach + 1, dtype=images.dtype)
        scale = jnp.broadcast_to(jnp.asarray(deviation, images.dtype), (images.shape[0],))[:, None]
        weights = jax.nn.softmax(-0.5 * jnp.square(steps / scale), axis=-1)
        widths = [(reach, reach) if place == axis else (0, 0) for place in range(4)]
        padded = jnp.pad(images, widths)
        # One shifted copy per weight: kernels are small, and every image has its own.
        images = sum(
            expand_per_image(weights[:, i])
            * jax.lax.slice_in_dim(padded, i, i + images.shape[axis], axis=axis)
            for i in range(size)
        )  # type: ignore[assignment]
    return images


def check_kernel_size(where: str, kernel_size: Any) -> tuple[int, int]:
    """Return the height and width of the kernel, which must be odd to have a centre."""
    height, width = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    if height % 2 == 0 or width % 2 == 0:
        raise InvalidArgument(f"{where}: kernel_size must be odd, got {kernel_size!r}")
    return height, width


@register()
class GaussianBlur(ImageAugmentation):
    """Blur all images by the same Gaussian in training: ``sum over d of w(d) x(p + d)``, ``w ~ exp(-d² / (2 sigma²))``.

    Parameters
    ----------
    kernel_size: pixels that the sum covers, odd, one number or ``(height, width)``; 3. sigma: standard
        deviation in pixels, above 0; 1.0; data. data_format: see `ImageAugmentation`.

    Not in Keras, which has the random one only.
    """

    hyperparameters = ("sigma",)

    @validate_params(LAYER, kernel_size=SizeTuple(2), sigma=Real(0, closed="right"))
    def __init__(
        self, kernel_size: Any = 3, sigma: float = 1.0, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.kernel_size = check_kernel_size("GaussianBlur", kernel_size)
        self.sigma = sigma

    def augment(self, images: Array, key: Array) -> Array:
        sigma = jnp.asarray(self.sigma)
        return apply_gaussian_blur(images, (sigma, sigma), self.kernel_size)


@register()
class RandomGaussianBlur(ImageAugmentation):
    """Blur some images by a random Gaussian in training.

    Parameters
    ----------
    factor: the chance of being blurred is itself drawn for each image from 0 to this, or between two bounds from 0
        to 1; 1.0 by default, so half of the images are blurred; data.
    kernel_size: as for `GaussianBlur`, 3. sigma: drawn from 0 to this, or between two bounds; 1.0; data.
    value_range: results are cut off here, (0, 255). data_format, seed: as for `RandomFlip`.

    Differs from Keras, which draws one sigma for the whole batch: here every image has its own, one for each axis.
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
        """The bounds of the chance of being blurred."""
        return self._chance.bounds

    @property
    def sigma(self) -> list[float]:
        """The bounds of the standard deviation."""
        return self._sigma.bounds

    def augment(self, images: Array, key: Array) -> Array:
        keys = jax.random.split(key, 4)
        rows = images.shape[0]
        chosen = jax.random.uniform(keys[0], (rows,)) < self._chance.sample(keys[1], rows)
        # A deviation of 0 must not divide by 0; it blurs nothing.
        sigma = [self._sigma.sample(own, rows) + 1e-6 for own in keys[2:]]
        blurred = apply_gaussian_blur(images, (sigma[0], sigma[1]), self.kernel_size)
        return jnp.clip(jnp.where(expand_per_image(chosen), blurred, images), *self.value_range)
