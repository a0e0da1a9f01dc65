"""The repr of layers, models and their parts is a readable call without addresses."""

from __future__ import annotations

import inspect
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import fitwell as fw
from fitwell import _registry

L = fw.layers
# For arguments that have no default.
GIVEN = {
    "units": 3, "filters": 2, "kernel_size": 3, "activation": "relu", "rate": 0.5, "function": lambda x: x, "fn": len,
    "loss": "mse", "shape": (3,), "target_shape": (4,), "n": 2, "dims": (1, 2), "axes": 1, "factor": 0.1, "height": 4,
    "width": 4, "scale": 2.0, "input_dim": 5, "output_dim": 2, "stddev": 0.1, "operation": "add", "index": 0,
    "boundaries": [1], "values": [1.0, 0.1], "recall": 0.5, "precision": 0.5, "specificity": 0.5, "sensitivity": 0.5,
    "initial_learning_rate": 0.1, "optimizer": "sgd", "total_steps": 9, "steps": 9, "cell": L.LSTMCell(2),
    "cells": [L.LSTMCell(2)], "layer": L.LSTM(2),
}  # fmt: skip


def made(kind: type) -> Any:
    parameters = inspect.signature(kind).parameters.values()
    needed = [
        p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if kind is L.InputLayer:
        needed = ["shape"]
    try:
        return kind(**{name: GIVEN.get(name, 1) for name in needed})
    except fw.errors.FitwellError:
        return None


EVERYTHING = [(kind, entry) for kind, own in _registry._registries.items() for entry in own.classes()]


@pytest.mark.parametrize(("kind", "entry"), EVERYTHING, ids=lambda part: getattr(part, "__name__", part))
def test_everything_registered_shows_a_call_without_addresses(kind: str, entry: type) -> None:
    thing = made(entry)
    text = repr(thing)
    assert " at 0x" not in text and "?" not in text and "dtype(" not in text
    if thing is not None and not isinstance(thing, fw.Model):
        assert text.startswith(f"{entry.__name__}(")


def test_so_does_nearly_all_of_it() -> None:
    assert sum(made(entry) is None for _, entry in EVERYTHING) < 8


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (lambda: L.Flatten(input_shape=(28, 28), name="f"), "Flatten(name='f')"),
        (lambda: L.Dense(10, activation="softmax", name="d"), "Dense(units=10, activation=softmax, name='d')"),
        (lambda: L.Dense(2, name="d", trainable=False), "Dense(units=2, name='d', trainable=False)"),
        (lambda: L.Dense(2, activation=jnp.tanh, name="d"), "Dense(units=2, activation=tanh, name='d')"),
        (lambda: L.Dense(2, kernel_initializer="zeros", name="d"), "Dense(units=2, kernel_initializer=Zeros(), na"),
        (lambda: L.Dense(2, dtype="float16", name="d"), "Dense(units=2, name='d', dtype='float16')"),
        (lambda: L.Conv2D(4, 3, name="c"), "Conv2D(filters=4, kernel_size=(3, 3), name='c')"),
        (lambda: L.Conv2D(4, 3, strides=2, name="c"), "Conv2D(filters=4, kernel_size=(3, 3), strides=(2, 2), n"),
        (lambda: L.Dropout(0.5, name="o"), "Dropout(rate=0.5, name='o')"),
        (lambda: L.Lambda(lambda x: x, name="l"), "Lambda(function=<lambda>, name='l')"),
        (lambda: fw.losses.Huber(2.0), "Huber("),
        (lambda: fw.optimizers.SGD(lambda step: 0.1), "SGD(learning_rate=<lambda>"),
        (lambda: fw.callbacks.EarlyStopping("loss", patience=3), "EarlyStopping(monitor='loss', patience=3"),
    ],
)  # fmt: skip
def test_what_is_shown(layer: Any, text: str) -> None:
    assert repr(layer()).startswith(text)


def test_models_say_how_many_layers_they_have() -> None:
    model = fw.Sequential([L.Dense(2, input_shape=(3,)), L.Dense(1)], name="two")
    assert repr(model) == "<Sequential 'two' of 2 layers>"
    entrance = fw.Input((3,))
    assert repr(fw.Model(entrance, L.Dense(1)(entrance), name="g")) == "<Functional 'g' of 2 layers>"
    assert "0x" not in repr(model.layers) + repr(model.optimizer if model.compiled else "") + repr(
        model.weights
    )


def test_a_layer_of_ones_own_is_shown_with_what_it_keeps() -> None:
    class Scale(L.Layer):  # type: ignore[misc,name-defined]
        def __init__(self, factor: Any, shift: float = 0.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, inputs: Any) -> Any:
            return inputs * self.factor

    assert repr(Scale(2.0, name="s")) == "Scale(factor=2.0, name='s')"
    assert repr(Scale(np.zeros(100), name="s")) == "Scale(factor=<array of shape (100,)>, name='s')"
    assert repr(Scale(object(), name="s")) == "Scale(factor=<object>, name='s')"


def test_a_wrapped_function_is_shown_by_its_name() -> None:
    def build(units: int = 3) -> fw.Sequential:
        return fw.Sequential([fw.layers.Dense(units)])

    shown = repr(fw.wrappers.KerasRegressor(build, units=4, epochs=2))
    assert shown == "KerasRegressor(build_fn=build, units=4, epochs=2)"
