"""Base classes of random affine image transformations, and pixel sampling."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import Options, validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.image_augmentation import ImageAugmentation, RandomRange

__all__ = ["FILL_MODES", "AffineAugmentation", "AffineRows", "HeightWidthAugmentation", "sample_pixels"]


# The two matrix rows of an affine map from output positions to input positions.
AffineRows = tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]


FILL_MODES = ("reflect", "constant", "wrap", "nearest")


def _to_pixel_index(index: Array, size: int, fill_mode: str) -> Array:
    """Map an `index` that may be outside the image to a pixel index from 0 to ``size - 1``."""
    if fill_mode == "wrap":
        return index % size
    if fill_mode == "reflect":
        index = index % (2 * size)
        return jnp.minimum(index, 2 * size - 1 - index)
    return jnp.clip(index, 0, size - 1)


def sample_pixels(
    images: Array, y: Array, x: Array, interpolation: str, fill_mode: str, fill_value: float
) -> Array:
    """Sample the pixels of `images` at the positions ``(y, x)``.

    Args:
        images (Array): `[batch, height, width, channels]`.
        y (Array): Vertical positions in pixels, `[batch, height, width]`.
        x (Array): Horizontal positions in pixels, `[batch, height, width]`.
        interpolation (str): ``"nearest"`` or ``"bilinear"`` (between the four pixels around a position).
        fill_mode (str): How to fill pixels outside the image. See `RandomTranslation`.
        fill_value (float): Pixel value outside the image for ``fill_mode="constant"``.
    """
    height, width = images.shape[1:3]

    def pick(row: Array, column: Array) -> Array:
        rows, columns = _to_pixel_index(row, height, fill_mode), _to_pixel_index(column, width, fill_mode)
        pixels = jax.vmap(lambda image, i, j: image.at[i, j].get(mode="promise_in_bounds"))(
            images, rows, columns
        )
        if fill_mode == "constant":
            is_inside = (row == rows) & (column == columns)
            pixels = jnp.where(is_inside[..., None], pixels, jnp.asarray(fill_value, images.dtype))
        return pixels

    if interpolation == "nearest":
        # Halves are rounded away from zero, as in SciPy and Keras.
        return pick(*((jnp.sign(p) * jnp.floor(jnp.abs(p) + 0.5)).astype(jnp.int32) for p in (y, x)))
    top, left = jnp.floor(y), jnp.floor(x)
    down, right = ((p - floor)[..., None].astype(images.dtype) for p, floor in ((y, top), (x, left)))
    row, column = top.astype(jnp.int32), left.astype(jnp.int32)
    upper = pick(row, column) * (1 - right) + pick(row, column + 1) * right
    lower = pick(row + 1, column) * (1 - right) + pick(row + 1, column + 1) * right
    return upper * (1 - down) + lower * down


class AffineAugmentation(ImageAugmentation):
    """Base class of augmentations that map each output pixel to a position in the input image."""

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
        """Return the coefficients (a, b, c) and (d, e, f) for a batch.

        The output pixel at (x, y) is sampled at the input position ``(a x + b y + c, d x + e y + f)``.

        Subclasses override this method.
        """
        raise NotImplementedError

    def augment(self, images: Array, key: Array) -> Array:
        count, height, width = images.shape[:3]
        (a, b, c), (d, e, f) = jax.tree.map(
            # Positions are always float32, because half-precision dtypes cannot represent all positions.
            lambda entry: jnp.broadcast_to(jnp.asarray(entry, jnp.float32), (count,))[:, None, None],
            self.affine(count, height, width, key),
        )
        y, x = jnp.meshgrid(
            jnp.arange(height, dtype=jnp.float32), jnp.arange(width, dtype=jnp.float32), indexing="ij"
        )
        positions = d * x + e * y + f, a * x + b * y + c
        return sample_pixels(images, *positions, self.interpolation, self.fill_mode, self.fill_value)


class HeightWidthAugmentation(AffineAugmentation):
    """Base class of augmentations with separate random factors for the height and the width."""

    _height: RandomRange
    _width: RandomRange | None

    def _set_factors(self, height_factor: Any, width_factor: Any) -> None:
        self._height = RandomRange(height_factor, -1.0)
        self._width = None if width_factor is None else RandomRange(width_factor, -1.0)

    @property
    def height_factor(self) -> list[float]:
        """The bounds of the factor for the height."""
        return self._height.bounds

    @property
    def width_factor(self) -> list[float] | None:
        """The bounds of the factor for the width, or None if the width uses the height's factor."""
        return None if self._width is None else self._width.bounds
