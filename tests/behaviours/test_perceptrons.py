"""The perceptron rule, beside scikit-learn and a loop in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import Perceptron

import fitwell as fw

FLOWERS, SPECIES = load_iris(return_X_y=True)


def unit(
    activation: str | None = "heaviside", rate: float = 1.0, units: int = 1, **arguments: Any
) -> fw.Sequential:
    model = fw.Sequential([fw.layers.Dense(units, activation=activation, input_shape=(4,), **arguments)])
    model.compile(loss="perceptron", optimizer=fw.optimizers.SGD(rate), metrics=["accuracy"])
    return model


@pytest.mark.parametrize(("activation", "rate"), [("heaviside", 1.0), ("sign", 0.1), (None, 1.0)])
def test_weights_equal_those_of_scikit_learn(activation: str | None, rate: float) -> None:
    order = np.random.default_rng(0).permutation(len(FLOWERS))
    x, y = FLOWERS[order], (SPECIES[order] == 0).astype("float32")
    ours = unit(activation, rate, kernel_initializer="zeros")
    peer = Perceptron(eta0=rate, shuffle=False, tol=None, max_iter=1, warm_start=True)
    for _ in range(4):
        history = ours.fit(x, y, batch_size=1, shuffle=False, verbose=0).history
        peer.fit(x, y)
        kernel, bias = ours.get_weights()
        np.testing.assert_allclose(kernel[:, 0], peer.coef_[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(bias, peer.intercept_, rtol=1e-5)
    assert history["accuracy"] == [1.0]
    assert history["loss"] == [0.0]
    np.testing.assert_array_equal(ours.predict(x).ravel() > 0, peer.predict(x) == 1)


def test_updates_are_eta_times_error_times_input() -> None:
    # Versicolor is not separable from the others, so every epoch makes mistakes of both kinds.
    order = np.random.default_rng(1).permutation(len(FLOWERS))
    x, y = FLOWERS[order], (SPECIES[order] == 1).astype("float64")
    model = unit(rate=0.25)
    kernel, bias = (w.astype("float64") for w in model.get_weights())
    model.fit(x, y, batch_size=1, epochs=3, shuffle=False, verbose=0)
    mistakes = 0
    for _ in range(3):
        for row, label in zip(x, y, strict=True):
            error = label - (1.0 if row @ kernel[:, 0] + bias[0] >= 0 else 0.0)
            kernel[:, 0] += 0.25 * error * row
            bias += 0.25 * error
            mistakes += error != 0
    assert mistakes > 50
    np.testing.assert_allclose(model.get_weights()[0], kernel, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(model.get_weights()[1], bias, rtol=1e-4, atol=1e-4)


def test_a_layer_of_units_gives_each_its_share_of_the_mean() -> None:
    targets = np.eye(3)[SPECIES]
    three = unit(units=3, rate=3.0, kernel_initializer="zeros")
    three.fit(FLOWERS, targets, batch_size=1, shuffle=False, verbose=0)
    for column in range(3):
        one = unit(kernel_initializer="zeros")
        one.fit(FLOWERS, targets[:, column], batch_size=1, shuffle=False, verbose=0)
        np.testing.assert_allclose(
            three.get_weights()[0][:, [column]], one.get_weights()[0], rtol=1e-4, atol=1e-4
        )


def test_no_gradient_reaches_below_a_threshold_layer() -> None:
    model = fw.Sequential(
        [fw.layers.Dense(3, activation="heaviside", input_shape=(4,)), fw.layers.Dense(1, activation="sign")]
    )
    model.compile(loss="perceptron", optimizer=fw.optimizers.SGD(1.0))
    before = model.get_weights()
    model.fit(FLOWERS, SPECIES == 1, verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[2], after[2])
