"""Random movements of images in training: RandomTranslation, RandomRotation, RandomZoom, RandomShear."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import Options, validate_params
from fitwell._variables import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.augmentation import ImageAugmentation, RandomRange, range_rule
from fitwell.layers.base import register

# The two rows of an affine map: where in the input each output pixel comes from.
AffineRows = tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]

FILL_MODES = ("reflect", "constant", "wrap", "nearest")


def _to_pixel_index(place: Array, size: int, fill_mode: str) -> Array:
    """Return the pixel that stands for `place`, which may lie outside ``0 ... size - 1``."""
    if fill_mode == "wrap":
        return place % size
    if fill_mode == "reflect":
        place = place % (2 * size)
        return jnp.minimum(place, 2 * size - 1 - place)
    return jnp.clip(place, 0, size - 1)


def sample_pixels(
    images: Array, y: Array, x: Array, interpolation: str, fill_mode: str, fill_value: float
) -> Array:
    """Return the pixels of `images` at the places ``y, x``, both ``[batch, height, width]`` in pixels.

    images: ``[batch, height, width, channels]``. interpolation: ``"nearest"`` or ``"bilinear"`` (between the
    four pixels around a place). fill_mode: what lies outside, see `RandomTranslation`.
    """
    height, width = images.shape[1:3]

    def pick(row: Array, column: Array) -> Array:
        rows, columns = _to_pixel_index(row, height, fill_mode), _to_pixel_index(column, width, fill_mode)
        found = jax.vmap(lambda image, i, j: image.at[i, j].get(mode="promise_in_bounds"))(
            images, rows, columns
        )
        if fill_mode == "constant":
            known = (row == rows) & (column == columns)
            found = jnp.where(known[..., None], found, jnp.asarray(fill_value, images.dtype))
        return found

    if interpolation == "nearest":
        # Halves go away from zero, as in SciPy and Keras.
        return pick(*((jnp.sign(p) * jnp.floor(jnp.abs(p) + 0.5)).astype(jnp.int32) for p in (y, x)))
    top, left = jnp.floor(y), jnp.floor(x)
    down, right = ((p - floor)[..., None].astype(images.dtype) for p, floor in ((y, top), (x, left)))
    row, column = top.astype(jnp.int32), left.astype(jnp.int32)
    upper = pick(row, column) * (1 - right) + pick(row, column + 1) * right
    lower = pick(row + 1, column) * (1 - right) + pick(row + 1, column + 1) * right
    return upper * (1 - down) + lower * down


class AffineAugmentation(ImageAugmentation):
    """Base of augmentations that fetch each output pixel from another place of the image."""

    @validate_params(LAYER, fill_mode=Options(*FILL_MODES), interpolation=Options("nearest", "bilinear"))
    def __init__(
        self,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.fill_mode = fill_mode
        self.interpolation = interpolation
        self.fill_value = float(fill_value)

    def affine(self, rows: int, height: int, width: int, key: Array) -> AffineRows:
        """Return the maps of a batch, ``x_in = a x + b y + c`` and ``y_in = d x + e y + f``; subclasses override."""
        raise NotImplementedError

    def augment(self, images: Array, key: Array) -> Array:
        count, height, width = images.shape[:3]
        (a, b, c), (d, e, f) = jax.tree.map(
            # Places are computed in float32 also for half-precision images, which cannot count pixels.
            lambda entry: jnp.broadcast_to(jnp.asarray(entry, jnp.float32), (count,))[:, None, None],
            self.affine(count, height, width, key),
        )
        y, x = jnp.meshgrid(
            jnp.arange(height, dtype=jnp.float32), jnp.arange(width, dtype=jnp.float32), indexing="ij"
        )
        places = d * x + e * y + f, a * x + b * y + c
        return sample_pixels(images, *places, self.interpolation, self.fill_mode, self.fill_value)


@register()
class RandomTranslation(AffineAugmentation):
    """Shift each image at random in training.

    Parameters
    ----------
    height_factor, width_factor: shift down and to the right as a fraction of the size, drawn between two bounds
        from -1 to 1, or from -factor to factor; data.
    fill_mode: what fills the gap: ``"reflect"`` (default, d c b a | a b c d | d c b a), ``"nearest"`` (the edge),
        ``"wrap"`` (the opposite edge) or ``"constant"`` (`fill_value`, 0).
    interpolation: ``"bilinear"`` (default) or ``"nearest"``.
    seed: draws from a stream of its own instead of the run's. data_format: see `ImageAugmentation`.
    """

    @validate_params(LAYER, height_factor=range_rule(-1, 1), width_factor=range_rule(-1, 1))
    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self._height = RandomRange(height_factor, -1.0)
        self._width = RandomRange(width_factor, -1.0)

    @property
    def height_factor(self) -> list[float]:
        """The bounds of the shift down."""
        return self._height.bounds

    @property
    def width_factor(self) -> list[float]:
        """The bounds of the shift to the right."""
        return self._width.bounds

    def affine(self, rows: int, height: int, width: int, key: Array) -> AffineRows:
        vertical, horizontal = jax.random.split(key)
        down = self._height.sample(vertical, rows) * height
        right = self._width.sample(horizontal, rows) * width
        return (1, 0, -right), (0, 1, -down)


@register()
class RandomRotation(AffineAugmentation):
    """Turn each image about its centre by a random angle in training.

    Parameters
    ----------
    factor: the angle as a fraction of a full turn, counterclockwise when positive, drawn between two bounds, or
        from -factor to factor; data.
    fill_mode, interpolation, seed, fill_value, data_format: as for `RandomTranslation`.
    """

    @validate_params(LAYER, factor=range_rule(-1, 1))
    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self._range = RandomRange(factor, -1.0)

    @property
    def factor(self) -> list[float]:
        """The bounds of the angle, in turns."""
        return self._range.bounds

    def affine(self, rows: int, height: int, width: int, key: Array) -> AffineRows:
        angle = 2 * math.pi * self._range.sample(key, rows)
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        # About the centre of the pixels, which are numbered from 0.
        x, y = (width - 1) / 2, (height - 1) / 2
        return (cos, -sin, x - cos * x + sin * y), (sin, cos, y - sin * x - cos * y)


@register()
class RandomZoom(AffineAugmentation):
    """Zoom each image at random about its centre in training.

    Parameters
    ----------
    height_factor, width_factor: 0.2 makes the image show 20 % more (zooms out), -0.2 20 % less; drawn between two
        bounds, or from -factor to factor, at least -1; data. width_factor None (default) takes the same zoom
        for both, so that shapes stay.
    fill_mode, interpolation, seed, fill_value, data_format: as for `RandomTranslation`.
    """

    @validate_params(LAYER, height_factor=range_rule(-1), width_factor=range_rule(-1) | None)
    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self._height = RandomRange(height_factor, -1.0)
        self._width = None
        if width_factor is not None:
            self._width = RandomRange(width_factor, -1.0)

    @property
    def height_factor(self) -> list[float]:
        """The bounds of the vertical zoom."""
        return self._height.bounds

    @property
    def width_factor(self) -> list[float] | None:
        """The bounds of the horizontal zoom; None when it is that of the height."""
        return None if self._width is None else self._width.bounds

    def affine(self, rows: int, height: int, width: int, key: Array) -> AffineRows:
        vertical, horizontal = jax.random.split(key)
        down = 1 + self._height.sample(vertical, rows)
        right = down if self._width is None else 1 + self._width.sample(horizontal, rows)
        x, y = (width - 1) / 2, (height - 1) / 2
        return (right, 0, x * (1 - right)), (0, down, y * (1 - down))


@register()
class RandomShear(AffineAugmentation):
    """Slant each image at random in training: ``x + s y`` and ``y + t x``, in pixels from the upper left corner.

    Parameters
    ----------
    x_factor, y_factor: s and t are drawn from 0 to the factor, or between two bounds from 0 to 1, and then change
        sign together with probability 1/2; 0 by default; data.
    interpolation, fill_mode, fill_value, data_format, seed: as for `RandomTranslation`.

    Source: the "skew" of Simard et al. 2003.
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
        """The bounds of the horizontal slant."""
        return self._x.bounds

    @property
    def y_factor(self) -> list[float]:
        """The bounds of the vertical slant."""
        return self._y.bounds

    def affine(self, rows: int, height: int, width: int, key: Array) -> AffineRows:
        first, second, third = jax.random.split(key, 3)
        sign = jax.random.rademacher(third, (rows,), jnp.float32)
        return (1, sign * self._x.sample(first, rows), 0), (sign * self._y.sample(second, rows), 1, 0)


def _from_zero(factor: Any) -> Any:
    return factor if isinstance(factor, list | tuple) else (0.0, factor)
