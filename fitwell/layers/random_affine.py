"""Base class of random affine maps of images, and sampling of pixels."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import Options, validate_params
from fitwell._variables import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.image_augmentation import (
    ImageAugmentation,
)

__all__ = ["AffineAugmentation", "AffineRows", "FILL_MODES", "sample_pixels"]


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
