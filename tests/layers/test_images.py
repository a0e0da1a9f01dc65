"""Augmentation: the geometry of Keras at fixed factors, closed forms, statistics of random factors, and fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.ndimage

import fitwell
from fitwell import layers
from fitwell.errors import InvalidArgument, ShapeError
from tests.agreement import agree

IMAGES = np.random.default_rng(0).normal(size=(3, 6, 5, 2)).astype(np.float32)


def changed(layer: Any, images: Any = IMAGES) -> np.ndarray:
    return np.asarray(layer(images, training=True))


@pytest.mark.parametrize("fill_mode", ["reflect", "constant", "wrap", "nearest"])
@pytest.mark.parametrize(
    ("name", "factors"),
    [
        ("RandomTranslation", {"height_factor": (0.23, 0.23), "width_factor": (-0.31, -0.31)}),
        ("RandomRotation", {"factor": (0.07, 0.07)}),
        ("RandomZoom", {"height_factor": (0.2, 0.2), "width_factor": (-0.3, -0.3)}),
        ("RandomZoom", {"height_factor": (0.4, 0.4)}),
    ],
)
def test_geometry_is_that_of_keras(name: str, factors: dict[str, Any], fill_mode: str) -> None:
    import keras

    for interpolation in ("bilinear", "nearest"):
        settings = {"fill_mode": fill_mode, "interpolation": interpolation, "fill_value": 0.5, **factors}
        ours = changed(getattr(layers, name)(**settings))
        theirs = np.asarray(getattr(keras.layers, name)(**settings)(IMAGES, training=True))
        agree(ours, theirs, row=f"layers/{name}", against="Keras, given factors", atol=1e-5)


def test_shear_is_one_of_the_two_that_keras_gives() -> None:
    import keras

    settings: dict[str, Any] = {"x_factor": (0.3, 0.3), "y_factor": (0.2, 0.2)}
    many = np.repeat(IMAGES[:1], 40, axis=0)
    ours = changed(layers.RandomShear(**settings), many)
    theirs = np.asarray(keras.layers.RandomShear(**settings)(many, training=True))
    kinds = [np.unique(np.round(images, 3), axis=0) for images in (ours, theirs)]
    assert len(kinds[0]) == len(kinds[1]) == 2
    agree(kinds[0], kinds[1], row="layers/RandomShear", against="Keras, given factors", atol=2e-3)


def test_translation_by_an_integer_number_of_pixels_is_a_roll() -> None:
    out = changed(layers.RandomTranslation((0.5, 0.5), (-0.2, -0.2), fill_mode="wrap"))
    np.testing.assert_allclose(out, np.roll(IMAGES, (3, -1), axis=(1, 2)), atol=1e-5)


def test_blur_is_that_of_scipy() -> None:
    out = changed(layers.GaussianBlur(kernel_size=(5, 3), sigma=0.8))
    expected = IMAGES
    for axis, radius in ((1, 2), (2, 1)):
        expected = scipy.ndimage.gaussian_filter1d(expected, 0.8, axis, mode="constant", radius=radius)
    agree(out, expected, row="layers/GaussianBlur", against="SciPy", atol=1e-5)
    always = layers.RandomGaussianBlur(
        factor=(1, 1), kernel_size=(5, 3), sigma=(0.8, 0.8), value_range=(-9, 9)
    )
    agree(changed(always), expected, row="layers/RandomGaussianBlur", against="SciPy", atol=1e-5)


def test_half_of_the_images_are_blurred() -> None:
    many = np.repeat(IMAGES[:1], 2000, axis=0)
    same = (changed(layers.RandomGaussianBlur(value_range=(-9, 9), sigma=(1, 1)), many) == many).all(
        (1, 2, 3)
    )
    assert abs(same.mean() - 0.5) < 0.05


def test_flips_are_independent_and_even() -> None:
    many = np.repeat(IMAGES[:1], 2000, axis=0)
    out = changed(layers.RandomFlip(), many)
    image = IMAGES[0]
    kinds = [image, image[::-1], image[:, ::-1], image[::-1, ::-1]]
    shares = [(out == kind).all((1, 2, 3)).mean() for kind in kinds]
    agree(shares, [0.25] * 4, row="layers/RandomFlip", against="shares of four kinds of flips", atol=0.04)
    sideways = changed(layers.RandomFlip("horizontal"), many)
    assert abs((sideways == image[:, ::-1]).all((1, 2, 3)).mean() - 0.5) < 0.05


def test_contrast_and_brightness() -> None:
    out = changed(layers.RandomBrightness((0.1, 0.1), value_range=(0, 10)), np.full((2, 3, 3, 1), 4.0))
    agree(out, 5.0, row="layers/RandomBrightness", against="closed form, given factor", rtol=1e-6)
    layer = layers.RandomContrast((0.0, 0.8), value_range=(-99, 99))
    out = changed(layer, np.repeat(IMAGES[:1], 4000, axis=0))
    centred = IMAGES[:1] - IMAGES[:1].mean((1, 2), keepdims=True)
    factors = ((out - IMAGES[:1].mean((1, 2), keepdims=True)) / centred).mean((1, 2, 3))
    assert factors.min() >= 1 - 1e-3
    assert factors.max() <= 1.8 + 1e-3
    agree(factors.mean(), 1.4, row="layers/RandomContrast", against="mean factor of 4,000 draws", atol=0.02)
    expected = IMAGES[:1].mean((1, 2), keepdims=True) + factors[:, None, None, None] * centred
    agree(out, expected, row="layers/RandomContrast", against="closed form, factors drawn", atol=1e-4)
    assert layer.factor == [0.0, 0.8]


def test_images_without_channels_train_in_a_dense_network() -> None:
    x = np.random.default_rng(1).uniform(size=(50, 8, 8)).astype(np.float32)
    model = fitwell.Sequential(
        [
            layers.Input((8, 8)),
            layers.RandomTranslation(0.1, 0.1),
            layers.RandomRotation(0.05),
            layers.GaussianNoise(0.1),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    model.compile(loss="mse", optimizer="sgd")
    losses = model.fit(x, x.mean((1, 2)), epochs=2, batch_size=16, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(x, verbose=0))


def test_bad_arguments_raise() -> None:
    with pytest.raises(InvalidArgument, match="height_factor"):
        layers.RandomTranslation(2.0, 0.1)
    with pytest.raises(InvalidArgument, match="Did you mean 'reflect'"):
        layers.RandomRotation(0.1, fill_mode="reflekt")
    with pytest.raises(InvalidArgument, match="odd"):
        layers.GaussianBlur(4)
    with pytest.raises(ShapeError, match="height, width"):
        layers.RandomFlip()(np.ones((3, 4)))
