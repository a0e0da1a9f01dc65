"""LearningRateScheduler calls an impure function at the start of its epoch; the history records all rates."""

from __future__ import annotations

import collections
import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import fitwell
from fitwell import callbacks
from fitwell.callbacks.function_purity import is_pure
from fitwell.optimizers import schedules

X = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
Y = X[:, :1].copy()
FACTOR = 0.9
TABLE = [0.3, 0.2, 0.1]


def model(library: Any = fitwell, rate: Any = 0.1) -> Any:
    net = library.Sequential([library.layers.Input((2,)), library.layers.Dense(1)])
    net.compile(loss="mse", optimizer=library.optimizers.SGD(rate))
    return net


def halving(epoch: int) -> float:
    return max(0.1 * FACTOR**epoch, 1e-3)


def stepped(epoch: int, rate: float, *, every: int = 3) -> float:
    return rate * math.exp(-0.1) if epoch % every == 0 else rate


def closing_over(value: Any) -> Callable[[int], float]:
    return lambda epoch: value if isinstance(value, float) else value[0]


class Stateful:
    rate = 0.1

    def __call__(self, epoch: int) -> float:
        self.rate *= 0.5
        return self.rate


def counted(epoch: int) -> float:
    global FACTOR
    FACTOR = 0.8
    return FACTOR


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (halving, True),
        (stepped, True),
        (functools.partial(stepped, every=2), True),
        (lambda epoch: float(np.interp(epoch, (0, 5), (0.1, 0.01))), True),
        (lambda epoch: 0.1 if epoch < 3 else halving(epoch), True),
        (lambda epoch: sum(0.01 for _ in range(epoch)) + 0.1, True),
        (schedules.ExponentialDecay(0.1, 10, 0.9), True),
        (closing_over(0.1), True),
        (closing_over([0.1]), True),
        (closing_over({0: 0.1}), True),
        (closing_over(np.array([0.1])), True),
        (closing_over([model]), False),
        (closing_over(collections.OrderedDict({0: 0.1})), False),
        (lambda epoch: TABLE[epoch], True),
        (lambda epoch: TABLE.append(epoch) or 0.1, False),
        (lambda epoch: TABLE.pop(), False),
        (lambda epoch: print(epoch) or 0.1, False),
        (lambda epoch: np.random.uniform(0.01, 0.1), False),
        (lambda epoch: float(input(epoch)), False),
        (Stateful(), False),
        (Stateful().__call__, False),
        (counted, False),
        (lambda epoch: not_made_yet(epoch), False),  # noqa: F821
        (keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9), False),
    ],
)
def test_pure_functions(schedule: Any, expected: bool) -> None:
    assert is_pure(schedule) is expected


def test_a_pure_function_keeps_the_run_in_one_dispatch() -> None:
    by_epochs = callbacks.LearningRateScheduler(lambda epoch: TABLE.append(epoch) or 0.1)
    ahead = callbacks.LearningRateScheduler(halving)
    assert callbacks.CallbackList([by_epochs], None, {}).runs_on_host
    assert not callbacks.CallbackList([ahead], None, {}).runs_on_host


def test_the_schedule_is_called_for_trained_epochs_only() -> None:
    asked: list[int] = []

    def schedule(epoch: int) -> float:
        asked.append(epoch)
        return 0.0

    watching = [
        callbacks.LearningRateScheduler(schedule),
        callbacks.EarlyStopping("loss", patience=1, min_delta=1.0),
    ]
    history = model(rate=0.0).fit(X, Y, epochs=60, verbose=0, callbacks=watching)
    assert asked == history.epoch == [0, 1]


def test_a_schedule_sees_the_run_so_far() -> None:
    net = model()
    seen: list[int] = []

    def schedule(epoch: int, rate: float) -> float:
        losses = net.history.history.get("loss", [])
        seen.append(len(losses))
        return rate / 2 if len(losses) > 1 and losses[-1] > losses[0] else rate

    net.fit(X, Y, epochs=5, verbose=0, callbacks=[callbacks.LearningRateScheduler(schedule)])
    assert seen == [0, 1, 2, 3, 4]


def test_rates_are_printed_at_the_start_of_their_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    watching = [
        callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print("end", epoch)),
        callbacks.LearningRateScheduler(halving, verbose=1),
        callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100.0, verbose=1),
    ]
    model(rate=0.8).fit(X, Y, epochs=2, verbose=0, callbacks=watching[:2])
    assert capsys.readouterr().out.split("\n") == [
        "Epoch 1: LearningRateScheduler setting learning rate to 0.1.",
        "end 0",
        f"Epoch 2: LearningRateScheduler setting learning rate to {halving(1)}.",
        "end 1",
        "",
    ]
    model(rate=0.8).fit(X, Y, epochs=3, verbose=0, callbacks=watching[::2])
    assert capsys.readouterr().out.split("\n") == [
        "end 0",
        "end 1",
        "Epoch 2: ReduceLROnPlateau reducing learning rate to 0.4.",
        "end 2",
        "Epoch 3: ReduceLROnPlateau reducing learning rate to 0.2.",
        "",
    ]


