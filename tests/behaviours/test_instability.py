"""Networks that do not train, and the remedies that the literature gives for them, as means over seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_circles, make_regression
from sklearn.preprocessing import minmax_scale

import fitwell as fw
from fitwell import Sequential, layers
from fitwell.errors import NonFiniteWarning


def circles_accuracy(activation: str, initializer: Any, depth: int, seed: int) -> float:
    """Return the accuracy on unseen points of two noisy circles after 500 epochs."""
    x, y = make_circles(n_samples=1000, noise=0.1, random_state=1)
    x = minmax_scale(x, (-1, 1))
    fw.utils.set_random_seed(seed)
    model = Sequential([layers.Input((2,))])
    for _ in range(depth):
        model.add(layers.Dense(5, activation=activation, kernel_initializer=initializer))
    model.add(layers.Dense(1, activation="sigmoid"))
    sgd = fw.optimizers.SGD(0.01, momentum=0.9)
    model.compile(loss="binary_crossentropy", optimizer=sgd, metrics=["accuracy"])
    model.fit(x[:500], y[:500], epochs=500, verbose=0)
    return model.evaluate(x[500:], y[500:], verbose=0)[1]


@pytest.mark.slow
@pytest.mark.optimised
def test_uniform_weights_and_tanh_fail_on_two_circles_in_depth_and_he_with_relu_does_not() -> None:
    uniform = fw.initializers.RandomUniform(0.0, 1.0)
    shallow = [circles_accuracy("tanh", uniform, 1, seed) for seed in range(3)]
    deep = [circles_accuracy("tanh", uniform, 5, seed) for seed in range(3)]
    remedied = [circles_accuracy("relu", "he_uniform", 5, seed) for seed in range(3)]
    assert np.mean(shallow) > 0.75, shallow
    assert np.mean(deep) < 0.6, deep
    assert np.mean(remedied) > 0.8, remedied


def regression_errors(seed: int, **clipping: float) -> list[float]:
    """Return the mean squared errors by epoch on targets that nobody scaled (their deviation is about 200)."""
    x, y = make_regression(n_samples=1000, n_features=20, noise=0.1, random_state=1)
    fw.utils.set_random_seed(seed)
    model = Sequential(
        [
            layers.Dense(25, activation="relu", kernel_initializer="he_uniform", input_shape=(20,)),
            layers.Dense(1),
        ]
    )
    model.compile(loss="mse", optimizer=fw.optimizers.SGD(0.01, momentum=0.9, **clipping))
    return model.fit(x[:500], y[:500], epochs=100, verbose=0).history.get("loss", [])


def test_norm_clipping_rescues_a_regression_on_unscaled_targets() -> None:
    last = []
    for seed in range(5):
        with pytest.warns(NonFiniteWarning):
            regression_errors(seed)
        errors = regression_errors(seed, clipnorm=1.0)
        assert len(errors) == 100
        last.append(errors[-1] / errors[0])
    assert np.mean(last) < 0.02, last


@pytest.mark.slow
@pytest.mark.optimised
def test_batch_norm_trains_twenty_sigmoid_layers_that_stall_without_it() -> None:
    x, y = load_digits(return_X_y=True)
    x = x / 16
    accuracies: dict[bool, list[float]] = {False: [], True: []}
    for normed in accuracies:
        for seed in range(3):
            fw.utils.set_random_seed(seed)
            model = Sequential([layers.Input((64,))])
            for _ in range(20):
                model.add(layers.Dense(32, use_bias=not normed))
                if normed:
                    model.add(layers.BatchNormalization())
                model.add(layers.Activation("sigmoid"))
            model.add(layers.Dense(10, activation="softmax"))
            model.compile(
                loss="sparse_categorical_crossentropy",
                optimizer=fw.optimizers.Adam(0.01),
                metrics=["accuracy"],
            )
            history = model.fit(x, y, batch_size=64, epochs=15, verbose=0).history
            accuracies[normed].append(history["accuracy"][-1])
    assert np.mean(accuracies[False]) < 0.2, accuracies
    assert np.mean(accuracies[True]) > 0.8, accuracies
