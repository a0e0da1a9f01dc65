"""The result of a run depends on the data, the model and the seed, not on how the run was cut or padded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell import callbacks, layers, regularizers
from fitwell._data.loaders import ArrayLoader, Batch, array_loader
from fitwell._engine import compile_cache
from fitwell.callbacks.callback_list import CallbackList
from fitwell.models import batch_loading, train_loop

# Small cases on purpose: a learning rate of 0, constant weights or targets.
pytestmark = pytest.mark.filterwarnings("ignore::fitwell.errors.MistakeWarning")

Weights = list[np.ndarray]


def data(rows: int = 53, width: int = 4) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(2)
    x = draw.normal(size=(rows, width)).astype(np.float32)
    return x, draw.integers(0, 3, rows)


def network(*, dropout: float = 0.0, seed: int = 1, optimizer: Any = "adam") -> Any:
    """A model with everything in it that padding or cutting could disturb."""
    fitwell.utils.set_random_seed(seed)
    model = fitwell.Sequential(
        [
            layers.Dense(
                8,
                "relu",
                input_shape=(4,),
                activity_regularizer=regularizers.l2(0.01),
                kernel_regularizer="l1",
            ),
            layers.BatchNormalization(momentum=0.8),
            layers.Dropout(dropout),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    return model


def assert_equal_bits(one: Weights, other: Weights) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def assert_close(one: Weights, other: Weights) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


# --- padding ------------------------------------------------------------------------------------------------


class Stranger(layers.Layer):
    """A user-defined layer: it may mix rows, so its short batches are not padded."""

    def call(self, inputs: Any) -> Any:
        return inputs - inputs.mean(axis=0)


def test_a_padded_tail_batch_equals_one_of_its_own_size(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = data()
    padded = network(optimizer=fitwell.optimizers.SGD(0.1))
    history = padded.fit(x, y, batch_size=16, epochs=4, verbose=0, validation_data=(x[:9], y[:9])).history
    exact = network(optimizer=fitwell.optimizers.SGD(0.1))
    used: list[bool] = []

    def without_padding(*arguments: Any, pad: bool, **keywords: Any) -> Any:
        used.append(pad)
        return ArrayLoader(*arguments, pad=False, **keywords)

    monkeypatch.setattr(batch_loading, "ArrayLoader", without_padding)
    exact_history = exact.fit(
        x, y, batch_size=16, epochs=4, verbose=0, validation_data=(x[:9], y[:9])
    ).history
    assert used == [True]
    assert_close(padded.get_weights(), exact.get_weights())
    for name, values in exact_history.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-4, err_msg=name)


def test_layers_of_strangers_see_batches_of_their_true_size() -> None:
    """Updates by hand in NumPy: the layer subtracts the mean of the batch, and 13 rows are 8 and 5."""
    x, _ = data(13)
    y = x[:, :1] * 2 + x[:, 1:2]
    model = fitwell.Sequential([Stranger(input_shape=(4,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(0.1))
    history = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
    kernel, bias = np.ones((4, 1)), np.zeros(1)
    losses = []
    for _ in range(2):
        total = 0.0
        for part in (slice(0, 8), slice(8, 13)):
            centred = x[part] - x[part].mean(axis=0)
            error = centred @ kernel + bias - y[part]
            total += np.square(error).sum()
            kernel -= 0.1 * 2 * centred.T @ error / len(error)
            bias -= 0.1 * 2 * error.sum(axis=0) / len(error)
        losses.append(total / 13)
    assert_close(model.get_weights(), [kernel, bias])
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-5)


def test_row_mean_makes_a_layer_of_ones_own_fit_for_padding() -> None:
    from fitwell._call_context import masked_mean

    class Centred(layers.Layer):
        supports_padding = True

        def call(self, inputs: Any) -> Any:
            return inputs - masked_mean(inputs)

    x, _ = data(13)
    results = []
    for first in (Stranger, Centred):
        model = fitwell.Sequential([first(input_shape=(4,)), layers.Dense(1, kernel_initializer="ones")])
        model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(0.1))
        model.fit(x, x[:, :1], batch_size=8, epochs=2, shuffle=False, verbose=0)
        results.append(model.get_weights())
    assert_close(*results)


@pytest.mark.parametrize("kind", ["loss", "metric"])
def test_a_loss_or_metric_of_ones_own_counts_no_padding(kind: str) -> None:
    """Both reduce the whole batch to one number, so they can be right only without padding."""
    import jax.numpy as jnp

    def squared(y_true: Any, y_pred: Any) -> Any:
        return jnp.mean(jnp.square(y_true - y_pred))

    x, _ = data(13)
    y = x[:, :1]
    model = fitwell.Sequential([layers.Dense(1, input_shape=(4,), kernel_initializer="ones")])
    if kind == "loss":
        model.compile(loss=squared, optimizer=fitwell.optimizers.SGD(0.0))
    else:
        model.compile(loss="mse", metrics=[squared], optimizer=fitwell.optimizers.SGD(0.0))
    history = model.fit(x, y, batch_size=8, epochs=1, shuffle=False, verbose=0).history
    errors = np.square(x.sum(axis=1, keepdims=True) - y)
    # One number for each batch is averaged by the rows it stands for, which makes this the mean of all rows.
    assert history["loss" if kind == "loss" else "squared"][0] == pytest.approx(errors.mean(), rel=1e-5)


# --- cutting ------------------------------------------------------------------------------------------------


class EveryBatch(callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        assert logs["loss"] > 0


class EveryEpoch(callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        pass


class Looks(callbacks.Callback):
    """Reads the weights at every batch, which must neither change nor break anything."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.kept = self.model.layers[0].kernel.value


