"""Members of one population, and trials of one search, may use the same rows in different formats."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import fitwell as fw

IMAGES = np.random.default_rng(0).normal(size=(24, 4, 4)).astype("float32")
LIGHT = (IMAGES.mean(axis=(1, 2)) > 0).astype("float32")


def of_images(setting: Any) -> Any:
    entrance = (
        [fw.layers.Input((4, 4, 1)), fw.layers.Conv2D(1, 2)]
        if setting["convolves"]
        else [fw.layers.Input((4, 4))]
    )
    model = fw.Sequential([*entrance, fw.layers.Flatten(), fw.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    return model


@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_images_with_and_without_a_channel(order: tuple[bool, bool]) -> None:
    members = fw.Population(of_images, [{"convolves": convolves} for convolves in order])
    members.fit(IMAGES, LIGHT, epochs=2, verbose=0, validation_data=(IMAGES, LIGHT))
    predictions = members.predict(IMAGES)
    for member, predicted in zip(members.members, predictions, strict=True):
        loss = member.model.evaluate(IMAGES, LIGHT, verbose=0)
        assert member.history.history["val_loss"][-1] == pytest.approx(loss, rel=1e-4)
        alone = member.model.predict(IMAGES, verbose=0)
        np.testing.assert_allclose(predicted, alone, rtol=1e-5)


CLASSES = np.arange(30) % 3
ANIMALS = np.array(["cat", "dog", "fox"])


def animals(rows: Any = slice(None)) -> pd.Series:
    return pd.Series(ANIMALS[CLASSES[rows]], dtype="category")


def fixed(hp: Any) -> Any:
    """A model that predicts the class for any hyperparameter: a step function of one number."""
    hp.Float("unused", 0.0, 1.0)
    model = fw.Sequential([fw.layers.Input((1,)), fw.layers.Dense(3, activation="softmax")])
    model.set_weights([np.array([[-20.0, 0.0, 20.0]]), np.array([-10.0, 0.0, -10.0])])
    model.compile(fw.optimizers.SGD(0.0), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_a_search_takes_rows_of_one_number_and_categories(tmp_path: Any) -> None:
    x, few = CLASSES - 1.0, CLASSES != 0
    settings: dict[str, Any] = {"objective": "val_accuracy", "epochs": 1, "trials": 2, "verbose": 0}
    asked: list[dict[str, Any]] = [
        {"storage": tmp_path / "own.db"},
        {"storage": tmp_path / "given.db", "validation_data": (x[few], animals(few))},
    ]
    for extra in asked:
        for _ in range(2):  # the second continues the same study
            found = fw.search(fixed, data=(pd.Series(x), animals()), **settings, **extra)
            assert found.best_value == 1.0


def of_numbers(hp: Any) -> Any:
    model = fw.Sequential([fw.layers.Input((2,)), fw.layers.Dense(1)])
    model.compile(fw.optimizers.SGD(hp.Float("rate", 0.01, 0.1)), "mse")
    return model


def test_a_search_takes_lists_and_frames_as_arrays() -> None:
    x = np.random.default_rng(0).normal(size=(20, 2))
    y = x.sum(axis=1)
    found = [
        fw.search(of_numbers, data=data, trials=1, epochs=1, verbose=0, storage=":memory:").best_value
        for data in ((x, y), (x.tolist(), y.tolist()), (pd.DataFrame(x).convert_dtypes(), pd.Series(y)))
    ]
    assert found[0] == found[1] == found[2]
