"""The order of layers and weights of graphs: Keras's, and what files of before mean."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import pytest

import fitwell as fw
from fitwell.saving import legacy_layer_paths

WIDTH = 3
X = [np.random.default_rng(i).normal(size=(4, WIDTH)).astype(np.float32) for i in range(3)]


def wide_and_deep(lib: Any) -> Any:
    entrance = lib.Input((WIDTH,))
    wide, deep = (
        lib.layers.Dense(WIDTH, name="wide")(entrance),
        lib.layers.Dense(WIDTH, name="deep")(entrance),
    )
    deeper = lib.layers.Dense(WIDTH, name="deeper")(deep)
    return lib.Model(
        entrance, lib.layers.Dense(1, name="out")(lib.layers.Concatenate(name="joined")([wide, deeper]))
    )


def heads(lib: Any) -> Any:
    entrance = lib.Input((WIDTH,))
    hidden = lib.layers.Dense(4, name="hidden")(entrance)
    z, y = lib.layers.Dense(1, name="z")(hidden), lib.layers.Dense(1, name="y")(hidden)
    return lib.Model(entrance, {"second": z, "first": y})


def arithmetic(lib: Any) -> Any:
    """The operations of arithmetic are in the graph and not among its layers."""
    entrance = lib.Input((WIDTH,))
    skip = lib.layers.Dense(WIDTH, name="skip")(entrance)
    deep = lib.layers.Dense(WIDTH, name="second")(lib.layers.Dense(WIDTH, name="first")(entrance * 2.0))
    return lib.Model(entrance, lib.layers.Dense(1, name="out")(skip + deep[:, :WIDTH]))


def within(lib: Any) -> Any:
    """A graph with branches in a graph, and it in a stack."""
    entrance = lib.Input((WIDTH,))
    a, b = lib.layers.Dense(WIDTH, name="a")(entrance), lib.layers.Dense(WIDTH, name="b")(entrance)
    inner = lib.Model(entrance, lib.layers.Add()([lib.layers.Dense(WIDTH, name="c")(b), a]), name="inner")
    x = lib.Input((WIDTH,))
    outer = lib.Model(
        x, lib.layers.Add()([lib.layers.Dense(WIDTH, name="d")(x), inner(inner(x))]), name="outer"
    )
    return lib.Sequential([lib.Input((WIDTH,)), outer, lib.layers.Dense(1, name="e")])


def drawn_at_random(lib: Any, seed: int) -> Any:
    """A graph of dense layers, sums, layers and models called several times, up to three inputs and outputs."""
    draw, layers = random.Random(seed), lib.layers
    inputs = [lib.Input((WIDTH,), name=f"in{i}") for i in range(draw.randint(1, 3))]
    tensors, callable_again = list(inputs), []
    for i in range(draw.randint(4, 12)):
        kind, tensor = draw.random(), draw.choice(tensors)
        if kind < 0.5:
            tensors.append(layers.Dense(WIDTH, name=f"dense{i}")(tensor))
        elif kind < 0.65:
            callable_again.append(layers.Dense(WIDTH, name=f"shared{i}"))
            tensors.append(callable_again[-1](tensor))
        elif kind < 0.75 and callable_again:
            tensors.append(draw.choice(callable_again)(tensor))
        elif kind < 0.85:
            part = lib.Input((WIDTH,))
            pair = [layers.Dense(WIDTH, name=f"{name}{i}")(part) for name in "pq"]
            callable_again.append(lib.Model(part, layers.Add(name=f"r{i}")(pair[::-1]), name=f"inner{i}"))
            tensors.append(callable_again[-1](tensor))
        else:
            tensors.append(layers.Add(name=f"add{i}")([tensor, draw.choice(tensors)]))
    made = tensors[len(inputs) :]
    return lib.Model(inputs, draw.sample(made, min(len(made), draw.randint(1, 3))))


def twins(build: Any) -> tuple[Any, Any]:
    ours, theirs = build(fw), build(keras)
    ours.set_weights(theirs.get_weights())
    return ours, theirs


def names(model: Any) -> list[str]:
    return [layer.name for layer in model.layers if not layer.name.startswith(("input", "functional"))]


def assert_same_outputs(ours: Any, theirs: Any, inputs: Any) -> None:
    found = jax.tree.leaves((ours.predict(inputs), theirs.predict(inputs, verbose=0)))
    for one, other in zip(found[: len(found) // 2], found[len(found) // 2 :], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("build", [wide_and_deep, heads, arithmetic, within])
def test_layers_and_weights_stand_in_the_order_of_keras(build: Any) -> None:
    ours, theirs = twins(build)
    if build is not arithmetic:
        assert names(ours) == names(theirs)
    assert [type(layer).__name__ for layer in ours.layers] == [
        type(layer).__name__ for layer in theirs.layers
    ]
    assert [v.name for v in ours.trainable_weights] == [v.name for v in theirs.trainable_weights]
    assert_same_outputs(ours, theirs, X[0])


@pytest.mark.parametrize("seed", range(6))
def test_so_they_do_in_graphs_drawn_at_random(seed: int) -> None:
    ours, theirs = twins(lambda lib: drawn_at_random(lib, seed))
    assert names(ours) == names(theirs)
    inputs = X[: len(ours.inputs)]
    assert_same_outputs(ours, theirs, inputs if len(inputs) > 1 else inputs[0])


@pytest.mark.parametrize("seed", range(6, 106))
def test_the_order_alone_in_many_more(seed: int) -> None:
    assert names(drawn_at_random(fw, seed)) == names(drawn_at_random(keras, seed))


def test_paths_number_the_layers_as_they_stand_in_the_list() -> None:
    model = arithmetic(fw)
    for path, variable in model._named_variables():
        number, _, name = path.removeprefix("layers.").partition("/")
        assert any(variable is own for own in model.layers[int(number)].variables)
        assert name == variable.name


def test_variables_of_ones_own_that_do_not_learn_come_last_as_in_keras() -> None:
    def own(lib: Any) -> Any:
        class Counting(lib.layers.Layer):  # type: ignore[misc,name-defined]
            def build(self, input_shape: Any) -> None:
                self.count = self.add_weight(name="count", shape=(1,), initializer="ones", trainable=False)
                self.scale = self.add_weight(name="scale", shape=(WIDTH,), initializer="ones")
                self.built = True

            def call(self, inputs: Any) -> Any:
                return inputs * self.scale * self.count

        return lib.Sequential([lib.Input((WIDTH,)), Counting()])

    assert [v.name for v in own(fw).weights] == [v.name for v in own(keras).weights] == ["scale", "count"]


def test_a_graph_deeper_than_pythons_stack_is_ordered() -> None:
    entrance = fw.Input((1,))
    x = entrance
    for _ in range(1500):
        x = x + 1.0
    model = fw.Model(entrance, fw.layers.Dense(1)(x))
    assert [type(layer).__name__ for layer in model.layers] == ["InputLayer", "Dense"]
    assert len(model.operations) == 1502


def test_the_summary_shows_arithmetic_too() -> None:
    lines: list[str] = []
    arithmetic(fw).summary(print_fn=lines.append)
    assert "(Operation)" in lines[0] and "(GetItem)" in lines[0]


# --- files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [wide_and_deep, arithmetic, within])
@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5", ".npz", ".safetensors"])
def test_files_give_back_what_was_saved(build: Any, suffix: str, tmp_path: Path) -> None:
    model = build(fw)
    model.save(tmp_path / "m.keras")
    # Its layers are drawn in the order of the file, which is not that of the program.
    other = fw.models.load_model(tmp_path / "m.keras")
    other.set_weights([np.zeros_like(value) for value in other.get_weights()])
    if suffix in (".keras", ".h5"):
        model.save(tmp_path / f"m{suffix}")
        other = fw.models.load_model(tmp_path / f"m{suffix}")
    else:
        model.save_weights(tmp_path / f"w{suffix}")
        other.load_weights(tmp_path / f"w{suffix}")
    for saved, loaded in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(saved, loaded)


# Where the variables of the three models were in files of before: layers numbered as they were drawn.
BEFORE = {
    wide_and_deep: {"wide": "layers.1", "deep": "layers.2", "deeper": "layers.3", "out": "layers.5"},
    arithmetic: {"skip": "layers.1", "first": "layers.3", "second": "layers.4", "out": "layers.7"},
    within: {
        "d": "layers.0.layers.1", "a": "layers.0.layers.2.layers.1", "b": "layers.0.layers.2.layers.2",
        "c": "layers.0.layers.2.layers.3", "e": "layers.1",
    },
}  # fmt: skip


def former_arrays(build: Any, model: Any) -> dict[str, np.ndarray]:
    layers = {layer.name: layer for _, layer in model._flatten_layers()}
    return {
        f"{path}/{variable.name}": variable.numpy()
        for name, path in BEFORE[build].items()
        for variable in layers[name].variables
    }


@pytest.mark.filterwarnings("ignore:.*does not specify its layer numbering")
@pytest.mark.parametrize("build", BEFORE)
@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_weight_files_of_before_mean_what_they_meant(build: Any, suffix: str, tmp_path: Path) -> None:
    model, other = build(fw), build(fw)
    arrays = former_arrays(build, model)
    path = tmp_path / f"w{suffix}"
    if suffix == ".npz":
        np.savez(path, **arrays)
    else:
        write_safetensors_of_before(path, arrays)
    other.load_weights(path)
    for saved, loaded in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(saved, loaded)


def test_a_file_that_numpy_wrote_again_is_read_where_it_fits_or_told(tmp_path: Path) -> None:
    model, other = heads(fw), heads(fw)
    model.save_weights(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", **np.load(tmp_path / "a.npz"))
    with pytest.warns(UserWarning, match=r"b\.npz does not specify its layer numbering"):
        other.load_weights(tmp_path / "b.npz")

    def of_two_sizes() -> Any:
        entrance = fw.Input((WIDTH,))
        late, early = fw.layers.Dense(2)(entrance), fw.layers.Dense(4)(entrance)
        return fw.Model(entrance, [fw.layers.Dense(3)(early), late])

    model, other = of_two_sizes(), of_two_sizes()
    model.save_weights(tmp_path / "c.npz")
    np.savez(tmp_path / "d.npz", **np.load(tmp_path / "c.npz"))
    other.load_weights(tmp_path / "d.npz")
    for saved, loaded in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(saved, loaded)


def write_safetensors_of_before(path: Path, arrays: dict[str, np.ndarray]) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "fitwell"}}
    end = 0
    for name, array in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(a.tobytes() for a in arrays.values()))


@pytest.mark.parametrize("build", BEFORE)
def test_keys_of_checkpoints_of_before_are_renamed(build: Any) -> None:
    model = build(fw)
    today = {variable.name: path for path, variable in model._named_variables()}
    assert len(today) == 2  # kernel and bias: of many layers, so look them up by the object
    path_of = {id(variable): path for path, variable in model._named_variables()}
    layers = {layer.name: layer for _, layer in model._flatten_layers()}
    for name, before in BEFORE[build].items():
        now = path_of[id(layers[name].variables[0])]
        layer = now.rpartition("/")[0]
        forms = {
            f"trainable['{before}/kernel']": f"trainable['{now}']",
            f"['slots']['momentum']['{before}/kernel']": f"['slots']['momentum']['{now}']",
            f"['hyper']['model.{before}.rate']": f"['hyper']['model.{layer}.rate']",
            f"model.{before}.rate": f"model.{layer}.rate",
            f"{before}.units": f"{layer}.units",
            before: layer,
            "optimizer.learning_rate": "optimizer.learning_rate",
        }
        assert legacy_layer_paths.rename_legacy_paths(dict.fromkeys(forms, 1), model) == dict.fromkeys(
            forms.values(), 1
        )


def compiled(hidden: int = 0) -> Any:
    fw.utils.set_random_seed(5)
    model = wide_and_deep(fw)
    model.compile(fw.optimizers.SGD(0.1, momentum=0.9), "mse")
    return model


def test_a_run_of_before_is_resumed_with_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    y = X[0][:, :1]
    whole = compiled()
    whole.fit(X[0], y, epochs=4, verbose=0)
    with monkeypatch.context() as before:
        number_as_before(before)
        compiled().fit(X[0], y, epochs=2, verbose=0, resume=tmp_path)
    resumed = compiled()
    resumed.fit(X[0], y, epochs=4, verbose=0, resume=tmp_path)
    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_population_of_before_has_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    y = X[0][:, :1]
    with monkeypatch.context() as before:
        number_as_before(before)
        population = fw.Population(lambda rate: compiled(), [{"rate": 0.1}], seeds=range(2))
        population.fit(X[0], y, epochs=1, verbose=0)
        population.save(tmp_path / "p.zip")
        expected = [member.model.predict(X[0]) for member in population.members]
    loaded = fw.Population.load(tmp_path / "p.zip", lambda rate: compiled())
    for member, outputs in zip(loaded.members, expected, strict=True):
        np.testing.assert_allclose(member.model.predict(X[0]), outputs, rtol=1e-6)


def number_as_before(patch: pytest.MonkeyPatch) -> None:
    """Let layers of graphs be numbered as they are drawn, and files not say how they are."""
    from fitwell.models import checkpointing, functional
    from fitwell.population import population_file, population_schema

    def children(self: Any) -> Any:
        return ((f"layers.{number}", layer) for number, layer in enumerate(self._layers_in_call_order))

    patch.setattr(functional.Functional, "_named_children", children)
    patch.setattr(checkpointing, "NUMBERING", "as drawn")
    patch.setattr(population_file, "FORMAT", population_schema.LEGACY_FORMAT)
