"""Search, size and reading of image files."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell._escaping import escape_controls
from fitwell._file_io import os_error_reason
from fitwell.errors import DataError

__all__ = [
    "IMAGE_SUFFIXES",
    "choose_image_shape",
    "find_images",
    "is_image_file",
    "read_images",
]

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
# By default, larger images are made smaller: 64 x 64 pixels need 1.8 times the multiplications of 48 x 48.
MAX_SIDE = 48
# Images are kept in memory as float32. Beyond this size, they are made smaller.
MAX_BYTES = 2**31
MIN_SIDE = 8
# Opening a file is cheap, but not for a hundred thousand of them.
MAX_MEASURED = 1000
# Pillow's modes of images without colors.
_GRAY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "F")


def is_image_file(path: Path) -> bool:
    """Return whether the file's name has the suffix of an image, and does not begin with a dot."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def find_images(folder: Path) -> list[Path]:
    """Return the image files in `folder` and its subfolders, sorted by path."""
    return sorted(
        path
        for path in folder.rglob("*")
        if is_image_file(path)
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def choose_image_shape(paths: Sequence[Path], size: tuple[int, int] | None) -> list[int]:
    """Choose the shape to which images are converted.

    The default size is the images' median height and width, reduced to `MAX_SIDE`, and further if the images would
    take more than `MAX_BYTES`. The images get three channels if one of them is in color.

    Args:
        paths: The image files. Up to `MAX_MEASURED` of them are opened.
        size: Height and width, or None for the default.

    Returns:
        ``[height, width]`` for gray images, or ``[height, width, 3]`` for color images.

    Raises:
        DataError: If a file is not an image.
    """
    measured = paths[:: math.ceil(len(paths) / MAX_MEASURED)]
    shapes, is_gray = [], True
    for path in measured:
        with _open(path) as image:
            shapes.append((image.height, image.width))
            is_gray = is_gray and image.mode in _GRAY_MODES
    channels = [] if is_gray else [3]
    if size is not None:
        return [*size, *channels]
    height, width = np.median(np.array(shapes), axis=0)
    side = min(MAX_SIDE, math.sqrt(MAX_BYTES / (4 * len(paths) * (1 if is_gray else 3))))
    factor = min(1.0, side / max(height, width))
    return [*(max(MIN_SIDE, round(length * factor)) for length in (height, width)), *channels]


def read_images(paths: Sequence[Path], shape: Sequence[int]) -> NDArray[np.uint8]:
    """Read images, and convert them to `shape`.

    An image is turned as its EXIF orientation says, and stretched to the height and width. Transparent pixels become
    white. Of an animation, the first frame is read.

    Args:
        paths: The image files.
        shape: ``[height, width]`` for gray images, or ``[height, width, channels]`` with 1 or 3 channels.

    Returns:
        Pixels from 0 to 255, ``[images, *shape]``.

    Raises:
        DataError: If a file cannot be read as an image.
    """
    pixels = np.empty((len(paths), *shape), np.uint8)
    for number, path in enumerate(paths):
        pixels[number] = _read_image(path, shape)
    return pixels


def _read_image(path: Path, shape: Sequence[int]) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    with _open(path) as image:
        try:
            image.load()
            image = ImageOps.exif_transpose(image)
        except Exception as error:  # Pillow raises errors of many types for damaged files
            raise DataError(_describe_error(path, error)) from None
        image = _to_eight_bits(image)
        if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("RGB" if len(shape) == 3 and shape[2] == 3 else "L")
        image = image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
        return np.asarray(image, np.uint8).reshape(tuple(shape))


def _to_eight_bits(image: Any) -> Any:
    """Convert an image with 16 bits per pixel to one with 8 bits. Pillow's `convert` would clip it at 255."""
    from PIL import Image

    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image, np.float64)
    brightest = 255 if values.max() <= 255 and image.mode == "F" else 65535
    return Image.fromarray(np.clip(values * 255 / brightest, 0, 255).round().astype(np.uint8))


def _open(path: Path) -> Any:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            # Pillow warns of images with more than 89 million pixels, and refuses those with twice as many.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(path)
    except Exception as error:  # Pillow raises errors of many types for damaged files
        raise DataError(_describe_error(path, error)) from None


def _describe_error(path: Path, error: Exception) -> str:
    reason = (
        os_error_reason(error) if isinstance(error, OSError) and error.errno else "it is not a valid image"
    )
    return f"cannot read the image {escape_controls(str(path))}: {reason}"
