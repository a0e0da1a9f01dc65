"""Callbacks act in order and see the logs of earlier callbacks: the same epochs, rates and logs as in Keras."""

from __future__ import annotations

import copy
import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

import fitwell
from fitwell.errors import InvalidArgument

X = np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32)
Y = X[:, :1].copy()
EPOCHS = 12
LIBRARIES = (fitwell, keras)


def model(library: Any, rate: float = 0.5) -> Any:
    net = library.Sequential([library.layers.Input((2,)), library.layers.Dense(1)])
    net.compile(loss="mse", optimizer=library.optimizers.SGD(rate))
    return net


def scripted(library: Any, values: list[float], every: int = 1, name: str = "val_f1") -> Any:
    """Return a callback that logs given values every few epochs, as a user-defined validation would."""

    class Score(library.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if (epoch + 1) % every == 0:
                logs[name] = values[epoch]

    return Score()


def sequences(seed: int) -> tuple[list[float], dict[str, Any], int, np.random.Generator]:
    draw = np.random.default_rng(seed)
    values = draw.integers(0, 6, size=EPOCHS).astype(float).tolist()
    options = {"mode": str(draw.choice(["min", "max"])), "patience": int(draw.integers(0, 4))}
    options["min_delta"] = float(draw.choice([0.0, 0.5, 1.5]))
    return values, options, int(draw.integers(1, 4)), draw


@pytest.mark.parametrize("seed", range(16))
def test_early_stopping_on_a_logged_value_is_keras(seed: int) -> None:
    values, options, every, draw = sequences(seed)
    options |= {"start_from_epoch": int(draw.integers(0, 6)), "restore_best_weights": bool(draw.integers(2))}
    options["baseline"] = float(draw.integers(0, 6)) if draw.integers(2) else None
    found = []
    for library in LIBRARIES:
        net = model(library, 0.01)
        net.set_weights([np.ones((2, 1), np.float32), np.zeros(1, np.float32)])
        stopping = library.callbacks.EarlyStopping("val_f1", **options)
        watching = [scripted(library, values, every), stopping]
        history = net.fit(X, Y, epochs=EPOCHS, verbose=0, callbacks=watching)
        facts = (
            len(history.epoch),
            stopping.stopped_epoch,
            stopping.best_epoch,
            stopping.best,
            stopping.wait,
        )
        found.append((facts, history.history["val_f1"] if every <= len(history.epoch) else []))
        weights = net.get_weights()
        found[-1] += (weights,)
    (ours, log, weights), (theirs, their_log, their_weights) = found
    # Keras also reports epoch 0 as the best one if no weights are restored and no epoch was best.
    assert ours == theirs
    assert log == their_log
    for mine, other in zip(weights, their_weights):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_plateaus_of_a_logged_value_are_keras(seed: int) -> None:
    values, options, every, draw = sequences(seed)
    options |= {"patience": int(draw.integers(1, 3)), "cooldown": int(draw.integers(0, 3)), "factor": 0.5}
    options["min_lr"] = float(draw.choice([0.0, 0.02]))
    rates = []
    for library in LIBRARIES:
        plateau = library.callbacks.ReduceLROnPlateau("val_f1", **options)
        net = model(library, 0.1)
        history = net.fit(
            X, Y, epochs=EPOCHS, verbose=0, callbacks=[scripted(library, values, every), plateau]
        )
        rates.append([*history.history["learning_rate"], float(net.optimizer.learning_rate)])
    np.testing.assert_allclose(rates[0], rates[1], rtol=1e-6)


@pytest.mark.parametrize("own_hook", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_validations_in_some_epochs_only_are_keras(seed: int, own_hook: bool) -> None:
    """The decision is compiled, or made on the host because of a user-defined hook."""
    draw = np.random.default_rng(seed)
    frequency = int(draw.integers(2, 5))
    options = {"patience": int(draw.integers(0, 3)), "start_from_epoch": int(draw.choice([0, 4, 9]))}
    x, y = draw.normal(size=(2, 6, 4)).astype(np.float32), draw.normal(size=(2, 6, 1)).astype(np.float32)
    start = draw.normal(size=(4, 1)).astype(np.float32)
    found = []
    for library in LIBRARIES:
        net = library.Sequential([library.layers.Input((4,)), library.layers.Dense(1, use_bias=False)])
        net.compile(loss="mse", optimizer=library.optimizers.SGD(0.1))
        net.set_weights([start])
        stopping = library.callbacks.EarlyStopping(restore_best_weights=True, **options)
        plateau = library.callbacks.ReduceLROnPlateau(patience=1, factor=0.5, cooldown=1, min_delta=0.01)
        watching = [plateau, stopping, *([library.callbacks.LambdaCallback(on_epoch_end=print)] * own_hook)]
        with redirect_stdout(io.StringIO()):
            history = net.fit(
                x[0], y[0], epochs=40, verbose=0, validation_data=(x[1], y[1]), validation_freq=frequency,
                callbacks=watching, batch_size=6,
            )  # fmt: skip
        numbers = len(history.epoch), stopping.stopped_epoch, stopping.best_epoch
        found.append((numbers, history.history["learning_rate"], net.get_weights()[0]))
    assert found[0][0] == found[1][0]
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-6)
    np.testing.assert_allclose(found[0][2], found[1][2], rtol=1e-4, atol=1e-5)


def test_a_logged_value_reaches_all_that_come_after(tmp_path: Path) -> None:
    net, said = model(fitwell), io.StringIO()
    best = tmp_path / "{epoch:02d}-{val_f1:.2f}.keras"
    watching = [
        scripted(fitwell, [0.1, 0.5, 0.4, 0.7]),
        fitwell.callbacks.ModelCheckpoint(best, monitor="val_f1", mode="max", save_best_only=True),
        fitwell.callbacks.CSVLogger(tmp_path / "log.csv"),
    ]
    with redirect_stdout(said):
        history = net.fit(X, Y, epochs=4, verbose=2, callbacks=watching)
    assert sorted(path.name for path in tmp_path.glob("*.keras")) == [
        "01-0.10.keras",
        "02-0.50.keras",
        "04-0.70.keras",
    ]
    assert pd.read_csv(tmp_path / "log.csv")["val_f1"].tolist() == [0.1, 0.5, 0.4, 0.7]
    assert history.history["val_f1"] == [0.1, 0.5, 0.4, 0.7]
    assert [line.rpartition("val_f1: ")[2] for line in said.getvalue().split("\n") if line] == [
        "0.1000", "0.5000", "0.4000", "0.7000",
    ]  # fmt: skip


def test_a_callback_that_logs_must_come_before(tmp_path: Path) -> None:
    stopping = fitwell.callbacks.EarlyStopping("val_f1", mode="max")
    kept = fitwell.callbacks.ModelCheckpoint(
        tmp_path / "m.keras", monitor="val_f1", mode="max", save_best_only=True
    )
    for callback, name in ((stopping, "EarlyStopping"), (kept, "ModelCheckpoint")):
        with pytest.raises(InvalidArgument, match=f"'val_f1' is not measured.* must come before {name}"):
            model(fitwell).fit(X, Y, callbacks=[callback, scripted(fitwell, [0.1])], verbose=0)
    # A hook might have logged it, but none did.
    with pytest.warns(UserWarning, match="nothing was saved, because no epoch logged 'val_f1'"):
        model(fitwell).fit(X, Y, callbacks=[scripted(fitwell, [0.1], name="other"), kept], verbose=0)


def test_a_value_that_a_hook_changes_is_the_one_that_counts() -> None:
    """A smoothed loss that a hook logs is monitored and recorded in the history."""

    class HostPolicies(fitwell.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["loss"] = 5.0 + epoch

    stopping = fitwell.callbacks.EarlyStopping("loss", patience=2)
    history = model(fitwell).fit(X, Y, epochs=9, verbose=0, callbacks=[HostPolicies(), stopping])
    assert history.history["loss"] == [5.0, 6.0, 7.0]
    assert (stopping.best, stopping.best_epoch, stopping.stopped_epoch, stopping.wait) == (5.0, 0, 2, 2)


def test_numbers_of_every_kind_are_history_and_others_are_warned_of_once() -> None:
    import jax.numpy as jnp

    kinds = [np.float32(1), np.float64(2), jnp.float32(3), np.array(4.0), True, 6]

    class Logs(fitwell.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["score"], logs["table"] = kinds[epoch], np.eye(2)

    with pytest.warns(UserWarning, match="logged a value of type ndarray, which is not a number") as caught:
        history = model(fitwell).fit(X, Y, epochs=6, verbose=0, callbacks=[Logs()])
    assert history.history["score"] == [1.0, 2.0, 3.0, 4.0, 1.0, 6.0]
    assert sum("not a number" in str(warning.message) for warning in caught) == 1


def test_subclasses_override_decisions() -> None:
    def run(library: Any) -> list[int]:
        class After(library.callbacks.EarlyStopping):
            """Wait for an epoch, as recipes on the web do."""

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                if epoch > 4:
                    super().on_epoch_end(epoch, logs)

        class OfTwo(library.callbacks.EarlyStopping):
            def get_monitor_value(self, logs: Any) -> Any:
                return 3.0 - (logs or {})["val_f1"]

        class Patient(library.callbacks.Callback):
            """Reset the wait of the early stopping."""

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                if epoch == 2:
                    stopping.wait = 0

        lengths = []
        rises = [float(epoch) for epoch in range(EPOCHS)]
        for make, before in ((After, True), (OfTwo, True), (library.callbacks.EarlyStopping, False)):
            stopping = make("val_f1", mode="min", patience=2)
            watching = [scripted(library, rises), stopping, *([] if before else [Patient()])]
            lengths.append(len(model(library).fit(X, Y, epochs=EPOCHS, verbose=0, callbacks=watching).epoch))
        return lengths

    # After epoch 6 (number 5) nothing improves; what falls always improves; the wait of 2 begins again.
    assert run(fitwell) == run(keras) == [8, 12, 3]


def test_a_hook_can_reset_the_wait() -> None:
    def run(library: Any) -> int:
        class Resets(library.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                if stopping.wait == 1 and epoch < 6:
                    stopping.wait = 0

        stopping = library.callbacks.EarlyStopping("loss", patience=2, min_delta=100)
        net = model(library)
        return len(net.fit(X, Y, epochs=EPOCHS, verbose=0, callbacks=[stopping, Resets()]).epoch)

    assert run(fitwell) == run(keras) == 8


def test_a_stopping_can_be_copied_and_used_again() -> None:
    stopping = fitwell.callbacks.EarlyStopping("val_f1", mode="max", patience=1)
    for _ in range(2):
        history = model(fitwell).fit(
            X, Y, epochs=9, verbose=0, callbacks=[scripted(fitwell, [3, 2, 1] * 3), stopping]
        )
        assert len(history.epoch) == 2
    assert copy.deepcopy(stopping, {id(stopping.model): None}).stopped_epoch == 1


def test_a_run_on_the_host_can_be_resumed(tmp_path: Path) -> None:
    values = [5.0, 4.0, 6.0, 7.0, 3.0, 8.0, 9.0, 9.0, 9.0, 9.0]

    def run(epochs: int, folder: Path) -> tuple[Any, ...]:
        fitwell.utils.set_random_seed(3)
        stopping = fitwell.callbacks.EarlyStopping(
            "val_f1", mode="min", patience=3, restore_best_weights=True
        )
        net = model(fitwell, 0.01)
        history = net.fit(
            X, Y, epochs=epochs, verbose=0, callbacks=[scripted(fitwell, values), stopping], resume=folder
        )
        facts = len(history.epoch), stopping.best_epoch, stopping.stopped_epoch, history.history["val_f1"]
        return *facts, net.get_weights()[0].tolist()

    run(3, tmp_path / "cut")
    assert run(10, tmp_path / "cut") == run(10, tmp_path / "whole")


def test_members_of_populations_have_separate_host_policies() -> None:
    class Score(fitwell.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["val_f1"] = -abs(epoch - float(self.model.optimizer.learning_rate) * 100)

    def build(setting: dict[str, Any]) -> Any:
        return model(fitwell, setting["rate"])

    population = fitwell.Population(build, [{"rate": 0.02}, {"rate": 0.05}], seeds=[0])
    stopping = fitwell.callbacks.EarlyStopping("val_f1", mode="max", patience=1)
    population.fit(X, Y, epochs=9, verbose=0, callbacks=[Score(), stopping])
    assert population.results["stopped_epoch"].tolist() == [3, 6]
    assert [member.history.history["val_f1"][-2] for member in population.members] == [0.0, 0.0]


@pytest.mark.parametrize("seed", range(12))
def test_callbacks_together_train_as_in_keras(seed: int) -> None:
    """A user-defined hook, early stopping and a callback that sets the rate, in any supported order."""
    held = np.random.default_rng(1).normal(size=(12, 2)).astype(np.float32)
    found = []
    for library in LIBRARIES:
        draw = np.random.default_rng(seed)
        frequency = [1, 2, 3, [2, 3, 7]][draw.integers(4)]
        kind = str(draw.choice(["adds", "changes", "sets"]))

        class Own(library.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: Any = None, kind: str = kind) -> None:
                logs["gap"] = logs.get("val_loss", 9.0) - logs["loss"]
                if kind == "changes":
                    logs["loss"] = round(logs["loss"], 2)
                if kind == "sets" and epoch % 3 == 2:
                    self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate) * 0.5

        options = {"patience": int(draw.integers(4)), "start_from_epoch": int(draw.integers(5))}
        monitors = [["val_loss", "gap", "loss"][draw.integers(3)] for _ in range(2)]
        stopping = library.callbacks.EarlyStopping(
            monitors[0], mode="min", min_delta=0.02, restore_best_weights=bool(draw.integers(2)), **options
        )
        halves = library.callbacks.ReduceLROnPlateau(
            monitors[1], mode="min", patience=1, factor=0.5, cooldown=int(draw.integers(2))
        )
        falls = library.callbacks.LearningRateScheduler(lambda epoch, rate: float(rate) * 0.9)
        watching = [stopping, [halves, falls][draw.integers(2)]]
        watching.insert(0 if "gap" in monitors else int(draw.integers(3)), Own())
        net = model(library, float(draw.choice([0.05, 0.3, 0.7])))
        net.set_weights([np.array([[0.5], [-1.0]], np.float32), np.zeros(1, np.float32)])
        history = net.fit(
            X, Y, batch_size=8, shuffle=False, epochs=EPOCHS, verbose=0, callbacks=watching,
            validation_data=(held, held[:, :1] * 1.5 + 0.3), validation_freq=frequency,
        )  # fmt: skip
        counts = len(history.epoch), stopping.stopped_epoch, stopping.best_epoch, stopping.wait
        # Where a hook sets the rate when an epoch ends, Keras logs that, and not what the epoch was trained with.
        logged = {k: v for k, v in history.history.items() if kind != "sets" or k != "learning_rate"}
        found.append((counts, logged, net.get_weights()))
    (ours, logs, weights), (theirs, their_logs, their_weights) = found
    assert ours == theirs
    assert set(logs) == set(their_logs)
    for name, values in their_logs.items():
        np.testing.assert_allclose(logs[name], values, rtol=1e-3, atol=1e-4, err_msg=name)
    for mine, other in zip(weights, their_weights):
        np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("when", [0, 1])
def test_what_a_hook_takes_out_of_the_logs_is_not_history_as_in_keras(when: int) -> None:
    """Log it from the first epoch on, or from the second."""

    def history(library: Any) -> dict[str, list[float]]:
        class Renames(library.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                if epoch >= when:
                    logs["val_mean_absolute_error"] = logs.pop("val_mae")

        model = library.Sequential([library.layers.Input((2,)), library.layers.Dense(1)])
        model.compile("sgd", "mse", metrics=["mae"])
        model.set_weights([np.ones((2, 1), np.float32), np.zeros(1, np.float32)])
        x = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
        settings: dict[str, Any] = {"epochs": 3, "verbose": 0, "shuffle": False}
        found = model.fit(x, x[:, 1:], validation_split=0.25, callbacks=[Renames()], **settings)
        return dict(found.history)

    ours, theirs = history(fitwell), history(keras)
    assert ours.keys() == theirs.keys()
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-5)
