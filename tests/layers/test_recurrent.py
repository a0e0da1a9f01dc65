"""Recurrent layers, their wrappers and masks, against Keras and closed forms."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import fitwell as fw
from fitwell import layers
from fitwell.errors import InvalidArgument, ShapeError
from tests.agreement import agree

keras: Any = pytest.importorskip("keras", reason="the reference is Keras, of the extra [test]")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 7, 3)).astype(np.float32)
MASK = RNG.random((4, 7)) > 0.4
KINDS = ["SimpleRNN", "LSTM", "GRU"]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"return_sequences": True},
    {"return_sequences": True, "return_state": True, "go_backwards": True},
    {"use_bias": False, "unroll": True},
    {"zero_output_for_mask": True, "return_sequences": True},
    {"activation": "relu", "return_state": True},
]


def pair(make: Any, *arguments: Any) -> tuple[Any, Any]:
    """Return a layer of Keras and the same one of ours, with the same random weights."""
    theirs, ours = make(keras.layers), make(layers)
    theirs(*arguments)
    ours(*arguments)
    shapes = [tuple(weight.shape) for weight in theirs.weights]
    assert [weight.shape for weight in ours.weights] == shapes
    values = [RNG.normal(0, 0.5, shape).astype(np.float32) for shape in shapes]
    theirs.set_weights(values)
    ours.set_weights(values)
    return theirs, ours


def assert_equal(ours: Any, theirs: Any, tolerance: float = 2e-6, row: str | None = None) -> None:
    ours, theirs = jax.tree.leaves(ours), jax.tree.leaves(theirs)
    assert [np.shape(leaf) for leaf in ours] == [np.shape(leaf) for leaf in theirs]
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=tolerance)
        if row is not None:
            agree(
                np.asarray(one), np.asarray(other), row=f"layers/{row}", against="Keras", rtol=1e-5, atol=1e-5
            )


@pytest.mark.parametrize(("kind", "options"), list(itertools.product(KINDS, OPTIONS)))
def test_outputs_and_states_equal_keras(kind: str, options: dict[str, Any]) -> None:
    theirs, ours = pair(lambda where: getattr(where, kind)(5, **options), X)
    states = [RNG.normal(size=(4, 5)).astype(np.float32) for _ in range(2 if kind == "LSTM" else 1)]
    for mask in (None, MASK):
        assert_equal(ours(X, mask=mask), theirs(X, mask=mask))
        assert_equal(ours(X, initial_state=states, mask=mask), theirs(X, initial_state=states, mask=mask))


def test_a_gru_may_reset_before_the_product() -> None:
    theirs, ours = pair(lambda where: where.GRU(5, reset_after=False), X)
    assert_equal(ours(X), theirs(X))


@pytest.mark.parametrize(
    ("mode", "sequences", "states"),
    list(itertools.product(["concat", "sum", "mul", "ave", None], [False, True], [False, True])),
)
def test_bidirectional_equals_keras(mode: str | None, sequences: bool, states: bool) -> None:
    theirs, ours = pair(
        lambda where: where.Bidirectional(
            where.LSTM(5, return_sequences=sequences, return_state=states), merge_mode=mode
        ),
        X,
    )
    for mask in (None, MASK):
        assert_equal(ours(X, mask=mask), theirs(X, mask=mask), row="Bidirectional")
    initial = [RNG.normal(size=(4, 5)).astype(np.float32) for _ in range(4)]
    assert_equal(ours(X, initial_state=initial), theirs(X, initial_state=initial))


def test_stacked_cells_and_time_distributed_equal_keras() -> None:
    theirs, ours = pair(
        lambda where: where.RNN([where.GRUCell(3), where.LSTMCell(4)], return_sequences=True), X
    )
    for row in ("RNN", "StackedRNNCells"):
        assert_equal(ours(X), theirs(X), row=row)
    theirs, ours = pair(lambda where: where.TimeDistributed(where.Dense(2, activation="tanh")), X)
    assert_equal(ours(X), theirs(X), row="TimeDistributed")


@pytest.mark.parametrize("kind", ["SimpleRNNCell", "LSTMCell", "GRUCell"])
def test_cells_equal_keras(kind: str) -> None:
    states = [RNG.normal(size=(4, 5)).astype(np.float32) for _ in range(2 if kind == "LSTMCell" else 1)]
    theirs, ours = pair(lambda where: getattr(where, kind)(5), X[:, 0], states)
    assert_equal(ours(X[:, 0], states), theirs(X[:, 0], states), row=kind)


def test_a_step_of_a_cell_equals_the_formula() -> None:
    cell = layers.LSTMCell(2, unit_forget_bias=True)
    x, h, c = (RNG.normal(size=(3, size)).astype(np.float32) for size in (4, 2, 2))
    output, (new_h, new_c) = cell(x, [h, c])
    kernel, recurrent, bias = cell.get_weights()
    assert bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=1)
    expected_c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
    np.testing.assert_allclose(new_c, expected_c, atol=1e-6)
    np.testing.assert_allclose(output, np.tanh(expected_c) / (1 + np.exp(-o)), atol=1e-6)
    assert output is new_h


def test_a_cell_of_the_user_is_applied_to_each_step() -> None:
    class Sum(layers.Layer):
        state_size = 3

        def call(self, inputs: Any, states: Any) -> Any:
            total = inputs + states[0]
            return total, [total]

    outputs = layers.RNN(Sum(), return_sequences=True)(X)
    np.testing.assert_allclose(outputs, np.cumsum(X, axis=1), atol=1e-5)


def masked_model(where: Any) -> Any:
    model = where.Sequential(
        [
            where.layers.Embedding(10, 4, mask_zero=True),
            where.layers.LSTM(6, return_sequences=True),
            where.layers.GRU(5, return_sequences=True),
            where.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def test_masked_steps_count_neither_in_layers_nor_in_the_loss() -> None:
    ids = RNG.integers(1, 10, (8, 9))
    ids[:4, 6:], ids[4:, 3:] = 0, 0
    y = RNG.integers(0, 3, (8, 9))
    theirs, ours = masked_model(keras), masked_model(fw)
    theirs(ids)
    ours.predict(ids)
    ours.set_weights(theirs.get_weights())
    assert_equal(ours.predict(ids), theirs.predict(ids, verbose=0))
    np.testing.assert_allclose(
        ours.evaluate(ids, y, batch_size=8), theirs.evaluate(ids, y, batch_size=8, verbose=0), rtol=1e-5
    )
    for model in (theirs, ours):
        model.fit(ids, y, batch_size=4, epochs=2, verbose=0, shuffle=False)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_masks_pass_through_merges_and_pooling() -> None:
    def build(where: Any) -> Any:
        ids = where.Input((6,), dtype="int32")
        a = where.layers.Embedding(9, 3, mask_zero=True)(ids)
        b = where.layers.Embedding(9, 3, mask_zero=True)(ids)
        joined = where.layers.Concatenate()([where.layers.Add()([a, b]), a])
        return where.Model(
            ids, where.layers.GlobalAveragePooling1D()(where.layers.Activation("tanh")(joined))
        )

    ids = np.array([[1, 2, 3, 0, 0, 0], [4, 5, 0, 0, 0, 0]])
    theirs, ours = build(keras), build(fw)
    ours.set_weights(theirs.get_weights())
    assert_equal(ours.predict(ids), theirs.predict(ids, verbose=0))


def test_batch_normalization_ignores_masked_steps() -> None:
    theirs, ours = pair(lambda where: where.BatchNormalization(), X)
    assert_equal(ours(X, training=True, mask=MASK), theirs(X, training=True, mask=MASK), 1e-5)
    assert_equal([w.numpy() for w in ours.weights], theirs.get_weights(), 1e-5)


def test_dropout_has_one_mask_for_all_steps() -> None:
    layer = layers.SimpleRNN(
        3, activation="linear", dropout=0.5, kernel_initializer="identity", recurrent_initializer="zeros",
        return_sequences=True, seed=1,
    )  # fmt: skip
    ones = np.ones((5, 6, 3), np.float32)
    outputs = np.asarray(layer(ones, training=True))
    assert set(np.unique(outputs)) == {0.0, 2.0}
    assert (outputs == outputs[:, :1]).all()
    np.testing.assert_array_equal(layer(ones), ones)


def test_models_are_exchanged_with_keras(tmp_path: Path) -> None:
    theirs = keras.Sequential(
        [
            keras.layers.Input((7, 3)),
            keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True)),
            keras.layers.TimeDistributed(keras.layers.Dense(3)),
            keras.layers.GRU(2),
        ]
    )
    theirs.save(tmp_path / "theirs.keras")
    ours = fw.models.load_model(tmp_path / "theirs.keras")
    assert_equal(ours.predict(X), theirs.predict(X, verbose=0))
    ours.save(tmp_path / "ours.keras")
    assert_equal(keras.models.load_model(tmp_path / "ours.keras").predict(X, verbose=0), ours.predict(X))
    assert_equal(fw.models.load_model(tmp_path / "ours.keras").predict(X), ours.predict(X), 0)


def test_populations_and_short_batches_train_recurrent_layers() -> None:
    def build(setting: dict[str, Any]) -> fw.Model:
        model = fw.Sequential([fw.Input((7, 3)), layers.Masking(), layers.GRU(4), layers.Dense(1)])
        model.compile(fw.optimizers.Adam(setting["rate"]), "mse")
        return model

    x = RNG.normal(size=(50, 7, 3)).astype(np.float32)
    y = x[:, :, 0].sum(axis=1, keepdims=True)
    population = fw.Population(build, [{"rate": 0.01}, {"rate": 0.05}])
    population.fit(x, y, batch_size=16, epochs=20, verbose=0)
    assert all(
        history.history["loss"][-1] < 0.7 * history.history["loss"][0] for history in population.history
    )


def test_mistakes_are_explained() -> None:
    with pytest.raises(InvalidArgument, match="stateful=True is not supported; pass the last states"):
        layers.LSTM(3, stateful=True)
    with pytest.raises(
        ShapeError, match=r"expected inputs of shape \(batch, time, \.\.\.\), got \(None, 3\)"
    ):
        layers.LSTM(3)(np.ones((2, 3)))
    with pytest.raises(InvalidArgument, match="expected a recurrent layer, such as LSTM, got Dense"):
        layers.Bidirectional(layers.Dense(3))
    with pytest.raises(InvalidArgument, match="different values of go_backwards"):
        layers.Bidirectional(layers.LSTM(3), backward_layer=layers.LSTM(3))
    with pytest.raises(InvalidArgument, match="a cell, which has the attributes call and state_size"):
        layers.RNN(3)
    layer = layers.GRU(3)
    layer(X)
    with pytest.raises(ShapeError, match="expected 3 features"):
        layer(np.ones((2, 7, 5)))
