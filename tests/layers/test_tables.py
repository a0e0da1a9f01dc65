"""Layers of the network for tables, against NumPy."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy.special import expit

import fitwell as fw
from fitwell import layers, schedules
from fitwell._call_context import CallContext, call_context
from fitwell.errors import InvalidArgument, ShapeError
from tests.agreement import agree

X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def randomize(layer: layers.Layer) -> dict[str, np.ndarray]:
    """Give the layer weights that differ from each other, and return them in double precision."""
    draw = np.random.default_rng(1)
    for variable in layer.variables:
        variable.assign(draw.normal(size=variable.shape))
    return {variable.name: np.asarray(variable.value, np.float64) for variable in layer.variables}


@pytest.mark.parametrize("include_input", [True, False])
def test_periodic_embedding_is_its_formula(include_input: bool) -> None:
    layer = layers.PeriodicEmbedding(4, 7, activation="sigmoid", include_input=include_input)
    layer(X)
    w = randomize(layer)
    x = X.astype(np.float64)
    expected = np.empty((5, 3, 4))
    for row in range(5):
        for feature in range(3):
            waves = np.cos(2 * np.pi * x[row, feature] * w["frequencies"][feature] + w["phases"][feature])
            vector = expit(waves @ w["kernel"][feature] + w["bias"][feature])
            expected[row, feature] = [x[row, feature], *vector] if include_input else vector
    agree(layer(X), expected, row="layers/PeriodicEmbedding", against="NumPy", rtol=1e-5, atol=1e-5)


def test_periodic_embedding_starts_with_the_frequencies_asked_for() -> None:
    fw.utils.set_random_seed(0)
    layer = layers.PeriodicEmbedding(4, 1000, frequency_stddev=0.3)
    layer(np.zeros((1, 20)))
    assert np.std(layer.frequencies.value) == pytest.approx(0.3, rel=0.02)
    assert np.abs(layer.phases.value).max() <= np.pi
    assert np.std(layer.phases.value) == pytest.approx(np.pi / np.sqrt(3), rel=0.02)


def test_ntk_dense_is_dense_with_a_smaller_kernel() -> None:
    layer = layers.NTKDense(4, activation="tanh")
    layer(X)
    w = randomize(layer)
    expected = np.tanh(X @ w["kernel"] / np.sqrt(3) + w["bias"])
    agree(layer(X), expected, row="layers/NTKDense", against="NumPy", rtol=1e-5, atol=1e-6)


def test_ntk_dense_starts_with_a_unit_normal_kernel_and_unit_outputs() -> None:
    fw.utils.set_random_seed(0)
    layer = layers.NTKDense(300)
    outputs = layer(np.random.default_rng(0).normal(size=(50, 200)))
    assert np.std(layer.kernel.value) == pytest.approx(1.0, rel=0.02)
    assert np.std(outputs) == pytest.approx(1.0, rel=0.1)


def test_parametric_activation_is_its_formula() -> None:
    layer = layers.ParametricActivation("relu")
    np.testing.assert_allclose(layer(X), np.maximum(X, 0), rtol=1e-6)  # the share starts at 1
    share = randomize(layer)["share"]
    expected = X + (np.maximum(X, 0) - X) * share
    agree(layer(X), expected, row="layers/ParametricActivation", against="NumPy", rtol=1e-5, atol=1e-6)


def test_feature_scaling_is_its_formula() -> None:
    layer = layers.FeatureScaling()
    np.testing.assert_array_equal(layer(X), X)
    scale = randomize(layer)["scale"]
    agree(layer(X), X * scale, row="layers/FeatureScaling", against="NumPy", rtol=1e-6)


@pytest.mark.parametrize(("updates", "kept"), [(0, 0.2), (3, 0.6), (4, 1.0), (9, 1.0)])
def test_a_schedule_of_dropout_depends_on_the_number_of_updates(updates: int, kept: float) -> None:
    layer = layers.Dropout(schedules.FlatCosineDecay(0.8, 4))
    with call_context(CallContext(training=True, key=jax.random.key(0), step=updates)):
        outputs = np.asarray(layer(np.ones((1, 50_000), np.float32)))
    assert (outputs != 0).mean() == pytest.approx(kept, abs=0.01)
    assert outputs.max() == pytest.approx(1 / kept)


def test_fit_counts_the_updates_of_a_schedule_of_dropout() -> None:
    """While everything is dropped, no gradient reaches the kernel."""
    rate = schedules.PiecewiseConstantDecay([2], [1.0, 0.0])  # 1 up to step 2
    model = fw.Sequential([fw.Input((3,)), layers.Dropout(rate), layers.Dense(1, use_bias=False)])
    model.compile(loss="mse", optimizer="sgd")
    start = model.get_weights()[0]
    model.fit(X, np.ones(5), epochs=3, batch_size=5, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], start)
    model.fit(X, np.ones(5), batch_size=5, verbose=0)
    assert np.abs(model.get_weights()[0] - start).max() > 0


def test_a_schedule_of_dropout_is_saved(tmp_path) -> None:  # type: ignore[no-untyped-def]
    model = fw.Sequential([fw.Input((3,)), layers.Dropout(schedules.FlatCosineDecay(0.8, 4))])
    model.save(tmp_path / "model.keras")
    rate = fw.models.load_model(tmp_path / "model.keras").layers[-1].rate
    assert isinstance(rate, schedules.FlatCosineDecay)
    assert rate.get_config() == schedules.FlatCosineDecay(0.8, 4).get_config()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.PeriodicEmbedding(1), "output_dim=1 with include_input=True"),
        (lambda: layers.PeriodicEmbedding(frequency_stddev=0), "frequency_stddev must be"),
        (lambda: layers.Dropout(1.5), "rate must be a number from 0 to 1 or a schedule"),
        (lambda: layers.MCDropout(schedules.FlatCosineDecay(0.5, 9)), "rate must be"),
    ],
)
def test_wrong_arguments(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidArgument, match=message):
        call()


@pytest.mark.parametrize(
    "layer",
    [
        layers.PeriodicEmbedding(),
        layers.FeatureScaling(),
        layers.ParametricActivation("relu"),
        layers.NTKDense(2),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_inputs_of_another_width(layer: layers.Layer) -> None:
    layer(X)
    with pytest.raises(ShapeError, match=layer.name):
        layer(X[:, :2])


EDGES = [[-1.0, 0.0, 0.5], [0.0], [-2.0, 3.0]]


def test_piecewise_linear_encoding_is_its_formula() -> None:
    x = np.array([[-2.0, 9.0, -2.0], [-0.25, 9.0, 0.5], [0.25, 9.0, 3.0], [2.0, 9.0, 8.0]], np.float32)
    expected = [
        [-1.0, 0.0, 0.0],  # below the first bin
        [0.75, 0.0, 0.5],
        [1.0, 0.5, 1.0],
        [1.0, 4.0, 2.0],  # above the last bin
    ]
    layer = layers.PiecewiseLinearEncoding(EDGES)
    agree(layer(x), np.array(expected), row="layers/PiecewiseLinearEncoding", against="NumPy", rtol=1e-6)
    assert not layer.trainable_variables
    x[0, 0] = np.nan
    assert np.isnan(layer(x)[0]).tolist() == [True, True, False]


def test_piecewise_linear_encoding_is_continuous_and_tells_all_values_apart() -> None:
    """A linear layer on the encoding can therefore fit every piecewise-linear function with these edges."""
    x = np.linspace(-3, 3, 601, dtype=np.float32)[:, None]
    encoded = np.asarray(layers.PiecewiseLinearEncoding([[-1.5, -1.0, 0.25, 2.0]])(x))
    assert (np.diff(encoded, axis=0) >= 0).all() and (np.diff(encoded.sum(axis=1)) > 0).all()
    assert np.abs(np.diff(encoded, axis=0)).max() < 0.021
    target = np.interp(x[:, 0], [-3, -1.5, -1.0, 0.25, 2.0, 3], [-37, -4, 7, 2, 9, 13])
    design = np.column_stack([encoded, np.ones(len(x))])
    found = np.linalg.lstsq(design, target, rcond=None)[0]
    np.testing.assert_allclose(design @ found, target, atol=1e-3)


def test_bin_edges_are_quantiles() -> None:
    x = np.column_stack([np.arange(101.0), np.repeat([1.0, 2.0], [90, 11]), np.full(101, 4.0)])
    edges = layers.quantile_bin_edges(x, num_bins=4)
    assert edges == [[0.0, 25.0, 50.0, 75.0, 100.0], [1.0, 2.0], [4.0]]
    # Values that are equal in single precision do not make a bin of width 0.
    assert layers.quantile_bin_edges(1e9 + np.arange(3.0)[:, None]) == [[1e9]]
    assert layers.quantile_bin_edges(np.array([[0.0], [1e-45], [1.0]]), 2) == [[0.0, 1.0]]
    extreme = layers.quantile_bin_edges(np.array([[-1e300], [1e300]]), 1)
    assert np.isfinite(np.asarray(layers.PiecewiseLinearEncoding(extreme)(np.zeros((1, 1))))).all()


@pytest.mark.parametrize(
    ("edges", "words"),
    [
        ([[0.0, 0.0]], r"bin_edges\[0\] must be numbers in ascending order"),
        ([[0.0, 1.0], [2.0, 1.0]], r"bin_edges\[1\]"),
        ([[0.0, np.inf]], "a list with the ascending bin edges of each feature"),
        ([[]], "a list with the ascending bin edges of each feature"),
        ([[1.0], [2.0]], "at least two edges"),
        ([[0.0, 1e-40]], "above 1.18e-38"),
        ([[0.0, 1e39]], "differences are finite"),
        ([[-3e38, 3e38]], "differences are finite"),
    ],
)
def test_invalid_bin_edges(edges: list[list[float]], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        layers.PiecewiseLinearEncoding(edges)


def test_the_number_of_features_is_that_of_the_bin_edges() -> None:
    with pytest.raises(ShapeError, match="bin_edges has 3 entries"):
        layers.PiecewiseLinearEncoding(EDGES)(np.zeros((2, 2)))
    with pytest.raises(InvalidArgument, match="finite numbers"):
        layers.quantile_bin_edges(np.array([[np.nan]]))