class TestBatch(callbacks.Callback):
    __test__ = False

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        pass


def pace_of(steps: int) -> Callable[..., Any]:
    def make(*arguments: Any, **keywords: Any) -> Any:
        from fitwell._engine.dispatch_size import AdaptiveDispatchSize

        pace = AdaptiveDispatchSize(*arguments, **keywords)
        pace._steps = steps
        pace.update = lambda *ignored: None  # type: ignore[method-assign]
        return pace

    return make


CUTS: dict[str, dict[str, Any]] = {
    "progress": {"verbose": 1},
    "lines": {"verbose": 2},
    "by epoch": {"callbacks": [EveryEpoch()]},
    "by batch": {"callbacks": [EveryBatch()]},
    "weights read": {"callbacks": [Looks()]},
    "validation outside": {"callbacks": [TestBatch()]},
}


@pytest.fixture(scope="module")
def quiet() -> tuple[Weights, dict[str, list[float]]]:
    x, y = data()
    model = network(dropout=0.3)
    history = model.fit(x, y, batch_size=8, epochs=5, verbose=0, validation_data=(x[:9], y[:9])).history
    return model.get_weights(), history


@pytest.mark.parametrize("how", CUTS)
def test_who_looks_changes_no_bit(how: str, quiet: Any, capsys: Any) -> None:
    x, y = data()
    model = network(dropout=0.3)
    arguments = {"verbose": 0} | CUTS[how]
    history = model.fit(x, y, batch_size=8, epochs=5, validation_data=(x[:9], y[:9]), **arguments).history
    assert_equal_bits(model.get_weights(), quiet[0])
    for name, values in quiet[1].items():
        np.testing.assert_allclose(history[name], values, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 10, 14, 1000])
