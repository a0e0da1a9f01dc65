"""A run compiles once, needs constant memory, takes learning rates as arguments and never loses weights."""

from __future__ import annotations

import gc
import signal
import threading
import warnings
from types import SimpleNamespace
from typing import Any
from unittest import mock

import jax
import numpy as np
import pytest

import fitwell
from fitwell import callbacks, layers
from fitwell._engine import compile_cache, xla_cpu_heuristics
from fitwell._engine.epoch_runner import all_finite
from fitwell.errors import NonFiniteWarning

# Small cases on purpose: a learning rate of 0, constant weights or targets.
pytestmark = pytest.mark.filterwarnings("ignore::fitwell.errors.MistakeWarning")


def data(rows: int = 40) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(6)
    x = draw.normal(size=(rows, 3)).astype(np.float32)
    return x, (x @ np.array([1.0, -2.0, 0.5])).astype(np.float32)[:, None]


def build(rate: float = 0.01, l2: float = 1e-3, dropout: float = 0.1, width: int = 5) -> Any:
    model = fitwell.Sequential(
        [
            layers.Dense(
                width, "relu", input_shape=(3,), kernel_regularizer=fitwell.regularizers.l2(l2), name="first"
            ),
            layers.Dropout(dropout),
            layers.Dense(1),
        ]
    )
    model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(rate, momentum=0.9), metrics=["mae"])
    return model


class Counted:
    """Counts compilations inside a block."""

    def __enter__(self) -> Counted:
        self._before = compile_cache.compile_stats.compiled
        self.compiled = -1
        return self

    def __exit__(self, *error: object) -> None:
        self.compiled = compile_cache.compile_stats.compiled - self._before


# --- compiling once -----------------------------------------------------------------------------------------


def test_models_of_one_architecture_share_one_compilation() -> None:
    x, y = data()
    build(width=7).fit(x, y, epochs=2, validation_data=(x, y), verbose=0)
    with Counted() as count:
        for trial in range(1, 6):
            model = build(0.001 * trial, 1e-4 * trial, 0.1 * trial, width=7)
            model.fit(x, y, epochs=3, validation_data=(x, y), verbose=0)
    assert count.compiled == 0
    with Counted() as count:
        build(width=8).fit(x, y, epochs=2, verbose=0)
    assert count.compiled == 1


def test_the_shared_program_uses_the_numbers_of_each_model() -> None:
    """A rate, a penalty or a dropout rate that had become a constant would show here."""
    x, y = data()
    start = build().get_weights()

    def trained(**settings: Any) -> list[np.ndarray]:
        fitwell.utils.set_random_seed(0)
        model = build(**settings)
        model.set_weights(start)
        model.fit(x, y, epochs=2, shuffle=False, verbose=0)
        return model.get_weights()

    reference = trained(dropout=0.0)
    for change in ({"rate": 0.02}, {"l2": 0.1}, {"dropout": 0.5}):
        assert not np.allclose(trained(**({"dropout": 0.0} | change))[0], reference[0]), change
    np.testing.assert_array_equal(trained(dropout=0.0)[0], reference[0])


@pytest.mark.slow
def test_two_hundred_builds_and_fits_compile_once_and_keep_memory_flat() -> None:
    import psutil

    x, y = data()
    process = psutil.Process()
    build(width=11).fit(x, y, epochs=2, validation_data=(x, y), verbose=0)
    sizes = {}
    with Counted() as count:
        for trial in range(1, 201):
            model = build(0.0001 * trial, 1e-5 * trial, 0.001 * trial, width=11)
            model.fit(x, y, epochs=2, validation_data=(x, y), verbose=0)
            if trial in (50, 200):
                gc.collect()
                sizes[trial] = process.memory_info().rss
    assert count.compiled == 0
    assert sizes[200] - sizes[50] < 15e6, f"{(sizes[200] - sizes[50]) / 150:,.0f} bytes a model"


