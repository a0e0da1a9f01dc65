"""Models that are saved in an unusual state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell import layers
from fitwell.errors import InvalidArgument
from fitwell.models import clone_model, load_model

X = np.random.default_rng(0).normal(size=(8, 4)).astype("f")
Y = X[:, :1]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_layer_unfrozen_since_compile_has_fresh_slots_in_the_file(suffix: str, tmp_path: Path) -> None:
    model = fitwell.Sequential([layers.Dense(3, input_shape=(4,)), layers.Dense(1)])
    model.layers[0].trainable = False
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.layers[0].trainable = True
    model.save(tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}")
    slots, kept = loaded.optimizer.slots["momentum"], model.optimizer.slots["momentum"]
    assert sorted(kept) == ["layers.1/bias", "layers.1/kernel"]
    np.testing.assert_array_equal(slots["layers.1/kernel"], kept["layers.1/kernel"])
    np.testing.assert_array_equal(slots["layers.0/kernel"], np.zeros((4, 3)))
