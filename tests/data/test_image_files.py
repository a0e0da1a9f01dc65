"""Reading of image files: pixels in many formats, sizes, and files that are not images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fitwell._data.image_files import choose_image_shape, find_images, read_images
from fitwell.errors import DataError

GRAY = np.arange(80, dtype=np.uint8).reshape(8, 10) * 3
COLOR = np.stack([GRAY, 255 - GRAY, np.full_like(GRAY, 7)], axis=-1)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "gif", "pgm"])
def test_gray_pixels_are_read_as_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"image.{suffix}"
    Image.fromarray(GRAY).save(path)
    assert choose_image_shape([path], None) == [8, 10] or suffix == "gif"  # a GIF has a palette of colors
    np.testing.assert_array_equal(read_images([path], [8, 10]), GRAY[None])
    np.testing.assert_array_equal(read_images([path], [8, 10, 1]), GRAY[None, :, :, None])
    np.testing.assert_array_equal(read_images([path], [8, 10, 3]), np.stack([GRAY] * 3, axis=-1)[None])


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "webp"])
def test_colors_are_read_as_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"image.{suffix}"
    Image.fromarray(COLOR).save(path, lossless=True)
    assert choose_image_shape([path], None) == [8, 10, 3]
    np.testing.assert_array_equal(read_images([path], [8, 10, 3])[0], COLOR)


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    Image.fromarray(GRAY.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(read_images([tmp_path / "deep.png"], [8, 10])[0], GRAY)


def test_transparent_pixels_are_white(tmp_path: Path) -> None:
    alpha = np.zeros((8, 10), np.uint8)
    alpha[:, 5:] = 255
    Image.fromarray(np.dstack([COLOR, alpha])).save(tmp_path / "image.png")
    found = read_images([tmp_path / "image.png"], [8, 10, 3])[0]
    assert (found[:, :5] == 255).all()
    np.testing.assert_array_equal(found[:, 5:], COLOR[:, 5:])


def test_the_orientation_of_a_photo_is_honored(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 270 degrees
    Image.fromarray(GRAY).save(tmp_path / "photo.png", exif=exif)
    np.testing.assert_array_equal(read_images([tmp_path / "photo.png"], [10, 8])[0], np.rot90(GRAY, -1))


def test_the_default_size_is_the_median_and_not_too_large(tmp_path: Path) -> None:
    paths = []
    for number, (height, width) in enumerate([(20, 30), (20, 30), (500, 20)]):
        paths.append(tmp_path / f"{number}.png")
        Image.new("L", (width, height)).save(paths[-1])
    assert choose_image_shape(paths, None) == [20, 30]
    assert choose_image_shape(paths, (16, 12)) == [16, 12]
    Image.new("RGB", (600, 300)).save(tmp_path / "large.png")
    assert choose_image_shape([tmp_path / "large.png"], None) == [24, 48, 3]


def test_the_images_fit_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (40, 40)).save(tmp_path / "image.png")
    monkeypatch.setattr("fitwell._data.image_files.MAX_BYTES", 100 * 20 * 20 * 4)
    assert choose_image_shape([tmp_path / "image.png"] * 100, None) == [20, 20]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"not an image", "not a valid image"), (b"", "not a valid image"), (None, "No such file or directory")],
)
def test_a_file_that_is_not_an_image_is_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "broken.png"
    if content is not None:
        path.write_bytes(content)
    for read in (lambda: read_images([path], [8, 8]), lambda: choose_image_shape([path], None)):
        with pytest.raises(DataError, match=rf"cannot read the image .*broken\.png: .*{reason}"):
            read()


def test_a_truncated_image_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    Image.fromarray(noise).save(tmp_path / "image.png")
    content = (tmp_path / "image.png").read_bytes()
    (tmp_path / "image.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"image\.png: it is not a valid image"):
        read_images([tmp_path / "image.png"], [64, 64])


def test_only_image_files_are_found(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpg", "notes.txt", ".hidden.png", "deep/c.webp", ".trash/d.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    assert [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)] == [
        "a.jpg",
        "b.PNG",
        "deep/c.webp",
    ]
