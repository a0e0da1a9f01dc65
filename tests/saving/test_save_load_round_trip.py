"""A loaded model equals the saved one; foreign and malicious files raise errors."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import fitwell
from fitwell import Input, Model, Sequential, layers
from fitwell.errors import FileError, FitwellError, InvalidArgument, ShapeError, StateError, WeightsMismatch
from fitwell.saving import load_model

X = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
Y = X[:, :1] * 2


class Doubling(layers.Layer):
    def __init__(self, times: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.times = times

    def build(self, input_shape: Any) -> None:
        self.factor = self.add_weight(name="factor", shape=(input_shape[-1],), initializer="ones")
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor * self.times


class Subclassed(Model):
    def __init__(self, units: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.hidden = [layers.Dense(units, "relu") for _ in range(2)]
        self.out = layers.Dense(1)

    def call(self, inputs: Any) -> Any:
        for layer in self.hidden:
            inputs = layer(inputs)
        return self.out(inputs)


def stack() -> Any:
    return Sequential(
        [
            layers.Flatten(input_shape=(4,)),
            layers.Dense(
                5, "relu", kernel_initializer="he_normal", kernel_regularizer=fitwell.regularizers.l2(0.01)
            ),
            layers.BatchNormalization(momentum=0.9),
            layers.Dropout(0.25),
            layers.Dense(1),
        ],
        name="saved",
    )


def graph() -> Any:
    wide, deep = Input((4,), name="wide"), Input((4,), name="deep")
    shared = layers.Dense(3, "tanh")
    joined = layers.concatenate([wide, shared(deep) + shared(wide) * 2.0])
    return Model(
        inputs=[wide, deep], outputs=[layers.Dense(1, name="a")(joined), layers.Dense(1, name="b")(joined)]
    )


@pytest.mark.parametrize("form", ["stack", "graph", "nested"])
def test_architecture_weights_and_compilation_are_restored(form: str, tmp_path: Path) -> None:
    if form == "graph":
        model, x, y = graph(), [X, X * 2], [Y, -Y]
        model.compile(loss=["mse", "mae"], loss_weights=[0.7, 0.3], optimizer="adam", metrics=[["mae"], []])
    else:
        model = stack() if form == "stack" else Sequential([stack(), layers.Dense(1)])
        x, y = X, Y
        model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(0.05, momentum=0.8), metrics=["mae"])
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras")
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(
        np.concatenate([np.ravel(p) for p in [model.predict(x)]], axis=None),
        np.concatenate([np.ravel(p) for p in [loaded.predict(x)]], axis=None),
    )
    assert loaded.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-6)
    assert loaded.name == model.name
    assert type(loaded.optimizer) is type(model.optimizer)
    assert loaded.optimizer.learning_rate == pytest.approx(model.optimizer.learning_rate)
    loaded.fit(x, y, verbose=0)


def test_a_subclass_is_built_by_its_class_and_takes_weights(tmp_path: Path) -> None:
    model, other = Subclassed(4), Subclassed(4)
    expected = model.predict(X)
    other(X[:1])
    model.save_weights(tmp_path / "w.weights.h5")
    other.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(other.predict(X), expected)


def test_a_user_defined_layer_is_restored_by_its_class(tmp_path: Path) -> None:
    model = Sequential([Doubling(3, input_shape=(4,)), layers.Dense(1)])
    model.save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras", custom_objects={"Doubling": Doubling})
    assert loaded.layers[0].times == 3
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    with pytest.raises(FitwellError, match="Doubling"):
        load_model(tmp_path / "m.keras")


def test_weights_fit_only_their_architecture(tmp_path: Path) -> None:
    one = Sequential([layers.Dense(3, input_shape=(4,)), layers.Dense(1)])
    one.save_weights(tmp_path / "w.weights.h5")
    wider = Sequential([layers.Dense(5, input_shape=(4,)), layers.Dense(1)])
    before = wider.get_weights()
    with pytest.raises(ShapeError, match=r"\(4, 3\) in the file, but \(4, 5\) in the model"):
        wider.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(before[0], wider.get_weights()[0])
    deeper = Sequential([layers.Dense(3, input_shape=(4,)), layers.Dense(1), layers.Dense(1)])
    with pytest.raises(WeightsMismatch, match="a different architecture"):
        deeper.load_weights(tmp_path / "w.weights.h5")


def test_messages_for_objects_that_cannot_be_saved_or_loaded(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no weights yet"):
        Sequential([layers.Dense(1)]).save(tmp_path / "m.keras")
    with pytest.raises(FileError, match="the folder .* does not exist"):
        stack().save(tmp_path / "missing" / "m.keras")
    with pytest.raises(FileError, match="the file .* does not exist"):
        load_model(tmp_path / "absent.keras")
    with pytest.raises(InvalidArgument, match=r"\.keras"):
        stack().save(tmp_path / "m.pickle")
    stack().save(tmp_path / "m.keras")
    with pytest.raises(FileError, match="already exists"):
        stack().save(tmp_path / "m.keras", overwrite=False)
    (tmp_path / "text.keras").write_text("hello")
    with pytest.raises(FileError, match="not a readable .keras archive"):
        load_model(tmp_path / "text.keras")


def test_a_failed_save_keeps_the_old_file_and_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fitwell import _file_io

    path = tmp_path / "m.keras"
    model = stack()
    model.save(path)
    before = path.read_bytes()

    def fails(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_file_io.os, "fsync", fails)
    with pytest.raises(FileError, match="No space left"):
        model.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def rewrite(path: Path, name: str, change: Any) -> None:
    """Change one member of an archive."""
    with zipfile.ZipFile(path) as archive:
        members = {item: archive.read(item) for item in archive.namelist()}
    members[name] = change(members[name])
    with zipfile.ZipFile(path, "w") as archive:
        for item, data in members.items():
            archive.writestr(item, data)


def test_a_lambda_in_a_file_raises(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    Sequential([layers.Lambda(lambda x: x * 2, input_shape=(4,)), layers.Dense(1)]).save(path)
    with pytest.raises(FileError, match=r"contains Python code.*load_weights"):
        load_model(path)


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "subprocess.Popen", "__import__"])
def test_no_name_out_of_a_file_is_imported(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    stack().save(path)

    def change(data: bytes) -> bytes:
        config = json.loads(data)
        config["config"]["layers"][1] = {"class_name": name, "config": {}, "module": "os"}
        return json.dumps(config).encode()

    rewrite(path, "config.json", change)
    with pytest.raises(FitwellError, match="unknown class"):
        load_model(path)


def test_links_out_of_the_weights_file_raise(tmp_path: Path) -> None:
    model = Sequential([layers.Dense(1, input_shape=(4,))])
    path = tmp_path / "w.weights.h5"
    model.save_weights(path)
    with h5py.File(tmp_path / "secret.h5", "w") as other:
        other["data"] = np.ones((4, 1), np.float32)
    kernel = "layers/dense/vars/0"
    for link in (h5py.ExternalLink("secret.h5", "/data"), h5py.SoftLink("/elsewhere")):
        with h5py.File(path, "a") as file:
            del file[kernel]
            file[kernel] = link
        with pytest.raises(FileError, match="soft or external link"):
            model.load_weights(path)


def test_a_member_larger_than_its_architecture_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    Sequential([layers.Dense(1, input_shape=(4,))]).save(path)
    rewrite(path, "model.weights.h5", lambda data: data + b"\0" * 2**23)
    with pytest.raises(FileError, match="exceeds the limit of"):
        load_model(path)
