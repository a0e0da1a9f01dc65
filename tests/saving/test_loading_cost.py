"""The cost of loading grows with the size of the file only; it is counted, not timed."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell import layers
from fitwell.errors import FileError
from fitwell.layers.base import Layer
from fitwell.models import load_model, model_from_json
from fitwell.saving import keras_order
from fitwell.saving.functional_config import _GraphReader, _MissingInput
from tests.saving.malicious_files import rewrite_config


def nested(levels: int, *widths: int | None) -> Any:
    """Return a model that calls a model twice that calls a model twice ...; `widths` of the inputs take turns."""
    symbol = fitwell.Input((widths[0],))
    model = fitwell.Model(symbol, layers.Activation("relu")(symbol), name="m0")
    for level in range(1, levels + 1):
        symbol = fitwell.Input((widths[level % len(widths)],))
        model = fitwell.Model(symbol, model(model(symbol)), name=f"m{level}")
    return model


def test_nested_models_are_not_traced_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.keras"
    nested(20, 4).save(path)
    calls = []
    call = layers.Activation.call
    monkeypatch.setattr(
        layers.Activation, "call", lambda *args, **kwargs: calls.append(1) or call(*args, **kwargs)
    )
    model = load_model(path)
    # Twice as many at each level would be a million; the probe gives up after the calls that a load may make.
    assert len(calls) < 2_100
    assert model.output_shape == (None, 4)


def test_nested_models_of_other_shapes_exceed_the_limit_of_calls() -> None:
    """Each is called on a shape that it was not drawn for, and so traced: 2^n calls for n levels."""
    small = nested(4, 4, None)
    again = model_from_json(small.to_json())
    x = np.array([[1.0, -2.0, 3.0, -4.0]], np.float32)
    np.testing.assert_array_equal(again.predict(x), np.maximum(x, 0))
    config = json.loads(nested(1, 4, None).to_json())
    for level in range(2, 16):
        outer = json.loads(nested(1, *((4, None) if level % 2 else (None, 4))).to_json())
        inner = outer["config"]["layers"][1]
        inner["config"] = config["config"]
        outer["config"]["name"] = f"m{level}"
        config = outer
    with pytest.raises(FileError, match="has more layer calls than are allowed for a file of this size"):
        model_from_json(json.dumps(config))


def test_layers_of_a_graph_may_have_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    symbol = fitwell.Input((3,), name="x")
    y = symbol
    for number in range(60):
        y = layers.Activation("relu", name=f"a{number}")(y)
    config = json.loads(fitwell.Model(symbol, y).to_json())
    config["config"]["layers"].reverse()
    made = []
    call = _GraphReader._call
    monkeypatch.setattr(_GraphReader, "_call", lambda *args: made.append(1) or call(*args))
    model = model_from_json(json.dumps(config))
    # Each call is tried once in vain, as its argument comes later; round after round would be 60 * 60 / 2.
    assert len(made) <= 2 * 61
    assert model.output_shape == (None, 3)


@pytest.mark.parametrize("seed", range(20))
def test_calls_come_in_the_order_of_rounds_over_the_layers(seed: int) -> None:
    """The order of calls decides that of layers and weights: it is that of looking at all layers in turn."""
    draw = random.Random(seed)
    names = [f"l{number}" for number in range(8)]
    nodes: dict[str, list[Any]] = {"x": [], **{name: [] for name in names}}
    results = [("x", 0)]
    for _ in range(20):
        name = draw.choice(names)
        places = [[*draw.choice(results), 0, {}] for _ in range(draw.choice((1, 2)))]
        nodes[name].append(places)
        results.append((name, len(nodes[name]) - 1))
    order = list(nodes)
    draw.shuffle(order)
    config = {
        "layers": [
            {
                "name": name,
                "module": "keras.layers",
                "class_name": "InputLayer" if name == "x" else "Add",
                "config": {"name": name},
                "inbound_nodes": nodes[name],
            }
            for name in order
        ],
        "input_layers": [["x", 0, 0]],
        "output_layers": [[*results[-1], 0]],
    }
    calls = _GraphReader(config, lambda layer: layer).result()["calls"]
    assert [order[call["layer"]] for call in calls] == by_rounds(config)


def by_rounds(config: Any) -> list[str]:
    """Return the layers of the calls as a reader makes them that looks at all layers again and again."""
    reader = _GraphReader(config, lambda layer: layer)
    reader.layers = config["layers"]
    waiting = {name: list(layer["inbound_nodes"]) for name, layer in reader.written.items()}
    reader._record("x", [], {})
    while any(waiting.values()):
        for name, nodes in waiting.items():
            while nodes:
                try:
                    reader._call(name, nodes[0])
                except _MissingInput:
                    break
                nodes.pop(0)
    return [list(waiting)[call["layer"]] for call in reader.calls]


def test_a_cycle_of_calls_raises() -> None:
    symbol = fitwell.Input((3,), name="x")
    model = fitwell.Model(symbol, layers.Dense(3, name="b")(layers.Dense(3, name="a")(symbol)))
    text = model.to_json().replace('"keras_history": ["x", 0, 0]', '"keras_history": ["b", 0, 0]')
    with pytest.raises(FileError, match=r"the inputs of the layers \['a', 'b'\] form a cycle"):
        model_from_json(text)


def test_weights_that_models_share_are_visited_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitwell.Sequential([layers.Input((4,)), layers.Dense(4)])
    for _ in range(12):
        symbol = fitwell.Input((4,))
        both = [fitwell.Sequential([layers.Input((4,)), model])(symbol) for _ in range(2)]
        model = fitwell.Model(symbol, layers.Add()(both))
    visits = []
    own = Layer._named_own_variables
    monkeypatch.setattr(Layer, "_named_own_variables", lambda layer: visits.append(1) or own(layer))
    assert [variable.name for variable in keras_order.trainable_first(model)] == ["kernel", "bias"]
    # For those that are trained and for all; along every way it would be 2^12 times.
    assert len(visits) <= 4 * (12 * 5 + 2)


def test_a_sequential_model_is_built_layer_by_layer() -> None:
    """Names are looked up in a dict, not compared with all others: 22,000 layers took 52 s."""
    stack = fitwell.Sequential([layers.Activation("relu", name=f"a{i}") for i in range(5_000)])
    assert len(stack.layers) == 5_000
    with pytest.raises(ValueError, match="already in the stack"):
        stack.add(stack.layers[7])
    with pytest.raises(ValueError, match="two layers have the name 'a7'"):
        stack.add(layers.Activation("relu", name="a7"))
    with pytest.raises(ValueError, match="two layers have the name 'a'"):
        fitwell.Sequential([layers.Activation("relu", name="a"), layers.Dense(1, name="a")])


@pytest.mark.parametrize("change", [{"strides": [10**12, 1]}, {"padding": "same", "strides": [10**9, 10**9]}])
def test_an_expensive_reference_input_is_omitted(tmp_path: Path, change: Any) -> None:
    """XLA's cost estimate iterates over all positions of a convolution, which takes too long."""
    path = tmp_path / "m.keras"
    fitwell.Sequential([layers.Input((8, 8, 2)), layers.Conv2DTranspose(2, 3)]).save(path)
    rewrite_config(path, lambda config: config["config"]["layers"][1]["config"].update(change) or config)
    model = load_model(path)
    assert model.layers[-1].strides[0] >= 10**9
