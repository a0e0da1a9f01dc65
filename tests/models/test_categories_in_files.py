"""A file keeps the categories that class numbers stand for, so that a loaded model is scored by its own."""

import json
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
import pytest

import fitwell as fw
from fitwell.errors import DataError, FileError
from fitwell.saving import load_model

pytestmark = pytest.mark.filterwarnings("ignore:the learning rate is 0")

CLASSES = np.random.default_rng(1).integers(0, 3, 40)
ONE_HOT = np.eye(3, dtype="float32")[CLASSES]


def labels(names: Any, order: Any = None) -> pd.Series:
    return pd.Series(pd.Categorical.from_codes(CLASSES, names)).cat.reorder_categories(order or names)


def trained(y: Any, *, several: bool = False) -> Any:
    """A model that says the class of its one-hot input, and does not learn."""
    inputs = fw.layers.Input((3,))
    units = {"activation": "softmax", "kernel_initializer": "identity"}
    first, second = (fw.layers.Dense(3, name=name, **units)(inputs) for name in ("a", "b"))
    model = fw.Model(inputs, [first, second] if several else first)
    model.compile(fw.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    model.fit(ONE_HOT, [y, y] if several else y, verbose=0)
    return model


def built(_: Any) -> Any:
    model = fw.Sequential([fw.layers.Input((3,)), fw.layers.Dense(3, activation="softmax")])
    model.compile(fw.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    return model


@pytest.fixture(params=["model.keras", "model.h5"])
def path(request: Any, tmp_path: Path) -> Path:
    return Path(tmp_path / request.param)


@pytest.mark.parametrize(
    "names",
    [
        ["cat", "dög", "fox \U0001f98a"],
        [10, 20, 40],
        [0.5, 1.5, -2.5],
        list(pd.interval_range(0, 3)),
        list(pd.date_range("2020-01-01", periods=3)),
        list(pd.date_range("2020-01-01", periods=3, tz="UTC")),
    ],
)
def test_labels_in_another_order_are_the_same_labels(path: Path, names: list[Any]) -> None:
    model = trained(labels(names))
    model.save(path)
    loaded = load_model(path)
    wanted = model.evaluate(ONE_HOT, CLASSES, verbose=0)
    turned = labels(names, [names[2], names[0], names[1]])
    assert loaded.evaluate(ONE_HOT, turned, verbose=0) == wanted
    assert loaded.evaluate(ONE_HOT[:2], turned[:2].cat.remove_unused_categories(), verbose=0) < 1.0
    assert loaded.fit(ONE_HOT, turned, verbose=0).history["loss"] == pytest.approx([wanted])


def test_labels_that_it_was_not_trained_on_are_refused(path: Path) -> None:
    trained(labels(["cat", "dog", "fox"])).save(path)
    with pytest.raises(DataError, match="'bee' in row .* is not among .*'cat', 'dog', 'fox'"):
        load_model(path).evaluate(ONE_HOT, labels(["ant", "bee", "cow"]), verbose=0)


def test_each_output_has_its_own(path: Path) -> None:
    names = ["cat", "dog", "fox"]
    trained(labels(names), several=True).save(path)
    turned = labels(names, ["fox", "cat", "dog"])
    assert load_model(path).evaluate(ONE_HOT, [turned, labels(names)], verbose=0)[0] < 1.2


def test_keras_reads_such_a_file(path: Path) -> None:
    model = trained(labels(["cat", "dog", "fox"]))
    model.save(path)
    answer = keras.models.load_model(path).predict(ONE_HOT, verbose=0)
    np.testing.assert_allclose(answer, model.predict(ONE_HOT, verbose=0), rtol=1e-6)


def test_a_population_keeps_them_too(tmp_path: Path) -> None:
    names = ["cat", "dog", "fox"]
    members = fw.Population(built, [{}], seeds=[0, 1])
    members.fit(ONE_HOT, labels(names), verbose=0)
    members.save(tmp_path / "members.zip")
    loaded = fw.Population.load(tmp_path / "members.zip", built)
    for one, other in zip(members.members, loaded.members, strict=True):
        turned = labels(names, ["fox", "cat", "dog"])
        assert other.model.evaluate(ONE_HOT, turned, verbose=0) == one.model.evaluate(
            ONE_HOT, CLASSES, verbose=0
        )


@pytest.mark.parametrize(
    "written", [[], {"-1": ["a"]}, {"0": "abc"}, {"0": [["a"]]}, {"0": [None]}, {"0": ["a", "a"]}, {"²": [1]}]
)
def test_a_damaged_table_of_categories_is_refused(tmp_path: Path, written: Any) -> None:
    path = tmp_path / "model.h5"
    trained(labels(["cat", "dog", "fox"])).save(path)
    with h5py.File(path, "a") as file:
        del file["fitwell/categories"]
        file["fitwell/categories"] = np.frombuffer(json.dumps(written).encode(), np.uint8)
    with pytest.raises(FileError, match="categories|output"):
        load_model(path)
