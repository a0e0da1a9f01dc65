"""Random layers: how much they drop, the mean that they keep, and where the noise is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats

import fitwell
from fitwell import layers
from fitwell.errors import InvalidArgument, ShapeError
from tests.agreement import agree

N = 200_000


def noisy(layer: Any, x: Any) -> np.ndarray:
    return np.asarray(layer(x, training=True), np.float64)


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.7])
@pytest.mark.parametrize("name", ["Dropout", "MCDropout"])
def test_dropout_drops_its_rate_and_scales_the_rest(name: str, rate: float) -> None:
    out = noisy(getattr(layers, name)(rate), np.ones((N // 100, 100), np.float32))
    kept, atol = out != 0, 4 * np.sqrt(0.25 / N)
    agree(kept.mean(), 1 - rate, row=f"layers/{name}", against="share kept of 200,000", rtol=0, atol=atol)
    np.testing.assert_allclose(out[kept], 1 / (1 - rate), rtol=1e-6)


@pytest.mark.parametrize("name", ["AlphaDropout", "MCAlphaDropout"])
def test_alpha_dropout_keeps_mean_and_variance_of_selu_outputs(name: str) -> None:
    """SELU of standard normals has mean 0 and variance 1, and so it has after alpha dropout."""
    z = np.random.default_rng(0).normal(size=(N // 100, 100))
    x = np.asarray(fitwell.activations.selu(z.astype(np.float32)))
    for rate in (0.05, 0.5):
        out, row = noisy(getattr(layers, name)(rate), x), f"layers/{name}"
        agree(out.mean(), 0, row=row, against="mean of 200,000 SELU outputs", atol=0.015)
        agree(out.var(), 1, row=row, against="variance of 200,000 SELU outputs", rtol=0, atol=0.02)
    # Dropped units all have one value, a (-scale alpha) + b, by hand for rate 0.5.
    floor = -1.7580993408473766
    a = (0.5 * (1 + 0.5 * floor**2)) ** -0.5
    dropped = a * floor - a * floor * 0.5
    assert abs(np.isclose(out, dropped, atol=1e-5).mean() - 0.5) < 0.01


def test_gaussian_noise_has_its_stddev() -> None:
    out = noisy(layers.GaussianNoise(0.3), np.full((N // 100, 100), 2.0, np.float32)).ravel()
    agree(out.std(), 0.3, row="layers/GaussianNoise", against="deviation of 200,000 draws", rtol=0.01)
    assert scipy.stats.kstest((out - 2) / 0.3, "norm").pvalue > 1e-4


def test_gaussian_dropout_has_the_variance_of_dropout() -> None:
    out = noisy(layers.GaussianDropout(0.2), np.full((N // 100, 100), 2.0, np.float32)).ravel()
    expected, row = np.sqrt(0.2 / 0.8), "layers/GaussianDropout"
    agree((out / 2).std(), expected, row=row, against="deviation of 200,000 draws", rtol=0.01)
    assert scipy.stats.kstest((out / 2 - 1) / np.sqrt(0.2 / 0.8), "norm").pvalue > 1e-4


def test_rrelu_draws_slopes_evenly_and_rests_at_their_mean() -> None:
    layer = layers.RReLU(0.2, 0.6)
    x = np.full((N // 100, 100), -1.0, np.float32)
    slopes = -noisy(layer, x).ravel()
    assert scipy.stats.kstest((slopes - 0.2) / 0.4, "uniform").pvalue > 1e-4
    agree(slopes.mean(), 0.4, row="layers/RReLU", against="mean slope of 200,000 draws", rtol=0.01)
    np.testing.assert_allclose(layer(x), -0.4, rtol=1e-6)
    np.testing.assert_array_equal(layer(-x, training=True), -x)
    np.testing.assert_allclose(layers.RReLU()(x), -(1 / 8 + 1 / 3) / 2, rtol=1e-6)


def test_rrelu_at_inference_is_that_of_pytorch() -> None:
    functional = pytest.importorskip("torch").nn.functional
    x = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)
    for limits in ((0.2, 0.6), (1 / 8, 1 / 3)):
        expected = functional.rrelu(pytest.importorskip("torch").tensor(x), *limits).numpy()
        agree(
            layers.RReLU(*limits)(x), expected, row="layers/RReLU", against="PyTorch, at inference", rtol=1e-6
        )


def test_spatial_dropout_drops_whole_channels() -> None:
    out = noisy(layers.SpatialDropout1D(0.5), np.ones((50, 6, 40), np.float32))
    assert (out == out[:, :1]).all()
    share, against = (out == 0).mean(), "share dropped of 2,000 channels"
    agree(share, 0.5, row="layers/SpatialDropout1D", against=against, rtol=0, atol=0.1)
    out = noisy(
        layers.SpatialDropout2D(0.5, data_format="channels_first"), np.ones((50, 40, 3, 2), np.float32)
    )
    assert (out == out[:, :, :1, :1]).all()
    share = (out == 0).mean()
    agree(share, 0.5, row="layers/SpatialDropout2D", against=against, rtol=0, atol=0.1)


class PrintedMCDropout(layers.Dropout):
    """As the textbooks write it."""

    def call(self, inputs: Any) -> Any:
        return super().call(inputs, training=True)


@pytest.mark.parametrize("dropout", [PrintedMCDropout, layers.MCDropout, layers.MCAlphaDropout])
def test_monte_carlo_dropout_stays_on(dropout: Any) -> None:
    x = np.random.default_rng(0).normal(size=(37, 4)).astype(np.float32)
    model = fitwell.Sequential([layers.Dense(20, input_shape=(4,)), dropout(0.5), layers.Dense(1)])
    model.compile(loss="mse", optimizer="sgd")
    model.fit(x, x[:, :1], epochs=2, verbose=0)
    first, second = (model.predict(x, verbose=0) for _ in range(2))
    assert not np.allclose(first, second)
    first, second = (np.asarray(model(x)) for _ in range(2))
    assert not np.allclose(first, second)


def test_training_argument_of_a_model_reaches_its_dropout() -> None:
    x = np.ones((8, 4), np.float32)
    model = fitwell.Sequential([layers.Dense(20, input_shape=(4,)), layers.Dropout(0.5), layers.Dense(1)])
    np.testing.assert_array_equal(model(x), model(x))
    assert not np.allclose(model(x, training=True), model(x, training=True))


def test_bad_rates_and_shapes_raise() -> None:
    with pytest.raises(InvalidArgument, match="rate"):
        layers.AlphaDropout(1.0)
    with pytest.raises(InvalidArgument, match="rate"):
        layers.GaussianDropout(1)
    with pytest.raises(InvalidArgument, match="stddev"):
        layers.GaussianNoise(-0.1)
    with pytest.raises(InvalidArgument, match="lower"):
        layers.RReLU(0.5, 0.1)
    with pytest.raises(ShapeError, match="noise_shape"):
        layers.Dropout(0.5, noise_shape=(None, 3))(np.ones((2, 4)), training=True)
    with pytest.raises(ShapeError, match="3 axes"):
        layers.SpatialDropout1D(0.5)(np.ones((2, 4)), training=True)
