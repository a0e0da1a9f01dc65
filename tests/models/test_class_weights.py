"""Weights of classes: which rows they count, and where."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell import layers

# Small cases on purpose: a learning rate of 0, constant weights or targets.
pytestmark = pytest.mark.filterwarnings("ignore::fitwell.errors.MistakeWarning")

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = (X.sum(axis=1) > 0).astype(np.float32)


def build(loss: str, **options: Any) -> Any:
    model = fitwell.Sequential([layers.Dense(1, input_shape=(3,), **options)])
    model.compile(loss=loss, optimizer=fitwell.optimizers.SGD(0.0))
    return model


def test_rows_split_off_for_validation_are_not_weighted_by_class() -> None:
    model = build("binary_crossentropy", activation="sigmoid")
    logs = model.fit(X, Y, class_weight={1: 50.0}, validation_split=0.25, verbose=0).history
    np.testing.assert_allclose(logs["val_loss"], [model.evaluate(X[30:], Y[30:], verbose=0)], rtol=1e-5)
    assert logs["loss"][0] > 5 * model.evaluate(X[:30], Y[:30], verbose=0)


def test_rows_of_a_fold_are_not_weighted_by_class_where_they_validate() -> None:
    def member(hp: Any) -> Any:
        return build("mse")

    def val_loss(**weights: Any) -> Any:
        members = fitwell.Population(member, members=[{}], seeds=[0])
        members.fit(X, Y, folds=2, epochs=1, verbose=0, shuffle=False, **weights)
        return members.results["val_loss"].to_numpy()

    np.testing.assert_allclose(val_loss(class_weight={1: 50.0}), val_loss(), rtol=1e-6)


@pytest.mark.parametrize("as_column", [False, True])
def test_labels_are_looked_up_by_number_so_that_minus_one_is_a_class_of_its_own(as_column: bool) -> None:
    model = build("hinge")
    signs = 2 * Y - 1
    loss = np.maximum(0, 1 - signs * model.predict(X)[:, 0])
    logs = model.fit(X, signs[:, None] if as_column else signs, class_weight={1: 5.0}, verbose=0).history
    np.testing.assert_allclose(logs["loss"], [np.mean(loss * np.where(signs == 1, 5, 1))], rtol=1e-5)
