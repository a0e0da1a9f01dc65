"""The `GaussianBlur` layer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import Real, SizeTuple, validate_params
from fitwell._typing import Array
from fitwell.errors import InvalidArgument
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import register
from fitwell.layers.image_augmentation import (
    ImageAugmentation,
    expand_per_image,
)

__all__ = ["GaussianBlur", "apply_gaussian_blur", "check_kernel_size"]


def apply_gaussian_blur(images: Array, sigma: tuple[Array, Array], kernel_size: tuple[int, int]) -> Array:
    """Blur images with a Gaussian that is truncated to `kernel_size` pixels.

    The kernel's weights sum to 1. Pixels outside the image are 0.

    Args:
        images (Array): `[batch, height, width, channels]`.
        sigma (tuple[Array, Array]): Vertical and horizontal standard deviations in pixels, with one number
            per image, or one number for all images.
        kernel_size (tuple[int, int]): Height and width of the kernel.
    """
    for axis, size, deviation in zip((1, 2), kernel_size, sigma, strict=True):
        extent = size // 2
        steps = jnp.arange(-extent, extent + 1, dtype=images.dtype)
        scale = jnp.broadcast_to(jnp.asarray(deviation, images.dtype), (images.shape[0],))[:, None]
        weights = jax.nn.softmax(-0.5 * jnp.square(steps / scale), axis=-1)
        widths = [(extent, extent) if i == axis else (0, 0) for i in range(4)]
        padded = jnp.pad(images, widths)
        # This sums one shifted copy per weight, because kernels are small and differ between images.
        images = sum(
            expand_per_image(weights[:, i])
            * jax.lax.slice_in_dim(padded, i, i + images.shape[axis], axis=axis)
            for i in range(size)
        )  # type: ignore[assignment]
    return images


def check_kernel_size(where: str, kernel_size: Any) -> tuple[int, int]:
    """Return the kernel's height and width. Raise `InvalidArgument` if either is even."""
    height, width = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    if height % 2 == 0 or width % 2 == 0:
        raise InvalidArgument(f"{where}: kernel_size must be odd, got {kernel_size!r}")
    return height, width


@register()
class GaussianBlur(ImageAugmentation):
    """A layer that blurs all images with the same Gaussian during training.

    The pixel at position p becomes ``sum over d of w(d) x(p + d)``, where d is an offset and x is the image.
    The weights w are proportional to ``exp(-d² / (2 sigma²))`` and sum to 1. Keras has only
    `RandomGaussianBlur`.

    Args:
        kernel_size (int | tuple[int, int]): Odd height and width of the kernel, in pixels. Default: 3.
        sigma (float): Standard deviation in pixels, above 0. Changing it does not trigger recompilation.
            Default: 1.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, height, width, channels]` or `[batch, height, width]`. The output has the same shape.

    Raises:
        InvalidArgument: if `kernel_size` is even.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.GaussianBlur(3)(np.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)
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