@pytest.mark.slow
def test_hooks_for_batches_have_the_last_word_as_in_keras() -> None:
    """Warm-up by batches after a scheduler by epochs."""

    def rates(library: Any) -> list[float]:
        class WarmUp(library.callbacks.Callback):
            def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
                if batch == 0:
                    self.model.optimizer.learning_rate = 0.01

        watching = [library.callbacks.LearningRateScheduler(lambda epoch: 0.5), WarmUp()]
        net = model(library)
        return net.fit(X, Y, batch_size=5, epochs=2, verbose=0, callbacks=watching).history["learning_rate"]

    np.testing.assert_allclose(rates(fitwell), rates(keras), rtol=1e-6)
    np.testing.assert_allclose(rates(fitwell), [0.01, 0.01], rtol=1e-6)


# --- the rate in the history -------------------------------------------------------------------------------

BY_STEP = {
    "exponential": lambda found: found.ExponentialDecay(0.1, 7, 0.5),
    "staircase": lambda found: found.ExponentialDecay(0.1, 5, 0.5, staircase=True),
    "cosine": lambda found: found.CosineDecay(0.1, 15, warmup_target=0.3, warmup_steps=6),
    "inverse": lambda found: found.InverseTimeDecay(0.1, 3, 0.5),
    "polynomial": lambda found: found.PolynomialDecay(0.1, 18, 0.01),
    "pieces": lambda found: found.PiecewiseConstantDecay([5, 10], [0.1, 0.05, 0.01]),
}


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize("kind", list(BY_STEP))
def test_a_schedule_by_step_is_logged_as_keras_reads_it(kind: str, looks: bool) -> None:
    read: list[float] = []
    theirs = model(keras, BY_STEP[kind](keras.optimizers.schedules))
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: read.append(float(theirs.optimizer.learning_rate))
    )
    theirs.fit(X, Y, batch_size=5, epochs=4, verbose=0, callbacks=[note])
    ours = model(rate=BY_STEP[kind](schedules))
    watching = [callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)] * looks
    history = ours.fit(X, Y, batch_size=5, epochs=4, verbose=0, callbacks=watching).history
    assert list(history) == ["loss", "learning_rate"]
    np.testing.assert_allclose(history["learning_rate"], read, rtol=1e-5)


def test_own_schedules_are_logged_and_constants_are_not() -> None:
    own = model(rate=lambda step: 0.1 / (1.0 + step)).fit(X, Y, batch_size=10, epochs=3, verbose=0).history
    np.testing.assert_allclose(own["learning_rate"], [0.1 / 3, 0.1 / 5, 0.1 / 7], rtol=1e-6)
    assert list(model().fit(X, Y, epochs=2, verbose=0).history) == ["loss"]


def test_a_rate_that_a_hook_changes_is_logged_for_all_epochs() -> None:
    class Sets(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                self.model.optimizer.learning_rate = 0.025

    history = model().fit(X, Y, epochs=4, verbose=0, callbacks=[Sets()])
    np.testing.assert_allclose(history.history["learning_rate"], [0.1, 0.1, 0.025, 0.025], rtol=1e-6)
    assert history.to_frame()["learning_rate"].notna().all()
    watching = [callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)]
    assert list(model().fit(X, Y, epochs=2, verbose=0, callbacks=watching).history) == ["loss"]


def test_a_metric_named_learning_rate_is_kept() -> None:
    net = model(rate=schedules.ExponentialDecay(0.1, 7, 0.5))

    def learning_rate(y: Any, said: Any) -> Any:
        return 0.0 * y + 7.0

    net.compile(loss="mse", optimizer=net.optimizer, metrics=[learning_rate])
    assert net.fit(X, Y, epochs=2, verbose=0).history["learning_rate"] == [7.0, 7.0]


def test_members_and_estimators_log_it_too() -> None:
    def build(setting: dict[str, float]) -> Any:
        return model(rate=schedules.ExponentialDecay(setting["rate"], 1, 0.5))

    population = fitwell.Population(build, [{"rate": 0.1}, {"rate": 0.2}], seeds=[0])
    population.fit(X, Y, epochs=3, batch_size=20, verbose=0)
    logged = [member.history.history["learning_rate"] for member in population.members]
    np.testing.assert_allclose(logged, [[0.05, 0.025, 0.0125], [0.1, 0.05, 0.025]], rtol=1e-6)


def test_the_rate_can_be_monitored_and_used_in_file_names(tmp_path: Path) -> None:
    by_epoch = callbacks.LearningRateScheduler(lambda epoch: 0.1 if epoch < 2 else 0.05)
    stopping = callbacks.EarlyStopping("learning_rate", mode="min", patience=2)
    kept = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{learning_rate:.2f}.keras")
    history = model().fit(X, Y, epochs=9, verbose=0, callbacks=[by_epoch, stopping, kept])
    assert len(history.epoch) == 5 and stopping.best_epoch == 2
    assert {path.name for path in tmp_path.iterdir()} >= {"1-0.10.keras", "3-0.05.keras"}


def test_a_history_that_is_passed_is_that_of_the_run() -> None:
    passed = callbacks.History()
    returned = model().fit(X, Y, epochs=3, verbose=0, callbacks=[passed])
    assert passed.history == returned.history and passed.epoch == [0, 1, 2]
    assert callbacks.History().history == {}
