"""The `RandomFlip` layer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import Options, validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import register
from fitwell.layers.image_augmentation import (
    ImageAugmentation,
    expand_per_image,
)

__all__ = ["RandomFlip"]


@register()
class RandomFlip(ImageAugmentation):
    """A layer that randomly mirrors images during training, with probability 1/2 in each direction.

    Args:
        mode (str): ``"horizontal"``, ``"vertical"`` or ``"horizontal_and_vertical"``, which draws each
            direction independently. (Keras mirrors an image in both directions or in neither.) Default:
            ``"horizontal_and_vertical"``.
        seed (int | None): Seed for a separate random stream. Defaults to None, which uses the run's stream.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, height, width, channels]` or `[batch, height, width]`. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.RandomFlip("horizontal")(np.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)

    Source: Keras `RandomFlip`.
    """

    @validate_params(LAYER, mode=Options("horizontal", "vertical", "horizontal_and_vertical"))
    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.mode = mode

    def augment(self, images: Array, key: Array) -> Array:
        keys = jax.random.split(key)
        for name, axis, own in (("horizontal", 2, keys[0]), ("vertical", 1, keys[1])):
            if name in self.mode:
                flips = jax.random.bernoulli(own, 0.5, (images.shape[0],))
                images = jnp.where(expand_per_image(flips), jnp.flip(images, axis), images)
        return images