@pytest.mark.parametrize(
    "hook", ["on_train_batch_begin", "on_epoch_begin", "on_epoch_end", "on_train_batch_end"]
)
def test_a_rate_set_from_a_hook_counts_at_once_and_compiles_nothing(hook: str) -> None:
    """The loss falls by one for each unit of the one weight, so every step moves it by the rate."""
    model = fitwell.Sequential(
        [layers.Dense(1, input_shape=(1,), use_bias=False, kernel_initializer="zeros")]
    )
    model.compile(loss=lambda y_true, y_pred: -y_pred[:, 0], optimizer=fitwell.optimizers.SGD(1.0))
    ones = np.ones((8, 1), np.float32)
    rates: list[float] = []

    class Sets(callbacks.Callback):
        active = True

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.set("on_train_batch_begin")
            rates.append(self.model.optimizer.learning_rate)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.set("on_train_batch_end")

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.set("on_epoch_begin")

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.set("on_epoch_end")

        def set(self, here: str) -> None:
            if here == hook and self.active:
                self.model.optimizer.learning_rate *= 0.5

    watcher = Sets()
    watcher.active = False
    model.fit(ones, ones, batch_size=4, epochs=1, callbacks=[watcher], verbose=0)
    before = float(model.get_weights()[0][0, 0])
    rates.clear()
    watcher.active = True
    with Counted() as count:
        model.fit(ones, ones, batch_size=4, epochs=3, callbacks=[watcher], verbose=0)
    assert len(rates) == 6
    assert float(model.get_weights()[0][0, 0]) - before == pytest.approx(sum(rates), rel=1e-5)
    assert rates[-1] < rates[0] or hook == "on_train_batch_begin"
    assert model.optimizer.learning_rate < 1
    assert count.compiled == 0


def test_other_hyperparameters_may_change_between_fits_without_compiling() -> None:
    x, y = data()
    model = build()
    model.fit(x, y, epochs=1, verbose=0)
    with Counted() as count:
        model.layers[1].rate = 0.7
        model.optimizer.momentum = 0.5
        model.layers[0].kernel_regularizer.l2 = 0.5
        loss = model.fit(x, y, epochs=1, verbose=0).history["loss"][0]
    assert count.compiled == 0
    assert loss > 0.5 * float(np.square(model.layers[0].kernel.numpy()).sum()) * 0.5


# --- references to weights -------------------------------------------------------------------------------


def test_arrays_held_by_a_user_stay_valid_and_unchanged() -> None:
    x, y = data()
    model = build()
    before = model.layers[0].kernel.value
    copy = np.array(before)
    model.fit(x, y, epochs=1, verbose=0)
    between = model.layers[0].kernel.value
    middle = np.array(between)
    model.fit(x, y, epochs=1, verbose=0)
    np.testing.assert_array_equal(np.asarray(before), copy)
    np.testing.assert_array_equal(np.asarray(between), middle)
    assert not np.array_equal(copy, middle)
    assert not np.array_equal(middle, model.layers[0].kernel.numpy())


def test_two_models_may_share_layers_and_train_in_turn() -> None:
    x, y = data()
    shared = layers.Dense(4, "tanh", input_shape=(3,))
    one = fitwell.Sequential([shared, layers.Dense(1)])
    other = fitwell.Sequential([shared, layers.Dense(1)])
    for model in (one, other):
        model.compile(loss="mse", optimizer="adam")
    for model in (one, other, one, other):
        held = shared.kernel.value
        model.fit(x, y, epochs=1, verbose=0)
        assert np.isfinite(np.asarray(held)).all()
        assert not np.array_equal(np.asarray(held), shared.kernel.numpy())
    np.testing.assert_array_equal(one.get_weights()[0], other.get_weights()[0])


def test_numpy_arrays_of_the_user_are_not_changed() -> None:
    x, y = data()
    kept = x.copy(), y.copy()
    build().fit(x, y, epochs=2, verbose=0)
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(y, kept[1])


# --- the NaN guard ------------------------------------------------------------------------------------------


def explode(batch: int, callbacks: Any = (), epochs: int = 3, **arguments: Any) -> tuple[Any, Any]:
    """Fit on 5 batches a epoch of which `batch` (from 1) overflows in layer "middle"."""
    x = np.ones((40, 3), np.float32) * 0.1
    x[(batch - 1) * 8 + 2] = 1e30
    y = np.ones((40, 1), np.float32)
    fitwell.utils.set_random_seed(3)
    model = fitwell.Sequential(
        [
            layers.Dense(4, input_shape=(3,), name="first", kernel_initializer="ones"),
            layers.Lambda(lambda v: v * v * v, name="middle"),
            layers.Dense(1, name="last"),
        ]
    )
    model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(1e-3))
    history = model.fit(
        x, y, batch_size=8, epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks), **arguments
    )
    return model, history


