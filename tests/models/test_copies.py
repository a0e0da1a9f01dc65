"""Copies and pickles of a model continue as the model itself would."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fitwell as fw

X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
Y = X[:, :1] - X[:, 1:2]


def make() -> fw.Model:
    inputs = fw.Input((3,))
    hidden = fw.layers.BatchNormalization()(fw.layers.Dense(4, activation="tanh")(inputs))
    model = fw.Model(
        inputs, fw.layers.Dense(1)(fw.layers.Concatenate()([inputs, fw.layers.Dropout(0.2)(hidden)]))
    )
    model.compile(loss="mse", optimizer=fw.optimizers.Adam(0.01), metrics=["mae"])
    return model


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_goes_on_to_the_same_bits_and_leaves_the_original_alone(
    duplicate: Callable[[Any], Any], fitted: bool
) -> None:
    fw.utils.set_random_seed(3)
    model = make()
    if fitted:
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
        model.predict(X)
    twin = duplicate(model)
    before = model.get_weights()
    found = twin.fit(X, Y, batch_size=8, epochs=2, verbose=0).history
    assert all(np.array_equal(mine, was) for mine, was in zip(model.get_weights(), before, strict=True))
    assert found == model.fit(X, Y, batch_size=8, epochs=2, verbose=0).history
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))