def test_any_pace_gives_the_same_bits(steps: int, quiet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven batches an epoch: parts of epochs, whole ones, and several at once."""
    monkeypatch.setattr(train_loop, "AdaptiveDispatchSize", pace_of(steps))
    x, y = data()
    model = network(dropout=0.3)
    history = model.fit(x, y, batch_size=8, epochs=5, verbose=0, validation_data=(x[:9], y[:9])).history
    assert_equal_bits(model.get_weights(), quiet[0])
    assert history == quiet[1]


def test_a_run_in_two_parts_equals_one(quiet: Any) -> None:
    x, y = data()
    model = network(dropout=0.3)
    validation = (x[:9], y[:9])
    first = model.fit(x, y, batch_size=8, epochs=2, verbose=0, validation_data=validation).history
    second = model.fit(x, y, batch_size=8, epochs=3, verbose=0, validation_data=validation).history
    assert_equal_bits(model.get_weights(), quiet[0])
    for name, values in quiet[1].items():
        np.testing.assert_allclose(first[name] + second[name], values, rtol=1e-6)


@pytest.mark.slow
def test_initial_epoch_resumes_too(quiet: Any) -> None:
    x, y = data()
    model = network(dropout=0.3)
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    history = model.fit(x, y, batch_size=8, epochs=5, initial_epoch=2, verbose=0)
    assert history.epoch == [2, 3, 4]
    assert_equal_bits(model.get_weights(), quiet[0])


def test_same_seed_same_bits_other_seed_other_bits() -> None:
    x, y = data()
    results = []
    for seed in (5, 5, 6):
        model = network(seed=1)
        fitwell.utils.set_random_seed(seed)
        model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd")
        model.fit(x, y, batch_size=8, epochs=2, verbose=0)
        results.append(model.get_weights())
    assert_equal_bits(results[0], results[1])
    assert not np.array_equal(results[0][0], results[2][0])


def test_every_epoch_has_an_order_of_its_own_and_visits_every_row_once() -> None:
    loader = ArrayLoader(Batch(np.arange(13, dtype=np.float32)[:, None]), 4, shuffle=True, seed=3)
    orders = []
    for dispatch in loader.dispatches(0, 3, lambda: 4):
        sizes = [4, 4, 4, 1]
        visited = [
            row
            for batch, size in zip(np.asarray(dispatch.order)[0], sizes, strict=True)
            for row in batch[:size]
        ]
        assert sorted(visited) == list(range(13))
        orders.append(tuple(visited))
    assert len(set(orders)) == 3


@pytest.mark.slow
def test_nearly_as_many_rows_run_the_program_of_those_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in cross-validation. The rows that fill the block up are never seen."""
    x = np.random.default_rng(2).normal(size=(60, 3)).astype(np.float32)
    y = x.sum(axis=1, keepdims=True)

    def fit(rows: int) -> dict[str, list[float]]:
        fitwell.utils.set_random_seed(5)
        model = fitwell.Sequential([layers.Input((3,)), layers.Dense(13, "tanh"), layers.Dense(1)])
        model.compile("adam", "mse", metrics=["mae"])
        return model.fit(x[:rows], y[:rows], batch_size=16, epochs=3, verbose=0).history

    compiled = compile_cache.compile_stats.compiled
    found = [fit(rows) for rows in (57, 58, 59)]
    assert compile_cache.compile_stats.compiled - compiled == 1
    monkeypatch.setattr(array_loader, "_MAX_COPIED_BYTES", 0)
    assert [fit(rows) for rows in (57, 58, 59)] == found
    assert compile_cache.compile_stats.compiled - compiled == 4  # now each has a separate program


# --- streaming ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("rows", [53, 56])
def test_a_memory_map_streamed_from_disk_gives_the_same_bits(
    rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = data(rows)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    resident = network(dropout=0.3)
    history = resident.fit(x, y, batch_size=8, epochs=3, verbose=0, validation_data=(x, y)).history
    monkeypatch.setattr(fitwell.config, "_memory_budget", 100)
    streams: list[Any] = []
    real = batch_loading.GeneratorLoader
    monkeypatch.setattr(batch_loading, "GeneratorLoader", lambda *a, **k: streams.append(a) or real(*a, **k))
    streamed = network(dropout=0.3)
    stream_history = streamed.fit(
        mapped, y, batch_size=8, epochs=3, verbose=0, validation_data=(mapped, y)
    ).history
    assert len(streams) >= 2
    assert_equal_bits(streamed.get_weights(), resident.get_weights())
    for name, values in history.items():
        np.testing.assert_allclose(stream_history[name], values, rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(streamed.predict(mapped), resident.predict(x), rtol=1e-6)


@pytest.mark.slow
def test_a_generator_gives_what_arrays_give() -> None:
    x, y = data(56)

    def batches() -> Any:
        while True:
            for start in range(0, 56, 8):
                yield x[start : start + 8], y[start : start + 8]

    one, other = network(), network()
    history = one.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0).history
    other_history = other.fit(batches(), steps_per_epoch=7, epochs=3, verbose=0).history
    assert_close(one.get_weights(), other.get_weights())
    np.testing.assert_allclose(history["loss"], other_history["loss"], rtol=1e-5)


def test_reading_ahead_leaves_no_thread_behind() -> None:
    x, y = data(56)

    def batches() -> Any:
        while True:
            yield x[:8], y[:8]

    network().fit(batches(), steps_per_epoch=5, epochs=2, verbose=0)
    assert not [thread for thread in threading.enumerate() if thread.name == "fitwell-read-ahead"]


def test_observers_know_which_hooks_are_defined() -> None:
    model = network()
    watchers = CallbackList([EveryBatch()], model, {})
    assert watchers.has_hook("on_train_batch_end")
    assert not watchers.has_hook("on_epoch_end", "on_train_batch_begin")
