"""Models that are saved in an unusual state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax.numpy as jnp
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
    slots, kept = loaded.optimizer.opt_state["momentum"], model.optimizer.opt_state["momentum"]
    assert sorted(kept) == ["layers.1/bias", "layers.1/kernel"]
    np.testing.assert_array_equal(slots["layers.1/kernel"], kept["layers.1/kernel"])
    np.testing.assert_array_equal(slots["layers.0/kernel"], np.zeros((4, 3)))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_layer_shared_with_an_inner_model_remains_one_layer(suffix: str, tmp_path: Path) -> None:
    shared = layers.Dense(4)
    inside = fitwell.Input((4,))
    inner = fitwell.Model(inside, shared(inside))
    inputs = fitwell.Input((4,))
    model = fitwell.Model(inputs, layers.Dense(1)(inner(shared(inputs))))
    model.save(tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert len(model.variables) == len(loaded.variables) == len(clone_model(model).variables) == 4


class Named(fitwell.Model):
    def __init__(self, names: Any = (None, None), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.names = names
        self.left, self.right = (layers.Dense(1, name=name) for name in names)

    def call(self, inputs: Any) -> Any:
        return self.left(inputs["left"]) + self.right(inputs["right"])


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_subclass_with_inputs_by_name_is_built_again(suffix: str, tmp_path: Path) -> None:
    model, rows = Named(), {"left": X, "right": X[:, :2]}
    answer = model.predict(rows)
    model.save(tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}", custom_objects={"Named": Named})
    np.testing.assert_array_equal(loaded.predict(rows), answer)


def test_two_layers_of_one_name_raise_for_h5(tmp_path: Path) -> None:
    model = Named(("same", "same"))
    model.predict({"left": X, "right": X})
    with pytest.raises(InvalidArgument, match="two layers called 'same'.*save to .keras"):
        model.save_weights(tmp_path / "m.h5")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_sixteen_bit_weights_are_restored_here_and_in_keras(suffix: str, keras: Any, tmp_path: Path) -> None:
    model = fitwell.Sequential([layers.Dense(3, dtype="bfloat16", input_shape=(4,)), layers.Dense(1)])
    model.save(tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}")
    assert loaded.layers[0].kernel.dtype.name == "bfloat16"
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    if suffix == ".keras":
        theirs = keras.models.load_model(tmp_path / "m.keras")
        np.testing.assert_allclose(theirs.predict(X, verbose=0), model.predict(X), atol=0.02)


class Stack(fitwell.Sequential):
    """A user-defined subclass of Sequential."""


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_subclass_of_sequential_with_names_like_paths(suffix: str, tmp_path: Path) -> None:
    model = Stack([layers.Dense(3, input_shape=(4,), name="block/dense"), layers.Dense(1, name="block")])
    model.save(tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}", custom_objects={"Stack": Stack})
    assert type(loaded) is Stack
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_losing_weight_decay_exclusions_warns(tmp_path: Path) -> None:
    optimizer = fitwell.optimizers.AdamW(weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model = fitwell.Sequential([layers.Dense(1, input_shape=(4,))])
    model.compile(optimizer, "mse")
    with pytest.warns(UserWarning, match="exclusions \\(exclude_from_weight_decay\\) were not saved"):
        model.save(tmp_path / "m.keras")


def test_constants_of_jax_in_a_graph(tmp_path: Path) -> None:
    inputs = fitwell.Input((4,))
    model = fitwell.Model(inputs, inputs * jnp.arange(4.0))
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(load_model(tmp_path / "m.keras").predict(X), model.predict(X))
