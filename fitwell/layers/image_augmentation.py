"""Base class of the image augmentation layers."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from fitwell._call_context import current_call_context
from fitwell._param_validation import ListOf, Real, Rule, validate_params
from fitwell._typing import Array
from fitwell._variables import HyperparameterMixin
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.array_ops import to_float
from fitwell.layers.base import Layer

__all__ = [
    "ImageAugmentation",
    "RandomRange",
    "VALUE_RANGE",
    "check_value_range",
    "expand_per_image",
    "range_rule",
]


def range_rule(least: float, most: float = math.inf) -> Rule:
    """Return a rule that accepts one or two numbers from `least` to `most` as `RandomRange` bounds."""
    one = Real(least, most)
    return one | ListOf(one, 1) | ListOf(one, 2).described_as("a list of two such numbers")


class RandomRange(HyperparameterMixin):
    """A range from which a random number is drawn for each image.

    Changing a bound does not trigger recompilation.

    Args:
        bounds (float | tuple[float, float]): A number x, which means the range from -x to x, or the two
            bounds.
        least (float): Smallest allowed lower bound. If `bounds` is a single number x and -x is smaller than `least`,
            the range starts at `least`.
    """

    hyperparameters = ("low", "high")

    def __init__(self, bounds: Any, least: float) -> None:
        ends = list(bounds) if isinstance(bounds, list | tuple) else [bounds]
        if len(ends) == 1:
            ends = [max(-abs(ends[0]), least), abs(ends[0])]
        self.low, self.high = sorted(float(end) for end in ends)

    def sample(self, key: Array, rows: int, dtype: Any = jnp.float32) -> Array:
        """Draw one uniform number per row. Number i depends only on `key` and i, not on `rows`."""
        return jax.random.uniform(
            key, (rows,), dtype, jnp.asarray(self.low, dtype), jnp.asarray(self.high, dtype)
        )

    @property
    def bounds(self) -> list[float]:
        """The two bounds, in the form that the constructor accepts."""
        return [float(self.low), float(self.high)]


class ImageAugmentation(Layer):
    """Base class of layers that randomly change images during training, but not at inference.

    Inputs are `[batch, height, width, channels]`, or `[batch, channels, height, width]` with
    ``data_format="channels_first"``, or `[batch, height, width]` for images without channels. Outputs are
    floats of the same shape. Random numbers are drawn for each image in the compiled program.

    Differs from Keras: inputs with three axes are a batch of images without channels, while Keras treats
    them as a single image with channels. Ranges are stored as two bounds, even if only one number was passed.
    """

    seed: int | None = None

    @validate_params(LAYER)
    def __init__(self, data_format: str | None = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format or "channels_last"
        self.seed = seed

    def call(self, inputs: Array, training: bool = False) -> Array:
        images = to_float(inputs, self.dtype)
        if images.ndim not in (3, 4):
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}): expected images of shape (batch, height, width, "
                f"channels) or (batch, height, width), got {tuple(images.shape)}"
            )
        if not training:
            return images
        key = current_call_context().next_key(self.seed)
        if images.ndim == 3:
            return self.augment(images[..., None], key)[..., 0]
        if self.data_format == "channels_first":
            return jnp.moveaxis(self.augment(jnp.moveaxis(images, 1, -1), key), -1, 1)
        return self.augment(images, key)

    def augment(self, images: Array, key: Array) -> Array:
        """Return augmented images `[batch, height, width, channels]`. Subclasses override this method."""
        raise NotImplementedError


def expand_per_image(values: Array) -> Array:
    """Reshape `values`, one per image, so that they broadcast over the images."""
    return values[:, None, None, None]


VALUE_RANGE = ListOf(Real(), 2).described_as("a pair of pixel values (lowest, highest)")


def check_value_range(where: str, value: Any) -> tuple[float, float]:
    """Return the lowest and highest pixel value. Raise `InvalidArgument` if lowest is not below highest."""
    low, high = value
    if low >= high:
        raise InvalidArgument(
            f"{where}: value_range must be (lowest, highest) with lowest < highest, got {value!r}"
        )
    return float(low), float(high)
