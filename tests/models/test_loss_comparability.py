"""A warning when models are ranked by a loss that contains different penalties."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import fitwell as fw
from fitwell import layers, regularizers, tuner

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = X.sum(axis=1)


def build(setting: dict[str, Any]) -> fw.Model:
    model = fw.Sequential(
        [layers.Dense(1, input_shape=(3,), kernel_regularizer=regularizers.l2(setting["l2"]))]
    )
    model.compile(loss="mse", optimizer=fw.optimizers.SGD(setting.get("rate", 0.01)), metrics=["mse"])
    return model


def rank(settings: list[dict[str, Any]], metric: str | None) -> None:
    population = fw.Population(build, settings).fit(X, Y, validation_split=0.5, verbose=0)
    population.best(metric)


def search(objective: str, space: dict[str, Any]) -> None:
    tuner.search(build, space, (X, Y), trials=4, epochs=1, objective=objective, storage=":memory:", verbose=0)


def compare(metric: str, l2: float) -> None:
    candidates = {"plain": lambda: build({"l2": 0.0}), "penalised": lambda: build({"l2": l2})}
    fw.compare(candidates, (X, Y), repeats=10, epochs=1, metric=metric, verbose=0)


def test_a_loss_with_different_penalties_is_not_compared_in_silence() -> None:
    with pytest.warns(
        UserWarning, match="ranks by val_loss, which includes regularization penalties .* 'val_mse'"
    ):
        rank([{"l2": 0.1}, {"l2": 0.2}], None)
    with pytest.warns(UserWarning, match="search ranks by val_loss") as said:
        search("val_loss", {"l2": tuner.Float(0.01, 0.1)})
    assert len([one for one in said if "penalties" in str(one.message)]) == 1
    with pytest.warns(UserWarning, match="compare ranks by loss"):
        compare("loss", 0.1)


def test_nothing_is_said_where_there_is_nothing_to_say() -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*penalties")
        rank([{"l2": 0.1}, {"l2": 0.2}], "val_mse")
        rank([{"l2": 0.1, "rate": 0.01}, {"l2": 0.1, "rate": 0.02}], None)
        search("val_mse", {"l2": tuner.Float(0.01, 0.1)})
        search("val_loss", {"l2": tuner.Fixed(0.1), "rate": tuner.Float(0.01, 0.1)})
        compare("mse", 0.1)