class Batches(callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.weights: list[list[np.ndarray]] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.weights.append(self.model.get_weights())


def test_a_loss_that_overflows_stops_the_run_and_names_batch_and_layer() -> None:
    with pytest.warns(NonFiniteWarning) as caught:
        model, history = explode(batch=4)
    (message,) = [str(w.message) for w in caught if w.category is NonFiniteWarning]
    assert "epoch 1, batch 4" in message
    assert "'middle'" in message
    assert "learning rate" in message
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert len(history.epoch) == 1
    assert model.stop_training


def test_the_weights_left_are_those_before_the_bad_batch_whoever_looks() -> None:
    watch = Batches()
    with pytest.warns(NonFiniteWarning) as caught:
        model, history = explode(batch=3, callbacks=[watch])
    (message,) = [str(w.message) for w in caught if w.category is NonFiniteWarning]
    assert "in epoch 1, batch 3." in message
    assert history.epoch == [0]
    assert len(watch.weights) == 3
    with pytest.warns(NonFiniteWarning):
        quiet, _ = explode(batch=3)
    for kept, left, unseen in zip(watch.weights[2], model.get_weights(), quiet.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, left)
        np.testing.assert_array_equal(unseen, left)


def test_a_diverging_run_stops_with_finite_weights() -> None:
    x, y = data()
    model = fitwell.Sequential([layers.Dense(1, input_shape=(3,))])
    model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(1e3))
    with pytest.warns(NonFiniteWarning, match=r"infinite|NaN"):
        history = model.fit(x, y, epochs=100, verbose=0)
    assert len(history.epoch) < 100
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_a_bad_batch_late_in_a_quiet_run_is_named_by_its_epoch() -> None:
    """Many epochs run in one dispatch; the loss takes a logarithm that fails once the weight passes 2."""
    import jax.numpy as jnp

    model = fitwell.Sequential(
        [layers.Dense(1, input_shape=(1,), use_bias=False, kernel_initializer="zeros")]
    )
    model.compile(
        loss=lambda y_true, y_pred: jnp.log(2.05 - y_pred[:, 0]),
        optimizer=fitwell.optimizers.SGD(1e-9),
    )
    ones = np.ones((8, 1), np.float32)

    def run(**arguments: Any) -> str:
        model.set_weights([np.zeros((1, 1), np.float32)])
        with pytest.warns(NonFiniteWarning) as caught:
            history = model.fit(ones, ones, batch_size=4, epochs=30, verbose=0, **arguments)
        assert all(np.isfinite(w).all() for w in model.get_weights())
        return f"{caught[0].message} {len(history.epoch)}"

    class Pushes(callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            model.optimizer.learning_rate = 10.0 if epoch == 6 else 1e-9

    assert "epoch 7, batch 2" in run(callbacks=[Pushes()])


@pytest.mark.slow
def test_other_warnings_do_not_come() -> None:
    x, y = data()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build(width=6).fit(x, y, epochs=2, validation_split=0.2, verbose=0)


def test_bad_rows_in_validation_are_refused_before_training() -> None:
    x, y = data()
    bad = x.copy()
    bad[3, 1] = np.nan
    model = build()
    before = model.get_weights()
    with pytest.raises(fitwell.errors.DataError, match="NaN"):
        model.fit(x, y, validation_data=(bad, y), verbose=0)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


# --- interruptions ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_ctrl_c_from_a_callback_keeps_what_was_learned() -> None:
    x, y = data()
    ended = []

    class Presses(callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self.model.optimizer.step.value == 7:
                signal.raise_signal(signal.SIGINT)

        def on_train_end(self, logs: Any = None) -> None:
            ended.append(True)

    fitwell.utils.set_random_seed(1)
    model = build()
    start = model.get_weights()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=8, epochs=10, callbacks=[Presses()], verbose=0)
    assert ended == [True]
    assert int(model.optimizer.step.value) == 7
    assert not np.array_equal(start[0], model.get_weights()[0])
    assert model.history.epoch[0] == 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    # The model is whole: it evaluates and trains on.
    assert np.isfinite(model.evaluate(x, y, verbose=0)).all()
    model.fit(x, y, epochs=1, verbose=0)


def test_ctrl_c_from_outside_is_heard_between_dispatches() -> None:
    x, y = data(400)
    model = build()
    model.fit(x, y, batch_size=4, epochs=1, verbose=0)
    timer = threading.Timer(0.7, lambda: signal.raise_signal(signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(x, y, batch_size=4, epochs=10_000_000, verbose=0)
    finally:
        timer.cancel()
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert int(model.optimizer.step.value) > 100


def test_an_error_in_a_callback_leaves_the_model_whole() -> None:
    x, y = data()

    class Fails(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                raise ZeroDivisionError("mine")

    model = build()
    with pytest.raises(ZeroDivisionError, match="mine"):
        model.fit(x, y, epochs=5, callbacks=[Fails()], verbose=0)
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert len(model.fit(x, y, epochs=2, verbose=0).epoch) == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_fit_works_on_another_thread() -> None:
    x, y = data()
    model = build()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            model.fit(x, y, epochs=2, verbose=0)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not failures
    assert len(model.history.epoch) == 2


@pytest.mark.parametrize("bad_batches", [[2], [4], [2, 4], [0]])
def test_a_gradient_that_is_not_finite_while_the_loss_is_leaves_the_weights_before_it(
    bad_batches: list[int],
) -> None:
    """The derivative of a root at 0 is infinite, times 0 it is NaN; the loss of that batch is 0."""
    import jax.numpy as jnp

    def distance(y_true: Any, y_pred: Any) -> Any:
        return jnp.sqrt(jnp.sum(jnp.square(y_pred - y_true), axis=-1))

    def trained(rows: int, epochs: int) -> tuple[list[np.ndarray], Any, list[str]]:
        model = fitwell.Sequential(
            [layers.Dense(1, input_shape=(1,), use_bias=False, kernel_initializer="ones")]
        )
        model.compile(loss=distance, optimizer=fitwell.optimizers.SGD(1e-3))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            history = model.fit(x[:rows], y[:rows], batch_size=8, shuffle=False, epochs=epochs, verbose=0)
        return model.get_weights(), history, [str(item.message) for item in caught]

    x, y = np.ones((40, 1), np.float32), np.zeros((40, 1), np.float32)
    for batch in bad_batches:
        x[8 * batch : 8 * batch + 8] = 0
    first = min(bad_batches)
    weights, history, said = trained(40, 3)
    assert len(history.epoch) == 1
    assert f"epoch 1, batch {first + 1}" in said[0] and "gradient" in said[0] and "NaN" in said[0]
    expected = trained(8 * first, 1)[0] if first else [np.ones((1, 1))]
    assert np.isfinite(weights[0]).all()
    np.testing.assert_array_equal(weights[0], expected[0])


def test_weights_that_are_infinite_on_purpose_do_not_stop_a_run() -> None:
    model = fitwell.Sequential([layers.Dense(3, input_shape=(2,), activation="softmax")])
    model.compile(loss="sparse_categorical_crossentropy", optimizer=fitwell.optimizers.SGD(0.1))
    model.layers[0].bias.assign(np.array([0, 0, -np.inf], np.float32))  # a class that is never chosen
    x = np.random.default_rng(0).normal(size=(32, 2)).astype(np.float32)
    history = model.fit(x, (x[:, 0] > 0).astype(np.int32), epochs=3, verbose=0)
    assert len(history.epoch) == 3
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.parametrize("frequency", [1, 2])
def test_a_policy_that_watches_the_training_loss_decides_in_epochs_without_validation(frequency: int) -> None:
    x = np.random.default_rng(0).normal(size=(32, 2)).astype(np.float32)
    y = x.sum(axis=1)
    model = fitwell.Sequential([layers.Dense(1, input_shape=(2,))])
    model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(0.0))
    stopping = callbacks.EarlyStopping(monitor="loss", patience=3, min_delta=1e-3)
    history = model.fit(
        x, y, epochs=20, validation_data=(x, y), validation_freq=frequency, callbacks=[stopping], verbose=0
    )
    assert len(history.epoch) == 4  # the first epoch is the best; three more do not improve on it


def test_epochs_of_a_chosen_length_go_on_where_the_last_fit_stopped() -> None:
    seen: list[np.ndarray] = []

    class Watch(layers.Layer):
        def call(self, inputs: Any, training: bool = False) -> Any:
            import jax

            jax.debug.callback(lambda rows: seen.append(np.asarray(rows)[:, 0]), inputs)
            return inputs

    x = np.arange(24, dtype=np.float32)[:, None]
    model = fitwell.Sequential([Watch(input_shape=(1,)), layers.Dense(1)])
    model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(0.0))
    for _ in range(3):
        model.fit(x, x, batch_size=4, steps_per_epoch=2, verbose=0)
    visited = np.concatenate([rows for rows in seen if len(rows) == 4][-6:])
    np.testing.assert_array_equal(np.sort(visited), np.arange(24))


def test_batches_of_a_generator_may_differ_in_type() -> None:
    model = fitwell.Sequential([fitwell.Input((1,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(0.0))
    whole, halves = np.array([[1], [2]]), np.array([[0.5], [1.5]])
    zeros = np.zeros((2, 1))
    for inputs in ([whole, halves], [halves, whole], [whole.astype(np.uint8)], [halves.astype(np.float16)]):
        batches = ((x, zeros) for x in inputs)
        logs = model.fit(batches, steps_per_epoch=len(inputs), verbose=0).history
        assert logs["loss"] == pytest.approx([np.mean([np.mean(x**2) for x in inputs])])


@pytest.mark.parametrize("platform", ["cpu", "gpu"])
@pytest.mark.parametrize("of", [np.asarray, jax.device_put])
def test_weights_are_finite_or_not_wherever_they_are(
    monkeypatch: pytest.MonkeyPatch, platform: str, of: Any
) -> None:
    monkeypatch.setattr("fitwell._engine.devices.current_device", lambda: SimpleNamespace(platform=platform))
    good = {"a": of(np.ones((3, 2), np.float32)), "steps": of(np.array([2], np.int32))}
    assert all_finite(good)
    assert all_finite({})
    for bad in (np.nan, np.inf):
        assert not all_finite(good | {"b": of(np.array([1.0, bad], np.float32))})


# --- which way of compiling ----------------------------------------------------------------------------------


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(("inputs", "units", "small"), [(8, 30, True), (784, 300, False)])
def test_frozen_layers_count_for_the_way_a_loop_is_compiled(
    inputs: int, units: int, small: bool, frozen: bool
) -> None:
    """A loop of large products as one function takes thirty times as long, whether they learn or not."""
    model = fitwell.Sequential(
        [fitwell.Input((inputs,)), layers.Dense(units, activation="relu"), layers.Dense(1)]
    )
    model.layers[0].trainable = not frozen
    model.compile(loss="mse", optimizer="sgd")
    chosen = []
    fuse_loop = xla_cpu_heuristics.should_fuse_loop

    def watched(*arguments: Any, **others: Any) -> bool:
        chosen.append(fuse_loop(*arguments, **others))
        return chosen[-1]

    with mock.patch.object(xla_cpu_heuristics, "should_fuse_loop", watched):
        model.fit(np.zeros((40, inputs), np.float32), np.zeros((40, 1), np.float32), verbose=0)
    assert set(chosen) == {small}


def test_the_library_of_kernels_is_for_large_products() -> None:
    def weights(*shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
        return {str(number): np.zeros(shape, np.float32) for number, shape in enumerate(shapes)}

    assert not xla_cpu_heuristics.prefer_ynn_kernels(weights((8, 30), (30, 1)), rows=32)
    assert xla_cpu_heuristics.prefer_ynn_kernels(weights((64, 1024), (1024, 512)), rows=32)
    assert not xla_cpu_heuristics.prefer_ynn_kernels(weights((3, 3, 16, 32), (800, 10)), rows=32)
