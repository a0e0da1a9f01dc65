"""The network for tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fitwell as fw
from fitwell import layers, schedules
from fitwell.errors import FitwellError, InvalidArgument
from fitwell.tabular import TabularNetwork

SMALL = TabularNetwork((8, 8), num_frequencies=3, steps=20)


def test_about_as_many_steps_whatever_the_size_of_the_table() -> None:
    network = TabularNetwork(batch_size=256, steps=1000)
    assert network.steps_per_epoch(1000) == 4
    assert network.epochs(1000) == 250  # 1000 steps
    assert network.epochs(100) == 400  # limited
    assert network.epochs(1_000_000) == 24


def test_only_numbers_are_embedded() -> None:
    model = SMALL.build(5, [1, 3], "binary", 1, num_rows=100)
    assert model.get_layer("embedding").frequencies.shape == (2, 3)
    x = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    front = fw.Model(model.inputs[0], model.get_layer("scaling").output)
    embedded, rest = np.split(np.asarray(front.predict(x, verbose=0)), [8], axis=1)
    np.testing.assert_allclose(embedded[:, [0, 4]], x[:, [1, 3]], rtol=1e-6)  # the numbers themselves
    np.testing.assert_allclose(rest, x[:, [0, 2, 4]], rtol=1e-6)


@pytest.mark.parametrize(
    ("network", "task", "activation"),
    [
        (SMALL, "regression", "mish"),
        (SMALL, "binary", "selu"),
        (SMALL, "multiclass", "selu"),
        (TabularNetwork((8,), activation="tanh"), "binary", "tanh"),
    ],
)
def test_hidden_layers_have_the_activation_of_the_task(
    network: TabularNetwork, task: Any, activation: str
) -> None:
    model = network.build(3, [0], task, 4, num_rows=100)
    hidden = [layer for layer in model.layers if isinstance(layer, layers.ParametricActivation)]
    assert len(hidden) == len(network.hidden_layer_sizes)
    assert all(layer.activation is fw.activations.get(activation) for layer in hidden)


@pytest.mark.parametrize("numeric", [[], [0, 1, 2]])
def test_tables_of_one_kind(numeric: list[int]) -> None:
    model = SMALL.build(3, numeric, "multiclass", 4, num_rows=50)
    probabilities = model.predict(np.zeros((2, 3), np.float32), verbose=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_schedules_end_with_the_run() -> None:
    model = SMALL.build(3, [0], "regression", 2, num_rows=500)
    total = SMALL.epochs(500) * SMALL.steps_per_epoch(500)
    optimizer = model.optimizer
    rate, decay = (optimizer.get_hyperparameter(name) for name in ("learning_rate", "weight_decay"))
    dropout = next(layer.rate for layer in model.layers if isinstance(layer, layers.Dropout))
    assert isinstance(dropout, schedules.FlatCosineDecay)
    for schedule, start in ((decay, 0.02), (dropout, 0.15)):
        assert float(schedule(total // 2)) == pytest.approx(start, rel=1e-3)
        assert float(schedule(total)) == pytest.approx(0, abs=1e-6)
    assert float(rate(0)) == 0
    assert float(rate(total // 20)) == pytest.approx(0.2, rel=1e-5)
    assert float(rate(total)) == pytest.approx(0, abs=1e-6)


def test_a_saved_network_predicts_the_same(tmp_path) -> None:  # type: ignore[no-untyped-def]
    model = SMALL.build(5, [1, 3], "regression", 1, num_rows=100)
    x = np.random.default_rng(0).normal(size=(100, 5)).astype(np.float32)
    model.fit(x, x[:, :1], epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = fw.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
        ({"dropout": 1.0}, "dropout"),
        ({"activation": "rellu"}, "unknown activation 'rellu'"),
        ({"steps": 0}, "steps"),
        ({"embedding_dim": 1}, "embedding_dim"),
    ],
)
def test_wrong_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(FitwellError, match=message):
        TabularNetwork(**arguments)  # type: ignore[arg-type]


def test_the_encoding_is_concatenated_with_the_other_inputs() -> None:
    network = TabularNetwork((8,), num_frequencies=0, num_bins=2)
    model = network.build(3, [0, 2], "regression", 1, 100, bin_edges=[[0.0, 1.0, 2.0], [0.0, 4.0]])
    front = fw.Model(model.inputs[0], model.get_layer("scaling").output)
    assert front(np.array([[1.5, 1.0, 3.0]], np.float32)).tolist() == [[1.5, 3.0, 1.0, 1.0, 0.5, 0.75]]
    with pytest.raises(
        InvalidArgument, match="num_bins requires bin_edges for each of the 2 numeric inputs, got 0"
    ):
        network.build(3, [0, 2], "regression", 1, 100)
