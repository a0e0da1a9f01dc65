"""Layers and weights with any names are saved and loaded in every format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell import layers
from fitwell.errors import FitwellError, InvalidArgument
from fitwell.models import load_model
from fitwell.saving.name_encoding import encode_name

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
# In HDF5 files and archives some of these are paths, ends of strings, or reserved names.
NAMES = [
    ".", "..", "/", "/abs", "", "a\0b", "a//b", "a/", "./a", "../../x", "a:b", "c\\d", "\ud800", "é", "x" * 300,
    "top_level_model_weights", "model_weights", "__metadata__", "layers", "file", "allow_pickle", "%2E",
]  # fmt: skip


@fitwell.saving.register_keras_serializable()
class Scale(layers.Layer):
    """A layer whose weight has a user-defined name."""

    def __init__(self, weight: str, **options: Any) -> None:
        super().__init__(**options)
        self.weight = weight

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(name=self.weight, shape=(shape[-1],), initializer="random_normal")

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale.value


def model_called(name: str) -> Any:
    model = fitwell.Sequential(
        [layers.Input((4,)), layers.Dense(3, name=name), Scale(name, name="scale")], name=name
    )
    model.compile("adam", "mse")
    model.fit(X, np.ones((3, 3)), verbose=0)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_models_and_weights_come_back(name: str, tmp_path: Path) -> None:
    model = model_called(name)
    expected = model.predict(X)
    for suffix in (".keras", ".h5"):
        path = tmp_path / f"model{suffix}"
        model.save(path)
        loaded = load_model(path)
        np.testing.assert_array_equal(loaded.predict(X), expected)
        assert [layer.name for layer in loaded.layers] == [name, "scale"]
        assert int(loaded.optimizer.iterations.value) == 1
    for suffix in (".weights.h5", ".w.h5", ".npz", ".safetensors"):
        path = tmp_path / f"model{suffix}"
        model.save_weights(path)
        other = model_called(name)
        assert not np.array_equal(other.predict(X), expected)
        other.load_weights(path)
        np.testing.assert_array_equal(other.predict(X), expected)
        if suffix == ".w.h5":
            other = model_called(name)
            other.load_weights(path, by_name=True)
            np.testing.assert_array_equal(other.predict(X), expected)


def test_usual_names_are_not_encoded(keras: Any, tmp_path: Path) -> None:
    """Keras finds all names: only names that no file could hold are encoded."""
    for name in ("dense", "block/dense", "a b", "..x", "100%", "größe"):
        assert encode_name(name) == name
    taken = [encode_name(name) for name in (".", "", "/abs", "a\0b", "top_level_model_weights")]
    assert taken == ["%2E", "%", "%2Fabs", "a%00b", "%top_level_model_weights"]
    model = fitwell.Sequential([layers.Input((4,)), layers.Dense(3, name="."), layers.Dense(1, name="/abs")])
    model.save_weights(tmp_path / "m.w.h5")
    same = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(1)])
    same.load_weights(tmp_path / "m.w.h5")
    np.testing.assert_allclose(same.predict(X, verbose=0), model.predict(X), rtol=1e-6)


@pytest.mark.parametrize("suffix", [".weights.h5", ".w.h5", ".npz", ".safetensors", ".keras", ".h5"])
def test_a_name_that_no_format_can_hold_raises_a_short_error(suffix: str, tmp_path: Path) -> None:
    name = "x" * 70_000
    model = fitwell.Sequential([layers.Input((4,)), Scale(name, name=name)])
    path = tmp_path / f"m{suffix}"
    try:
        model.save(path) if suffix in (".keras", ".h5") else model.save_weights(path)
    except FitwellError as error:
        assert len(str(error)) < 1000
        assert not path.exists()
    else:
        load_model(path) if suffix in (".keras", ".h5") else model.load_weights(path)


def test_models_that_could_not_be_loaded_are_not_saved(tmp_path: Path) -> None:
    long = fitwell.Sequential([layers.Input((4,)), layers.Dense(1, name="x" * 5_000_000)])
    with pytest.raises(InvalidArgument, match=r"has 5,0.* bytes, but only 4,194,304 bytes can be read back"):
        long.save(tmp_path / "long.keras")
    model = fitwell.Sequential([layers.Input((4,)), layers.Dense(1)])
    for _ in range(40):
        model = fitwell.Sequential([layers.Input((4,)), model])
    for save in (lambda: model.save(tmp_path / "deep.keras"), model.to_json):
        with pytest.raises(InvalidArgument, match="is nested more than 100 levels deep"):
            save()
    assert not list(tmp_path.iterdir())
