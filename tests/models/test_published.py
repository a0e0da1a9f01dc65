"""Accuracies that the literature reports for single runs, reached here as means over seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fitwell as fw

pytestmark = [pytest.mark.slow, pytest.mark.optimised]


def images(load: Callable[[str], Any], name: str) -> tuple[Any, ...]:
    (x, y), _ = load(name)
    x = x.reshape(len(x), -1).astype(np.float32) / 255
    return x[5000:], y[5000:], x[:5000], y[:5000]


def test_mnist_three_layers_with_batch_norm_reach_97_5_percent(load_dataset: Any) -> None:
    x, y, x_valid, y_valid = images(load_dataset, "mnist")
    reached = []
    for seed in range(5):
        fw.utils.set_random_seed(seed)
        model = fw.Sequential([fw.layers.Input((784,))])
        for _ in range(3):
            model.add(fw.layers.Dense(64, activation="relu"))
            model.add(fw.layers.BatchNormalization())
        model.add(fw.layers.Dropout(0.2))
        model.add(fw.layers.Dense(10, activation="softmax"))
        model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
        history = model.fit(
            x, y, batch_size=128, epochs=15, validation_data=(x_valid, y_valid), verbose=0
        ).history
        reached.append(max(history["val_accuracy"]))
    # Published: 97.87 %, the best epoch of one run.
    assert np.mean(reached) >= 0.975, reached


def test_fashion_mnist_reaches_89_percent_in_30_epochs(load_dataset: Any) -> None:
    x, y, x_valid, y_valid = images(load_dataset, "fashion_mnist")
    fw.utils.set_random_seed(42)
    model = fw.Sequential(
        [
            fw.layers.Dense(300, activation="relu", input_shape=(784,)),
            fw.layers.Dense(100, activation="relu"),
            fw.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
    history = model.fit(x, y, epochs=30, validation_data=(x_valid, y_valid), verbose=0).history
    # Published: 89.26 % after the last epoch; single epochs scatter by half a point.
    assert np.mean(history["val_accuracy"][-3:]) >= 0.885, history["val_accuracy"]
    assert max(history["val_accuracy"]) >= 0.89


@pytest.mark.filterwarnings("ignore:the Boston housing data")
def test_boston_comes_below_26_in_32_epochs(load_dataset: Any) -> None:
    (x, y), (x_valid, y_valid) = load_dataset("boston_housing")
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    x, x_valid = (x - mean) / deviation, (x_valid - mean) / deviation
    lowest = []
    for seed in range(5):
        fw.utils.set_random_seed(seed)
        model = fw.Sequential(
            [
                fw.layers.Dense(32, activation="relu", input_shape=(13,)),
                fw.layers.BatchNormalization(),
                fw.layers.Dense(16, activation="relu"),
                fw.layers.BatchNormalization(),
                fw.layers.Dropout(0.2),
                fw.layers.Dense(1),
            ]
        )
        model.compile(loss="mse", optimizer="adam")
        history = model.fit(
            x, y, batch_size=8, epochs=32, validation_data=(x_valid, y_valid), verbose=0
        ).history
        lowest.append(min(history["val_loss"]))
    # Published: 25.7, the lowest epoch of one run.
    assert np.mean(lowest) < 26, lowest
