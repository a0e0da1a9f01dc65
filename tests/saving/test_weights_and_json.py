"""Weights in every format, architectures, user-defined classes, and exact continuation of training."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import fitwell
from fitwell import Sequential, layers, saving
from fitwell.errors import FileError, FitwellError, InvalidArgument, WeightsMismatch
from fitwell.models import load_model

X = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
Y = X[:, :1] * 2


def small(width: int = 3) -> Any:
    return Sequential(
        [
            layers.Dense(width, "relu", input_shape=(4,), name="one"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(1, name="two"),
        ]
    )


@pytest.mark.filterwarnings("ignore:.*skipped")
@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".npz", ".safetensors"])
def test_weights_are_restored_or_raise(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"w{suffix}"
    model, other, wider = small(), small(), small(5)
    model.save_weights(path)
    other.load_weights(path)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    before = wider.get_weights()
    with pytest.raises(WeightsMismatch, match=r"\(4, 3\) in the file, but \(4, 5\) in the model"):
        wider.load_weights(path)
    with pytest.warns(UserWarning, match=r"skipped a .*\(4, 3\)"):
        wider.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(wider.get_weights()[0], before[0])
    np.testing.assert_array_equal(wider.layers[2].bias.numpy(), model.layers[2].bias.numpy())


def test_weights_by_name(tmp_path: Path) -> None:
    model = small()
    model.save_weights(tmp_path / "w.h5")
    other = Sequential([layers.Dense(3, input_shape=(4,), name="one"), layers.Dense(7, name="new")])
    other.load_weights(tmp_path / "w.h5", by_name=True)
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
    strange = Sequential([layers.Dense(3, input_shape=(4,), name="elsewhere")])
    with pytest.warns(UserWarning, match=r"nothing was loaded with by_name=True, .*\(elsewhere\).*\(one, "):
        strange.load_weights(tmp_path / "w.h5", by_name=True)
    model.save_weights(tmp_path / "w.npz")
    with pytest.raises(InvalidArgument, match="by_name"):
        model.load_weights(tmp_path / "w.npz", by_name=True)


@pytest.mark.parametrize(
    "header",
    [
        {"layers.0/kernel": {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 10**12]}},
        {"layers.0/kernel": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 48]}},
        {"layers.0/kernel": {"dtype": "F32", "shape": [-4, -3], "data_offsets": [0, 48]}},
        {"layers.0/kernel": {"dtype": "PICKLE", "shape": [4, 3], "data_offsets": [0, 48]}},
        {"layers.0/kernel": 3},
        [1, 2],
    ],
)
def test_untrusted_safetensors(header: Any, tmp_path: Path) -> None:
    text = json.dumps(header).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(48))
    with pytest.raises(FileError):
        small().load_weights(path)
    path.write_bytes(struct.pack("<Q", 10**15) + text)
    with pytest.raises(FileError, match="header"):
        small().load_weights(path)


def test_npz_with_pickles(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, **{"layers.0/kernel": np.array([print], dtype=object)})
    with pytest.raises(FileError, match="not a valid array of weights"):
        small().load_weights(path)


def test_architecture_as_json(keras: Any) -> None:
    model = small()
    for text, read in (
        (model.to_json(), fitwell.models.model_from_json),
        (model.to_json(indent=2), keras.models.model_from_json),
        (keras.models.model_from_json(model.to_json()).to_json(), fitwell.models.model_from_json),
    ):
        assert [w.shape for w in read(text).get_weights()] == [w.shape for w in model.get_weights()]


@saving.register(package="tests")
class Scaled(layers.Layer):
    def __init__(self, factor: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor


@saving.register()
class Wide(fitwell.Model):
    def __init__(self, units: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.hidden = [layers.Dense(units, "relu") for _ in range(2)]
        self.out = layers.Dense(1)

    def call(self, inputs: Any) -> Any:
        for layer in self.hidden:
            inputs = layer(inputs)
        return self.out(inputs)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_registered_classes_need_no_custom_objects(suffix: str, tmp_path: Path) -> None:
    model = Sequential([Scaled(3.0, input_shape=(4,)), layers.Dense(1)])
    model.save(tmp_path / f"m{suffix}")
    np.testing.assert_array_equal(load_model(tmp_path / f"m{suffix}").predict(X), model.predict(X))


def test_a_subclassed_model_is_restored(tmp_path: Path) -> None:
    model = Wide(4)
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    loaded.fit(X, Y, verbose=0)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_training_continues_exactly(suffix: str, tmp_path: Path) -> None:
    """Shuffled, with noise, a schedule and averaged weights: equal to the last bit."""
    rate = fitwell.optimizers.schedules.ExponentialDecay(0.01, 5, 0.9)
    model = Sequential([layers.Dense(8, "relu", input_shape=(4,)), layers.Dropout(0.3), layers.Dense(1)])
    model.compile(fitwell.optimizers.Nadam(rate, clipnorm=1.0), "mse", metrics=["mae"])
    model.fit(X, Y, batch_size=6, epochs=2, verbose=0)
    model.save(tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}")
    histories = [each.fit(X, Y, batch_size=6, epochs=2, verbose=0).history for each in (model, loaded)]
    assert histories[0] == histories[1]
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_with_another_reference_output_raises(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    small().save(path)
    with h5py.File(path, "a") as file:
        file["model_weights/two/two/kernel"][...] *= 1.1
    with pytest.raises(FileError, match="does not reproduce the reference output"):
        load_model(path)


def test_code_is_never_run(tmp_path: Path) -> None:
    small().save(tmp_path / "m.keras")
    with pytest.raises(FitwellError, match="never runs code"):
        load_model(tmp_path / "m.keras", safe_mode=False)
