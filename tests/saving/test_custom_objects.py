"""User-defined classes and functions: with names that fitwell uses too, in copies, and after loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import fitwell
from fitwell import Sequential, layers, losses, saving
from fitwell.errors import FileError
from fitwell.models import clone_model, load_model

X = np.random.default_rng(0).normal(size=(8, 4)).astype("f")
Y = X[:, :1]


def layer_called(name: str, library: Any) -> Any:
    """Return a layer class as in Keras's guides."""

    class Own(library.layers.Layer):  # type: ignore[name-defined,misc]
        def __init__(self, units: int = 3, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(shape=(input_shape[-1], self.units), name="w")

        def call(self, inputs: Any) -> Any:
            return inputs @ self.w

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units}

    Own.__name__ = name
    return Own


def tripled(y_true: Any, y_pred: Any) -> Any:
    return 3 * jnp.mean(jnp.square(y_true - y_pred), axis=-1)


def halved(inputs: Any) -> Any:
    return inputs / 2


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_user_defined_loss_can_be_trained_after_loading(suffix: str, tmp_path: Path) -> None:
    model = Sequential([layers.Dense(1, input_shape=(4,))])
    model.compile("sgd", tripled, metrics=["AUC", tripled])
    model.save(tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}", custom_objects={"tripled": tripled})
    assert loaded.evaluate(X, Y > 0, return_dict=True, verbose=0) == model.evaluate(
        X, Y > 0, return_dict=True, verbose=0
    )


def test_a_missing_user_defined_loss_raises(tmp_path: Path) -> None:
    model = Sequential([layers.Dense(1, input_shape=(4,))])
    model.compile("sgd", tripled)
    model.save(tmp_path / "m.keras")
    with pytest.raises(FileError, match=r"unknown loss 'tripled'.*custom_objects=.*compile=False"):
        load_model(tmp_path / "m.keras")
    assert not load_model(tmp_path / "m.keras", compile=False).compiled


@pytest.mark.parametrize("name", ["Projection", "Dense"])
def test_a_keras_file_with_a_user_defined_layer(name: str, keras: Any, tmp_path: Path) -> None:
    theirs = keras.Sequential([keras.Input((4,)), layer_called(name, keras)(5), keras.layers.Dense(2)])
    theirs.save(tmp_path / "m.keras")
    ours = load_model(tmp_path / "m.keras", custom_objects={name: layer_called(name, fitwell)})
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X, verbose=0), atol=1e-6)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_registered_objects_do_not_replace_built_in_ones(suffix: str, tmp_path: Path) -> None:
    own = saving.register("projections")(layer_called("Dense", fitwell))
    model = Sequential([layers.Dense(5, "relu", input_shape=(4,)), own(2)])
    model.save(tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert [type(layer) for layer in loaded.layers] == [layers.Dense, own]
    saving.register("losses")(_named("mse"))
    assert isinstance(losses.get("mse"), losses.MeanSquaredError)


def _named(name: str) -> Any:
    def function(y_true: Any, y_pred: Any) -> Any:
        return 100 * tripled(y_true, y_pred)

    function.__name__ = name
    return function


def test_copies_need_no_custom_objects() -> None:
    model = Sequential(
        [layer_called("Projection", fitwell)(3, input_shape=(4,)), layers.Dense(2, activation=halved)]
    )
    copy = clone_model(model)
    assert [w.shape for w in copy.get_weights()] == [w.shape for w in model.get_weights()]
