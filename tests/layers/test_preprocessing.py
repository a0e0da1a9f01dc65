"""Normalization, Rescaling, Embedding, CategoryEncoding, reshaping, and their error messages."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell import layers
from fitwell.errors import DataError, InvalidArgument, ShapeError

DATA = np.random.default_rng(0).normal(3, 2, size=(103, 4))


def test_adapt_equals_keras_however_the_data_comes() -> None:
    import keras

    peer = keras.layers.Normalization()
    peer.adapt(DATA.astype(np.float32))
    expected = np.asarray(peer(DATA.astype(np.float32)))

    def batches() -> Any:
        for start in range(0, len(DATA), 10):
            yield DATA[start : start + 10]

    for data, size in (
        (DATA, None),
        (DATA, 7),
        (DATA.tolist(), None),
        (batches(), None),
        (list(batches()), None),
    ):
        layer = layers.Normalization()
        layer.adapt(data, batch_size=size)
        np.testing.assert_allclose(layer(DATA), expected, atol=1e-5)
        np.testing.assert_allclose(layer.mean, DATA.mean(0), rtol=1e-6)
        np.testing.assert_allclose(layer.variance, DATA.var(0), rtol=1e-6)
    back = layers.Normalization(invert=True)
    back.adapt(DATA)
    np.testing.assert_allclose(back(layer(DATA)), DATA, rtol=1e-4)


def test_adapt_axes() -> None:
    data = np.random.default_rng(1).normal(size=(20, 3, 5))
    for axis, others in ((1, (0, 2)), ([1, 2], (0,)), (None, (0, 1, 2))):
        layer = layers.Normalization(axis=axis)
        layer.adapt(data, batch_size=6)
        mean, variance = data.mean(others, keepdims=True), data.var(others, keepdims=True)
        np.testing.assert_allclose(layer(data), (data - mean) / np.sqrt(variance), atol=1e-5)


def test_constant_features_become_zero_and_large_offsets_keep_their_digits() -> None:
    data = np.stack([np.full(50, 7.0), 1e4 + np.arange(50.0)], axis=1)
    layer = layers.Normalization()
    layer.adapt(data, batch_size=8)
    out = np.asarray(layer(data))
    np.testing.assert_array_equal(out[:, 0], 0)
    np.testing.assert_allclose(out[:, 1].std(), 1, rtol=1e-4)


def test_adapt_after_the_model_is_drawn() -> None:
    normalization = layers.Normalization(input_shape=(4,))
    model = fitwell.Sequential([normalization, layers.Dense(1)])
    model.compile(loss="mse", optimizer="sgd")
    normalization.adapt(DATA)
    model.fit(DATA, DATA[:, :1], epochs=1, verbose=0)
    np.testing.assert_allclose(normalization.mean, DATA.mean(0), rtol=1e-6)
    assert len(model.trainable_variables) == 2


def test_adapt_raises_for_bad_data() -> None:
    holes = DATA.copy()
    holes[3, 2] = np.nan
    with pytest.raises(DataError, match=r"feature\(s\) \[2\]"):
        layers.Normalization().adapt(holes)
    with pytest.raises(InvalidArgument, match="to use adapt, omit both of these arguments"):
        layers.Normalization(mean=0.0, variance=1.0).adapt(DATA)
    with pytest.raises(InvalidArgument, match="both mean and variance"):
        layers.Normalization(mean=0.0)
    with pytest.raises(InvalidArgument, match="axis=None"):
        layers.Normalization().adapt(DATA[:, 0])
    with pytest.raises(DataError, match="no data"):
        layers.Normalization().adapt(DATA[:0])


def test_embedding_looks_up_and_starts_from_given_weights() -> None:
    matrix = np.arange(8.0).reshape(4, 2)
    layer = layers.Embedding(4, 2, weights=[matrix])
    np.testing.assert_array_equal(layer(np.array([[3, 0]])), [[matrix[3], matrix[0]]])
    assert np.isnan(layer(np.array([[4]]))).all()
    np.testing.assert_array_equal(
        layers.Embedding(4, 2, mask_zero=True).compute_mask(np.array([[3, 0]])), [[True, False]]
    )
    assert layer.compute_mask(np.array([[3, 0]])) is None
    with pytest.raises(ShapeError, match=r"\(4, 2\)"):
        layers.Embedding(4, 2, weights=np.ones((3, 2)))


@pytest.mark.filterwarnings("ignore:Embedding.input_length")
def test_embedding_learns_in_a_model() -> None:
    x = np.random.default_rng(0).integers(0, 10, (64, 1))
    model = fitwell.Sequential([layers.Embedding(10, 3, input_length=1), layers.Flatten(), layers.Dense(1)])
    model.compile(loss="mse", optimizer=fitwell.optimizers.Adam(0.1))
    losses = model.fit(x, (x % 2).astype(np.float32), epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.05 < losses[0]


def test_category_encoding_weights_and_range() -> None:
    layer = layers.CategoryEncoding(4, output_mode="count")
    weights = np.array([[0.1, 0.2], [0.1, 0.1]])
    out = layer(np.array([[0, 1], [2, 2]]), count_weights=weights)
    np.testing.assert_allclose(out, [[0.1, 0.2, 0, 0], [0, 0, 0.2, 0]], rtol=1e-6)
    with pytest.raises(DataError, match="between 0 and 3"):
        layer(np.array([[4]]))
    np.testing.assert_array_equal(
        layers.CategoryEncoding(3, "one_hot")(np.array([2, 0])), [[0, 0, 1], [1, 0, 0]]
    )


@pytest.mark.filterwarnings("ignore:Embedding.input_length")
def test_deprecated_names_warn_once() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        first, second = layers.LeakyReLU(alpha=0.2), layers.LeakyReLU(alpha=0.2)
    assert first.negative_slope == second.negative_slope == 0.2
    assert len([w for w in seen if "negative_slope" in str(w.message)]) == 1
    assert layers.Embedding(3, 2, input_length=5).get_config()["input_dim"] == 3


def test_unknown_sizes_stay_unknown_through_a_convolution() -> None:
    x = layers.Input((None, None, 3))
    y = layers.Conv2D(4, 3, strides=2)(x)
    assert y.shape == (None, None, None, 4)
    assert layers.GlobalAveragePooling2D()(y).shape == (None, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.Reshape((5, 2))(np.ones((2, 6))), "a total size of 6"),
        (lambda: layers.Permute((2, 1))(np.ones((2, 6))), "Permute"),
        (lambda: layers.RepeatVector(2)(np.ones((2, 6, 1))), "batch, width"),
        (lambda: layers.Conv2D(2, 3)(np.ones((2, 6, 6))), "channel axis"),
        (lambda: layers.Conv2D(2, 7)(np.ones((2, 6, 6, 1))), "padding='same'"),
        (lambda: layers.Conv1D(2, 3, groups=2)(np.ones((2, 6, 3))), "groups=2"),
        (lambda: layers.MaxPooling2D(9)(np.ones((2, 6, 6, 1))), "padding='same'"),
        (lambda: layers.Cropping1D(3)(np.ones((2, 6, 1))), "would remove all"),
        (lambda: layers.GroupNormalization(4)(np.ones((2, 6))), "multiple of groups=4, got 6"),
        (lambda: layers.LayerNormalization(axis=0)(np.ones((2, 6))), "batch axis"),
        (lambda: layers.Dot(axes=1)([np.ones((2, 6)), np.ones((2, 5))]), "same size"),
        (lambda: layers.Subtract()([np.ones((2, 6))] * 3), "exactly two"),
        (lambda: layers.PReLU(shared_axes=[4])(np.ones((2, 6))), "axis"),
        (lambda: layers.Conv2D(2, 3, padding="smae"), "Did you mean 'same'"),
        (lambda: layers.Conv2D(2, 3, padding="causal"), "padding"),
        (lambda: layers.Conv2D(2, (1, 2, 3)), "kernel_size"),
        (lambda: layers.Conv2DTranspose(2, 3, strides=2, output_padding=2), "smaller than strides"),
        (lambda: layers.UpSampling2D(interpolation="cubic"), "bicubic"),
    ],
)
def test_bad_shapes_raise(call: Any, message: str) -> None:
    with pytest.raises((ShapeError, InvalidArgument), match=message):
        call()


def test_transposed_convolution_is_the_gradient_of_the_convolution() -> None:
    import jax

    conv = layers.Conv2D(3, (3, 2), strides=2, padding="same", use_bias=False)
    x = np.random.default_rng(0).normal(size=(2, 6, 8, 4)).astype(np.float32)
    y = np.asarray(conv(x))
    back = layers.Conv2DTranspose(4, (3, 2), strides=2, padding="same", use_bias=False)
    back(y)
    back.set_weights(conv.get_weights())
    np.testing.assert_allclose(back(y), jax.vjp(conv, x)[1](y)[0], atol=1e-5)
