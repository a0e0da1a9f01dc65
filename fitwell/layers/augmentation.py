"""Random changes of images in training: what they share, and RandomFlip, RandomContrast, RandomBrightness."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from fitwell._call_context import current
from fitwell._param_validation import ListOf, Options, Real, Rule, validate_params
from fitwell._variables import Array, HyperparameterMixin
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.argument_rules import LAYER, to_float
from fitwell.layers.base import Layer, register


def range_rule(least: float, most: float = math.inf) -> Rule:
    """Return the rule of an argument that becomes a `RandomRange`: one number or two."""
    one = Real(least, most)
    return one | ListOf(one, 1) | ListOf(one, 2).described_as("two of them")


class RandomRange(HyperparameterMixin):
    """Two bounds between which a random number is drawn for each image; both are data to the compiled program.

    given: one number x, meaning -x to x, or the two bounds themselves. least: no bound is below it.
    """

    hyperparameters = ("low", "high")

    def __init__(self, given: Any, least: float) -> None:
        ends = list(given) if isinstance(given, list | tuple) else [given]
        if len(ends) == 1:
            ends = [max(-abs(ends[0]), least), abs(ends[0])]
        self.low, self.high = sorted(float(end) for end in ends)

    def sample(self, key: Array, rows: int, dtype: Any = jnp.float32) -> Array:
        """Return one uniform number per row; the i-th depends on `key` and i only, not on how many there are."""
        return jax.random.uniform(
            key, (rows,), dtype, jnp.asarray(self.low, dtype), jnp.asarray(self.high, dtype)
        )

    @property
    def bounds(self) -> list[float]:
        """The two bounds, as a constructor takes them."""
        return [float(self.low), float(self.high)]


class ImageAugmentation(Layer):
    """Base of layers that change images at random in training and pass them on at inference.

    Inputs are ``[batch, height, width, channels]``, with ``data_format="channels_first"``
    ``[batch, channels, height, width]``, or ``[batch, height, width]`` for images without channels, and
    outputs are floats of the same shape. Every image gets draws of its own, inside the compiled program.

    Differs from Keras, whose layers read three axes as one image without a batch. Ranges are kept as two
    bounds, also where one number was given, and are data: changing one does not recompile.
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
        key = current().next_key(self.seed)
        if images.ndim == 3:
            return self.augment(images[..., None], key)[..., 0]
        if self.data_format == "channels_first":
            return jnp.moveaxis(self.augment(jnp.moveaxis(images, 1, -1), key), -1, 1)
        return self.augment(images, key)

    def augment(self, images: Array, key: Array) -> Array:
        """Return changed images ``[batch, height, width, channels]``; subclasses override."""
        raise NotImplementedError


def expand_per_image(values: Array) -> Array:
    """Return one number per image in the shape that broadcasts over images."""
    return values[:, None, None, None]


VALUE_RANGE = ListOf(Real(), 2).described_as("(lowest, highest) pixel value")


def check_value_range(where: str, value: Any) -> tuple[float, float]:
    """Return the lowest and highest pixel value."""
    low, high = value
    if low >= high:
        raise InvalidArgument(f"{where}: value_range must be (lowest, highest) pixel value, got {value!r}")
    return float(low), float(high)


@register()
class RandomFlip(ImageAugmentation):
    """Mirror each image with probability 1/2 in training.

    Parameters
    ----------
    mode: ``"horizontal"``, ``"vertical"``, or ``"horizontal_and_vertical"`` (default), where each is drawn by
        itself. (Keras draws once and then mirrors both ways or neither.)
    seed: draws from a stream of its own instead of the run's. data_format: see `ImageAugmentation`.
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


@register()
class RandomContrast(ImageAugmentation):
    """Stretch or shrink the distances from the mean: ``(x - mean) f + mean``, f drawn for each image.

    The mean is that of each channel of each image; results are cut off at `value_range`.

    Parameters
    ----------
    factor: f is drawn from ``[1 - lower, 1 + upper]``; two numbers from 0, or one for both; data.
    value_range: lowest and highest pixel value, (0, 255). seed: as for `RandomFlip`.
    """

    @validate_params(
        LAYER,
        value_range=VALUE_RANGE,
        factor=(Real(0) | ListOf(Real(0), 2)).described_as("a number from 0 to 1, or (lower, upper)"),
    )
    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        ends = factor if isinstance(factor, tuple) else (factor, factor)
        if ends[0] > 1:
            raise InvalidArgument(
                "RandomContrast: factor must be a number from 0 to 1, or (lower, upper) with lower at most 1, "
                f"got {factor!r}"
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


@register()
class RandomBrightness(ImageAugmentation):
    """Add the same random number to all pixels of an image: ``x + f (highest - lowest)``, cut off at `value_range`.

    Parameters
    ----------
    factor: f is drawn from these two bounds, or from -factor to factor; from -1 to 1; data.
    value_range: lowest and highest pixel value, (0, 255). seed: as for `RandomFlip`.
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
