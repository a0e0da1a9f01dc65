"""LSUV: every layer's output on a batch has variance 1, measured here by NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell import Model, Sequential, layers
from fitwell.errors import InvalidArgument, StateError
from fitwell.models import lsuv

X = np.random.default_rng(1).normal(2.0, 3.0, size=(200, 12)).astype("float32")


def test_a_linear_layer_becomes_orthonormal_columns_over_their_deviation() -> None:
    model = Sequential([layers.Dense(7, input_shape=(12,), name="only")])
    found = lsuv(model, X, seed=3)
    kernel = model.layers[0].kernel.numpy()
    orthonormal = fitwell.initializers.Orthogonal(seed=3)((12, 7))
    np.testing.assert_allclose(kernel, orthonormal / (X @ orthonormal).std(), rtol=1e-5)
    assert found == {"only": pytest.approx(1, abs=1e-5)}
    assert (X @ kernel).var() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("activation", ["relu", "tanh", "elu"])
def test_thirty_layers_keep_unit_variance_before_any_activation(activation: str) -> None:
    model = Sequential([layers.Input((12,)), *(layers.Dense(40, activation) for _ in range(30))])
    found = lsuv(model, X)
    signal = X.astype(np.float64)
    function = {
        "relu": lambda z: np.maximum(z, 0),
        "tanh": np.tanh,
        "elu": lambda z: np.where(z > 0, z, np.expm1(z)),
    }
    for layer in model.layers:
        before = signal @ layer.kernel.numpy()
        assert before.var() == pytest.approx(1, abs=0.1), layer.name
        assert found[layer.name] == pytest.approx(before.var(), rel=1e-3)
        assert layer.activation is fitwell.activations.get(activation)
        signal = function[activation](before)


def test_the_tolerance_says_when_to_divide_and_biases_stay() -> None:
    def measure(**how: Any) -> tuple[float, np.ndarray]:
        layer = layers.Dense(50, input_shape=(12,), bias_initializer="random_normal")
        model = Sequential([layer])
        bias = layer.bias.numpy()
        (found,) = lsuv(model, X, seed=0, **how).values()
        np.testing.assert_array_equal(bias, layer.bias.numpy())
        assert found == pytest.approx((X @ layer.kernel.numpy() + bias).var(), rel=1e-4)
        return found, layer.kernel.numpy()

    as_drawn = fitwell.initializers.Orthogonal(seed=0)((12, 50))
    _, untouched = measure(tolerance=100.0)
    np.testing.assert_array_equal(untouched, as_drawn)
    once, _ = measure(tolerance=1e-6, max_iterations=1)
    often, _ = measure(tolerance=1e-6, max_iterations=30)
    assert abs(often - 1) < abs(once - 1) < 0.1  # the bias adds a little variance


def test_convolutions_nested_models_shared_layers_and_several_inputs() -> None:
    images = np.random.default_rng(0).uniform(size=(32, 8, 8, 1)).astype("float32")
    tower = Sequential(
        [
            layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1), name="conv"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(6, activation="relu", name="shared"),
        ]
    )
    left, right = layers.Input((8, 8, 1)), layers.Input((8, 8, 1))
    merged = layers.Concatenate()([tower(left), tower(right)])
    model = Model([left, right], layers.Dense(2, activation="softmax", name="top")(merged))
    pair = [images, 5 * images]
    found = lsuv(model, pair)
    assert list(found) == ["conv", "shared", "top"]
    assert list(found.values()) == pytest.approx([1, 1, 1], abs=1e-4)
    both = np.concatenate([np.asarray(tower.layers[0](side)) for side in pair])
    bare = Model(tower.input, tower.layers[0].output)
    assert np.concatenate([bare.predict(side) for side in pair]).max() == pytest.approx(both.max())
    assert 0 < both.var() < 1  # what ReLU leaves of variance 1


def test_frozen_layers_keep_their_kernels() -> None:
    model = Sequential([layers.Dense(5, input_shape=(12,)), layers.Dense(5, name="free")])
    frozen = model.layers[0]
    frozen.trainable = False
    before = frozen.kernel.numpy()
    assert list(lsuv(model, X)) == ["free"]
    np.testing.assert_array_equal(before, frozen.kernel.numpy())
    model.trainable = False
    with pytest.raises(InvalidArgument, match="no layer with a trainable kernel"):
        lsuv(model, X)


def test_what_no_factor_can_mend_is_named() -> None:
    model = Sequential([layers.Dense(3, name="first"), layers.Dense(3)])
    with pytest.raises(StateError, match="layer 'first' has variance 0 on x"):
        lsuv(model, np.zeros((10, 4)))
    with pytest.raises(InvalidArgument, match="tolerance must be a finite number above 0, got 0"):
        lsuv(model, X, tolerance=0)
    with pytest.raises(InvalidArgument, match="max_iterations must be an integer of at least 1, got 0"):
        lsuv(model, X, max_iterations=0)
