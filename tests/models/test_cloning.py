"""`clone_model` with user-defined functions, compared with Keras."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import fitwell as fw
from fitwell.errors import InvalidArgument

X = np.random.default_rng(0).normal(size=(6, 4, 1)).astype(np.float32)


def stack_with_shape(lib: Any) -> Any:
    return lib.Sequential(
        [lib.layers.Flatten(input_shape=(4, 1)), lib.layers.Dropout(0.5), lib.layers.Dense(2)]
    )


def stack_with_input(lib: Any) -> Any:
    layers = [lib.layers.Flatten(), lib.layers.Dropout(0.5), lib.layers.Dense(2)]
    return lib.Sequential([lib.Input((4, 1)), *layers])


def stack_that_was_built(lib: Any) -> Any:
    model = lib.Sequential([lib.layers.Flatten(), lib.layers.Dropout(0.5), lib.layers.Dense(2)])
    model.build((None, 4, 1))
    return model


def stack_that_was_called(lib: Any) -> Any:
    model = lib.Sequential([lib.layers.Flatten(), lib.layers.Dropout(0.5), lib.layers.Dense(2)])
    model.predict(X, verbose=0)
    return model


def graph(lib: Any) -> Any:
    entrance = lib.Input((4, 1), name="x")
    shared = lib.layers.Dense(4, name="shared")
    y = shared(shared(lib.layers.Flatten()(entrance)))
    return lib.Model(entrance, [lib.layers.Dense(2)(lib.layers.Dropout(0.5)(y)), y])


FORMS = [stack_with_shape, stack_with_input, stack_that_was_built, stack_that_was_called, graph]


def without_dropout(lib: Any) -> Any:
    def copy(layer: Any) -> Any:
        if isinstance(layer, lib.layers.Dropout):
            return lib.layers.Activation("linear")
        return layer.__class__.from_config(layer.get_config())

    return copy


@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`")
@pytest.mark.parametrize("form", FORMS)
def test_a_clone_takes_the_weights_of_its_model(form: Any) -> None:
    found = {}
    for lib in (fw, keras):
        model = form(lib)
        clone = lib.models.clone_model(model, clone_function=without_dropout(lib))
        if form is not stack_that_was_built or lib is fw:
            clone.set_weights(model.get_weights())
            first = [np.asarray(part) for part in _list(clone.predict(X, verbose=0))]
            for part, other in zip(first, _list(model.predict(X, verbose=0)), strict=True):
                np.testing.assert_allclose(part, other, rtol=1e-5, atol=1e-6)
        found[lib] = [type(layer).__name__ for layer in clone.layers]
    assert found[fw] == found[keras]
    assert "Dropout" not in found[fw]


def _list(outputs: Any) -> list[Any]:
    return outputs if isinstance(outputs, list) else [outputs]


@pytest.mark.parametrize("form", FORMS)
def test_a_plain_clone_takes_them_too(form: Any) -> None:
    model = form(fw)
    clone = fw.models.clone_model(model)
    clone.set_weights(model.get_weights())
    for part, other in zip(_list(clone.predict(X)), _list(model.predict(X)), strict=True):
        np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize("recursive", [False, True])
def test_models_within_models_are_given_as_a_whole_or_layer_by_layer(recursive: bool) -> None:
    met: dict[Any, list[str]] = {}
    for lib in (fw, keras):
        met[lib] = []

        def copy(layer: Any, seen: list[str] = met[lib]) -> Any:
            seen.append(layer.name)
            return layer.__class__.from_config(layer.get_config())

        parts = [lib.layers.Dense(3, name="a"), lib.layers.Dense(3, name="b")]
        inner = lib.Sequential([lib.Input((4,)), *parts], name="inner")
        model = lib.Sequential([lib.Input((4,)), inner, lib.layers.Dense(1, name="c")])
        clone = lib.models.clone_model(model, clone_function=copy, recursive=recursive)
        clone.set_weights(model.get_weights())
        assert not {id(v) for v in clone.weights} & {id(v) for v in model.weights}
    assert met[fw] == met[keras]
    assert met[fw] == (["a", "b", "c"] if recursive else ["inner", "c"])


def test_a_layer_may_be_given_back_itself_to_share_its_weights() -> None:
    model = graph(fw)
    clone = fw.models.clone_model(model, clone_function=lambda layer: layer)
    assert all(a is b for a, b in zip(clone.weights, model.weights, strict=True))


def test_what_is_not_a_layer_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="must return a layer, got None for 'flatten"):
        fw.models.clone_model(stack_with_shape(fw), clone_function=lambda layer: None)


def test_a_subclass_cannot_be_cloned_layer_by_layer() -> None:
    class Own(fw.Model):  # type: ignore[misc]
        pass

    with pytest.raises(InvalidArgument, match="Sequential and functional models"):
        fw.models.clone_model(Own(), clone_function=lambda layer: layer)


# --- what a clone begins with, and how its layers are called -----------------------------------------------


def given(values: Any) -> list[np.ndarray]:
    return [np.asarray(value) for value in (values if isinstance(values, list) else [values])]


@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("function", [None, without_dropout])
def test_a_clone_begins_with_the_inputs_that_are_given(form: Any, function: Any) -> None:
    """At another `Input`: the clone's names and outputs are Keras's."""
    found = {}
    for lib in (fw, keras):
        model = form(lib)
        model.set_weights(
            [np.full(w.shape, 0.1 * i, np.float32) for i, w in enumerate(model.get_weights(), 1)]
        )
        settings = {} if function is None else {"clone_function": function(lib)}
        clone = lib.models.clone_model(model, input_tensors=lib.Input((4, 1), name="other"), **settings)
        clone.set_weights(model.get_weights())
        found[lib] = [symbol.name for symbol in clone.inputs], given(clone.predict(X, verbose=0))
    assert found[fw][0] == found[keras][0] == ["other"]
    for ours, theirs in zip(found[fw][1], found[keras][1], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_clone_begins_with_what_a_layer_gives() -> None:
    """A graph in terms of another one's symbols, so that both are one model."""
    inner = graph(fw)
    first = fw.Input((8, 1), name="first")
    clone = fw.models.clone_model(inner, input_tensors=[fw.layers.MaxPooling1D(2)(first)])
    clone.set_weights(inner.get_weights())
    for ours, theirs in zip(clone.predict(X), inner.predict(X), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert clone.input_shape == (None, 4, 1)


@pytest.mark.parametrize("tensors", [3, [1, 2], np.zeros((4, 1))])
def test_other_inputs_are_refused(tensors: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"input_tensors must be the results of Input"):
        fw.models.clone_model(graph(fw), input_tensors=tensors)


def test_a_function_calls_the_copies_as_in_keras() -> None:
    """It puts a layer behind each Dense, also behind every call of the shared one."""
    found = {}
    for lib in (fw, keras):

        def call(layer: Any, *args: Any, lib: Any = lib, **kwargs: Any) -> Any:
            y = layer(*args, **kwargs)
            return lib.layers.Rescaling(2.0)(y) if isinstance(layer, lib.layers.Dense) else y

        model = graph(lib)
        model.set_weights(
            [np.full(w.shape, 0.1 * i, np.float32) for i, w in enumerate(model.get_weights(), 1)]
        )
        clone = lib.models.clone_model(model, call_function=call)
        clone.set_weights(model.get_weights())
        found[lib] = [type(layer).__name__ for layer in clone.layers], clone.predict(X, verbose=0)
    assert found[fw][0] == found[keras][0]
    for ours, theirs in zip(found[fw][1], found[keras][1], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_a_stack_is_not_called_layer_by_layer() -> None:
    with pytest.raises(InvalidArgument, match="call_function works only for functional models"):
        fw.models.clone_model(stack_with_input(fw), call_function=lambda layer, x: layer(x))


def test_the_configuration_of_a_graph_is_read_by_model_as_in_keras() -> None:
    entry = fw.Input((4, 1))
    model = fw.Model(entry, fw.layers.Dense(2)(fw.layers.Flatten()(entry)))
    again = fw.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
