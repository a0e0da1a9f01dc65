"""Categorical labels of pandas are trained on as class numbers."""

import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest

import fitwell as fw
from fitwell.errors import DataError
from fitwell.models.compile_config import is_classification_loss

# Small cases on purpose: a learning rate of 0, constant weights or targets.
pytestmark = pytest.mark.filterwarnings("ignore::fitwell.errors.MistakeWarning")


def test_a_categorical_series_is_the_same_as_its_codes() -> None:
    generator = np.random.default_rng(0)
    x = pd.DataFrame(generator.normal(size=(60, 3)), columns=["a", "b", "c"])
    labels = pd.Series(np.where(x["a"] > 0, "yes", "no"), dtype=pd.CategoricalDtype(["yes", "no"]))
    histories = []
    for y in (labels, pd.Categorical(labels), labels.cat.codes.to_numpy()):
        fw.utils.set_random_seed(1)
        model = fw.Sequential([fw.layers.Input((3,)), fw.layers.Dense(2, activation="softmax")])
        model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
        histories.append(model.fit(x, y, epochs=3, verbose=0).history)
    assert histories[0] == histories[1] == histories[2]


NAMES = np.array(["cat", "dog", "fox"])
CLASSES = np.random.default_rng(1).integers(0, 3, 60)
ONE_HOT = np.eye(3, dtype="float32")[CLASSES]


def animals(rows: Any = slice(None)) -> pd.Series:
    return pd.Series(NAMES[CLASSES[rows]], dtype="category")


def perfect(loss: str = "sparse_categorical_crossentropy") -> Any:
    """A model that says the class of its one-hot input, and does not learn."""
    model = fw.Sequential(
        [fw.layers.Input((3,)), fw.layers.Dense(3, activation="softmax", kernel_initializer="identity")]
    )
    model.compile(fw.optimizers.SGD(0.0), loss, metrics=["accuracy"])
    return model


def test_later_arrays_are_looked_up_in_the_categories_that_were_trained_on() -> None:
    few = CLASSES != 1
    model = perfect()
    history = model.fit(ONE_HOT, animals(), validation_data=(ONE_HOT[few], animals(few)), verbose=0).history
    assert history["accuracy"] == history["val_accuracy"] == [1.0]
    turned = animals(few).cat.set_categories(["wolf", "fox", "dog", "cat"])
    for y in (animals(few), turned, pd.Categorical(animals(few)), pd.DataFrame({"animal": animals(few)})):
        assert model.evaluate(ONE_HOT[few], y, verbose=0)[1] == 1.0
    assert copy.deepcopy(model).evaluate(ONE_HOT[few], animals(few), verbose=0)[1] == 1.0
    batches = [(ONE_HOT[:30], animals(slice(30))), (ONE_HOT[few], animals(few))]
    assert model.evaluate(iter(batches), verbose=0)[1] == 1.0
    assert model.fit(ONE_HOT[few], animals(few), verbose=0).history["accuracy"] == [1.0]


def test_a_label_that_was_not_trained_on_is_refused() -> None:
    model = perfect()
    model.fit(ONE_HOT, animals(), verbose=0)
    with pytest.raises(DataError, match="'wolf' in row 1 is not among .*'cat', 'dog', 'fox'"):
        model.evaluate(ONE_HOT[:2], pd.Series(["cat", "wolf"], dtype="category"), verbose=0)


def test_a_model_that_knows_no_categories_wants_one_for_each_class() -> None:
    few = CLASSES != 1
    with pytest.raises(DataError, match="2 categories, .'cat', 'fox'., but the model has 3 classes"):
        perfect().evaluate(ONE_HOT[few], animals(few), verbose=0)
    assert perfect().evaluate(ONE_HOT, animals(), verbose=0)[1] == 1.0


def test_numbers_stored_as_categories_are_numbers_unless_the_loss_counts_classes() -> None:
    values = pd.Series([10.0, 20.0, 40.0], dtype="category")
    model = fw.Sequential([fw.layers.Input((1,)), fw.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(fw.optimizers.SGD(0.0), "mae")
    assert model.evaluate(np.ones(3), values, verbose=0) == np.mean([10, 20, 40]).astype("float32")
    model.compile(fw.optimizers.SGD(0.0), lambda y, p: abs(y - p))
    assert model.evaluate(np.ones(3), values, verbose=0) == np.mean([10, 20, 40]).astype("float32")
    assert perfect().evaluate(np.eye(3), values, verbose=0)[1] == 1.0


@pytest.mark.parametrize("ordered", [False, True])
def test_text_is_nothing_to_regress_on(ordered: bool) -> None:
    sizes = pd.Series(["small", "large"], dtype=pd.CategoricalDtype(["small", "large"], ordered))
    model = fw.Sequential([fw.layers.Input((1,)), fw.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(
        DataError, match="MeanSquaredError needs numbers, but the categories are .'small', 'large'."
    ):
        model.fit(np.ones(2), sizes, verbose=0)


def test_several_outputs_have_categories_of_their_own() -> None:
    inputs = fw.layers.Input((3,))
    outputs = [
        fw.layers.Dense(3, activation="softmax", kernel_initializer="identity", name=name)(inputs)
        for name in "pq"
    ]
    model = fw.Model(inputs, outputs)
    model.compile(fw.optimizers.SGD(0.0), "sparse_categorical_crossentropy", metrics=["accuracy"])
    frame = pd.DataFrame({"p": animals(), "q": pd.Series(np.array([7, 8, 9])[CLASSES], dtype="category")})
    few = CLASSES != 0
    model.fit(ONE_HOT, frame, verbose=0)
    for y in (
        frame[few].copy(),
        dict(frame[few]),
        [animals(few), frame["q"][few].cat.remove_unused_categories()],
    ):
        found = model.evaluate(ONE_HOT[few], y, verbose=0, return_dict=True)
        assert found["p_accuracy"] == found["q_accuracy"] == 1.0


def test_members_of_a_population_share_the_categories() -> None:
    few = CLASSES != 1
    population = fw.Population(lambda hp: perfect(), members=[{}, {}], seeds=[0])
    population.fit(ONE_HOT, animals(), epochs=1, validation_data=(ONE_HOT[few], animals(few)), verbose=0)
    assert population.results["val_accuracy"].tolist() == [1.0, 1.0]
    for number in range(2):
        assert population.member(number).evaluate(ONE_HOT[few], animals(few), verbose=0)[1] == 1.0


def test_folds_by_a_loss_of_another_name_see_every_class_as_often() -> None:
    assert is_classification_loss("bce")
    assert is_classification_loss(fw.losses.hinge)
    assert not is_classification_loss("mse")
    assert not is_classification_loss(None)
