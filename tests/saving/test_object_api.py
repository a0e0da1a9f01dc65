"""Configurations of single objects, as in `keras.saving`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fitwell as fw
from fitwell import saving


def test_objects_survive_a_round_trip() -> None:
    objects = [
        fw.layers.Dense(3, activation="relu"),
        fw.losses.Huber(2.0),
        fw.optimizers.Adam(0.01),
        3,
        "text",
        None,
    ]
    for thing in objects:
        again = saving.deserialize_keras_object(saving.serialize_keras_object(thing))
        assert type(again) is type(thing)
        if hasattr(thing, "get_config"):
            assert again.get_config() == thing.get_config()
    nested = saving.deserialize_keras_object(
        {"a": [saving.serialize_keras_object(fw.layers.Flatten())], "b": 1}
    )
    assert isinstance(nested["a"][0], fw.layers.Flatten) and nested["b"] == 1


def test_user_classes_are_found_by_name() -> None:
    @saving.register_keras_serializable("tests_of_objects")
    class Double(fw.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return 2 * inputs

    assert saving.get_registered_name(Double) == "tests_of_objects>Double"
    assert saving.get_registered_name(len) == "len"
    assert saving.get_registered_object("tests_of_objects>Double") is Double
    assert saving.get_registered_object("unknown") is None
    assert saving.get_registered_object("unknown", {"unknown": len}) is len
    config = saving.serialize_keras_object(Double())
    assert saving.deserialize_keras_object(config)(np.ones((1, 1))).tolist() == [[2.0]]

    class Other(fw.layers.Layer):
        pass

    config = saving.serialize_keras_object(Other())
    with pytest.raises(fw.errors.FitwellError, match="Other"):
        saving.deserialize_keras_object(config)
    assert isinstance(saving.deserialize_keras_object(config, {"Other": Other}), Other)
    with fw.utils.CustomObjectScope({"Other": Other}):
        assert isinstance(saving.deserialize_keras_object(config), Other)


def test_activity_regularization_adds_to_the_loss() -> None:
    model = fw.Sequential([fw.Input((2,)), fw.layers.ActivityRegularization(l1=0.5, l2=0.25)])
    model.compile("sgd", "mse")
    x = np.array([[1.0, -2.0], [3.0, 0.0]])
    penalty = (0.5 * np.abs(x).sum() + 0.25 * (x**2).sum()) / 2
    assert model.evaluate(x, x, verbose=0) == pytest.approx(penalty)
