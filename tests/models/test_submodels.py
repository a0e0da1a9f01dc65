"""Models whose inputs are outputs of layers of other models, compared with Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import fitwell as fw
from fitwell.errors import InvalidArgument

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
CODES = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)


def filled(model: Any) -> Any:
    draws = np.random.default_rng(2)
    model.set_weights([draws.normal(size=w.shape).astype(np.float32) for w in model.get_weights()])
    return model


def decoder_of_a_stack(lib: Any) -> tuple[Any, list[np.ndarray]]:
    names = ["encoder", "hidden", "decoder"]
    dense = [lib.layers.Dense(units, "tanh", name=name) for units, name in zip((3, 5, 4), names, strict=True)]
    whole = filled(lib.Sequential([lib.Input((4,)), *dense]))
    return lib.Model(whole.get_layer("hidden").input, whole.layers[-1].output), [CODES]


def head_of_a_graph(lib: Any) -> tuple[Any, list[np.ndarray]]:
    """A skip connection to the end is an input, too, which was an input before."""
    entrance = lib.Input((4,), name="x")
    inside = lib.layers.Dense(3, "tanh", name="inside")(entrance)
    shared = lib.layers.Dense(3, name="shared")
    joined = lib.layers.Concatenate(name="joined")([shared(shared(inside)), entrance])
    whole = filled(lib.Model(entrance, lib.layers.Dense(2, name="out")(joined)))
    return lib.Model([inside, entrance], whole.output), [CODES, X]


def between_two_layers(lib: Any) -> tuple[Any, list[np.ndarray]]:
    entrance = lib.Input((4,))
    low = lib.layers.Dense(3, name="low")(entrance)
    middle = lib.layers.Dense(3, "tanh", name="middle")(low)
    high = lib.layers.Dense(1, name="high")(middle)
    filled(lib.Model(entrance, high))
    return lib.Model(inputs=low, outputs={"middle": middle, "high": high}), [CODES]


FORMS = [decoder_of_a_stack, head_of_a_graph, between_two_layers]


@pytest.mark.parametrize("form", FORMS)
def test_what_follows_is_a_model_as_in_keras(form: Any) -> None:
    (ours, rows), (theirs, _) = form(fw), form(keras)
    assert [layer.name for layer in ours.layers[len(rows) :]] == [
        layer.name for layer in theirs.layers[len(rows) :]
    ]
    ours.set_weights(theirs.get_weights())
    expected = theirs.predict(rows if len(rows) > 1 else rows[0], verbose=0)
    found = ours.predict(rows if len(rows) > 1 else rows[0], verbose=0)
    for name in expected if isinstance(expected, dict) else [slice(None)]:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-6)


def test_its_layers_are_those_of_the_whole() -> None:
    """Training a submodel changes the whole model, but not the layers before it."""
    entrance = fw.Input((4,))
    inside = fw.layers.Dense(3, name="inside")(entrance)
    whole = fw.Model(entrance, fw.layers.Dense(1, name="out")(inside))
    head = fw.Model(inside, whole.output)
    before = whole.get_weights()
    head.compile("sgd", "mse")
    head.fit(CODES, CODES[:, :1], epochs=1, verbose=0)
    after = whole.get_weights()
    assert all((a == b).all() for a, b in zip(before[:2], after[:2], strict=True))
    np.testing.assert_array_equal(after[2], head.get_weights()[0])
    assert (after[2] != before[2]).any()
    assert whole.get_layer("out").output.shape == (None, 1)


@pytest.mark.parametrize("form", FORMS)
def test_it_is_saved_and_read_and_cloned(form: Any, tmp_path: Path) -> None:
    model, rows = form(fw)
    model.save(tmp_path / "part.keras")
    clone = fw.models.clone_model(model)
    clone.set_weights(model.get_weights())
    expected = model.predict(rows if len(rows) > 1 else rows[0])
    for other in (fw.models.load_model(tmp_path / "part.keras"), clone):
        found = other.predict(rows if len(rows) > 1 else rows[0])
        for name in expected if isinstance(expected, dict) else [slice(None)]:
            np.testing.assert_array_equal(found[name], expected[name])


def test_an_input_that_is_missing_is_named() -> None:
    entrance = fw.Input((4,), name="x")
    inside = fw.layers.Dense(4)(entrance)
    out = fw.layers.Add()([fw.layers.Dense(4)(inside), entrance])
    with pytest.raises(
        InvalidArgument, match="depend on input 'x', which is not included in the argument inputs"
    ):
        fw.Model(inside, out)
