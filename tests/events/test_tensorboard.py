"""TensorBoard's reader reads what the callback `TensorBoard` writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fitwell
from fitwell import callbacks, layers
from fitwell.errors import InvalidArgument

Read = Callable[[Path], Any]

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
Y = X[:, :1] * 2


def fit(folder: Path, epochs: int = 3, **options: Any) -> Any:
    model = fitwell.Sequential([layers.Input((3,)), layers.Dense(4, activation="tanh", name="first")])
    model.add(layers.Dense(1, name="last"))
    model.compile(fitwell.optimizers.SGD(0.1), "mse", metrics=["mae"])
    watch = callbacks.TensorBoard(folder, **options)
    model.fit(X, Y, batch_size=5, epochs=epochs, validation_data=(X[:8], Y[:8]), callbacks=[watch], verbose=0)
    return model


def values(reader: Any, tag: str) -> dict[int, Any]:
    from tensorboard.util.tensor_util import make_ndarray

    return {event.step: make_ndarray(event.tensor_proto) for event in reader.Tensors(tag)}


def test_the_curves_are_the_history(tmp_path: Path, read: Read) -> None:
    history = fit(tmp_path).history.history
    for name in ("loss", "mae"):
        for part, prefix in (("train", ""), ("validation", "val_")):
            curve = values(read(tmp_path / part), f"epoch_{name}")
            assert list(curve) == [0, 1, 2]
            np.testing.assert_allclose(list(curve.values()), history[prefix + name], rtol=1e-7)
    rates = values(read(tmp_path / "train"), "epoch_learning_rate")
    np.testing.assert_allclose(list(rates.values()), [0.1] * 3, rtol=1e-6)


def test_batches(tmp_path: Path, read: Read) -> None:
    """Four batches per epoch; write every third batch of the run, over the number of updates."""
    history = fit(tmp_path, update_freq=3, write_steps_per_second=True).history.history
    reader = read(tmp_path / "train")
    losses = values(reader, "batch_loss")
    assert list(losses) == [3, 6, 9, 12]
    assert losses[12] == np.float32(history["loss"][2])
    assert all(speed > 0 for speed in values(reader, "batch_steps_per_second").values())
    fit(tmp_path / "all", update_freq="batch", epochs=1)
    assert list(values(read(tmp_path / "all" / "train"), "batch_loss")) == [1, 2, 3, 4]


def test_observing_some_batches_does_not_change_the_run(tmp_path: Path) -> None:
    watched = fit(tmp_path, update_freq=3, histogram_freq=1).history.history
    fitwell.utils.set_random_seed(20240611)
    assert fit(tmp_path / "again").history.history == watched


def test_histograms_of_weights_gradients_and_activations(tmp_path: Path, read: Read) -> None:
    model = fit(tmp_path, histogram_freq=2, epochs=3, write_images=True)
    reader = read(tmp_path / "train")
    tags = reader.Tags()["tensors"]
    for weight in ("first/kernel", "first/bias", "last/kernel", "last/bias"):
        assert any(tag.endswith(f"{weight}/histogram") for tag in tags), (weight, tags)
        assert any(tag.endswith(f"{weight}/image") for tag in tags)
    kernel, bias, last, offset = model.get_weights()
    hidden = np.tanh(X @ kernel + bias)
    outputs = hidden @ last + offset
    expected = {
        "last/kernel/histogram": last,
        "first/activation": hidden,
        "last/activation": outputs,
        "last/kernel/gradient": hidden.T @ (2 * (outputs - Y) / len(X)),
    }
    for end, array in expected.items():
        (tag,) = (tag for tag in tags if tag.endswith(end))
        tables = values(reader, tag)
        assert list(tables) == [0, 2]
        table = tables[2]
        assert table[:, 2].sum() == array.size, end
        assert (table[0, 0], table[-1, 1]) == pytest.approx((array.min(), array.max()), rel=1e-4), end


def test_the_graph_of_a_sequential_and_a_functional_model(tmp_path: Path, read: Read) -> None:
    fit(tmp_path)
    graph = read(tmp_path / "train").Graph()
    nodes = {node.name: (node.op, list(node.input)) for node in graph.node}
    assert nodes["last"] == ("Dense", ["first"]) and nodes["first"][0] == "Dense"

    entry = layers.Input((3,), name="entry")
    side = layers.Dense(2, name="side")(entry)
    inner = fitwell.Sequential([layers.Dense(2, name="deep")], name="inner")
    joined = layers.Concatenate(name="joined")([side, inner(entry)])
    model = fitwell.Model(inputs=entry, outputs=layers.Dense(1, name="out")(joined))
    writer = fitwell.events.create_file_writer(tmp_path / "graph")
    writer.graph(model)
    writer.close()
    nodes = {node.name: list(node.input) for node in read(tmp_path / "graph").Graph().node}
    assert nodes["joined"] == ["side", "inner"] and nodes["side"] == ["entry"] and nodes["out"] == ["joined"]
    assert "inner/deep" in nodes


def test_a_trace_of_the_profiler(tmp_path: Path) -> None:
    fit(tmp_path, profile_batch=(2, 3), epochs=1)
    assert list((tmp_path / "train").glob("plugins/profile/*/*.xplane.pb"))
    # It was stopped: another one can be made.
    jax.profiler.start_trace(tmp_path / "other")
    jnp.zeros(1).block_until_ready()
    jax.profiler.stop_trace()


def test_a_second_fit_writes_another_file(tmp_path: Path, read: Read) -> None:
    watch = callbacks.TensorBoard(tmp_path, write_graph=False)
    model = fitwell.Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, epochs=1, callbacks=[watch], verbose=0)
    model.fit(X, Y, epochs=2, initial_epoch=1, callbacks=[watch], verbose=0)
    assert len(list((tmp_path / "train").iterdir())) == 2
    assert list(values(read(tmp_path / "train"), "epoch_loss")) == [0, 1]


def test_a_resumed_run_is_recorded_to_its_end(tmp_path: Path, read: Read) -> None:
    """Two batches per epoch, after two updates of another run; the second process continues at batch 4 of 8."""
    model = fitwell.Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=10, verbose=0)
    for epochs in (2, 4):
        watch = callbacks.TensorBoard(tmp_path / "board", update_freq=3, write_graph=False)
        model.fit(X, Y, batch_size=10, epochs=epochs, resume=tmp_path / "kept", callbacks=[watch], verbose=0)
    assert list(values(read(tmp_path / "board" / "train"), "batch_loss")) == [5, 8]


def test_evaluate_writes_its_results_and_fit_does_not_wait_for_it(tmp_path: Path, read: Read) -> None:
    model = fit(tmp_path, epochs=1)
    loss, error = model.evaluate(X, Y, callbacks=[callbacks.TensorBoard(tmp_path / "alone")], verbose=0)
    reader = read(tmp_path / "alone" / "validation")
    assert values(reader, "evaluation_loss_vs_iterations") == {4: np.float32(loss)}
    assert values(reader, "evaluation_mae_vs_iterations") == {4: np.float32(error)}
    assert "evaluation_loss_vs_iterations" not in read(tmp_path / "validation").Tags()["tensors"]


def test_weights_of_one_name_in_two_models_have_separate_histograms(tmp_path: Path, read: Read) -> None:
    parts = [fitwell.Sequential([layers.Dense(3, name="hidden")], name=name) for name in ("one", "two")]
    model = fitwell.Sequential([layers.Input((3,)), *parts, layers.Dense(1, name="last")])
    model.compile("sgd", "mse")
    model.fit(X, Y, callbacks=[callbacks.TensorBoard(tmp_path, histogram_freq=1)], verbose=0)
    tags = read(tmp_path / "train").Tags()["tensors"]
    assert {"one/hidden/kernel/histogram", "two/hidden/kernel/histogram", "last/kernel/histogram"} <= set(
        tags
    )


@pytest.mark.parametrize(
    "options",
    [
        {"embeddings_freq": 1},
        {"update_freq": "often"},
        {"update_freq": 0},
        {"profile_batch": (3, 2)},
        {"profile_batch": -1},
    ],
    ids=str,
)
def test_invalid_arguments_raise(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="TensorBoard"):
        callbacks.TensorBoard(**options)
