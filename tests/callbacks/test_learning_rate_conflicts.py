"""Callbacks and schedules that set the learning rate: valid combinations behave as in Keras."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import fitwell
from fitwell import callbacks, layers
from fitwell.errors import InvalidArgument

X = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
SCHEDULE = fitwell.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)


def fit(rate: Any, *watching: callbacks.Callback, epochs: int = 4) -> list[float]:
    """Return the rate after each epoch."""
    rates: list[float] = []
    note = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: rates.append(float(model.optimizer.learning_rate))
    )
    model = fitwell.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile(fitwell.optimizers.SGD(rate), "mse")
    model.fit(X, X[:, :1], epochs=epochs, callbacks=[*watching, note], verbose=0)
    return rates


def by_epoch(*rates: float) -> callbacks.Callback:
    return callbacks.LearningRateScheduler(lambda epoch: rates[epoch] if rates else 0.1)


def plateau(factor: float = 0.5) -> callbacks.Callback:
    # Nothing ever improves by 100: it reduces after every epoch but the first.
    return callbacks.ReduceLROnPlateau("loss", factor=factor, patience=1, min_delta=100.0)


@pytest.mark.parametrize(
    ("watching", "message"),
    [
        ([by_epoch()], "the optimizer's schedule and by LearningRateScheduler"),
        ([plateau()], "the optimizer's schedule and by ReduceLROnPlateau"),
        ([plateau(), by_epoch()], "and by LearningRateScheduler and by ReduceLROnPlateau"),
    ],
)
def test_callbacks_with_a_schedule_by_step_raise(watching: list[Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        fit(SCHEDULE, *watching)


TOGETHER = {
    "scheduler, plateau": lambda found: [
        found.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        found.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=100.0),
    ],
    "warm-up, plateau": lambda found: [
        found.LearningRateScheduler(lambda epoch, rate: 0.01 * (epoch + 1) if epoch < 3 else rate),
        found.ReduceLROnPlateau("loss", factor=0.5, patience=2, min_delta=100.0),
    ],
    "plateau, scheduler of the epoch alone": lambda found: [
        found.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100.0),
        found.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1)),
    ],
    "two schedulers": lambda found: [
        found.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1)),
        found.LearningRateScheduler(lambda epoch, rate: min(rate, 0.04)),
    ],
}


@pytest.mark.parametrize("kind", list(TOGETHER))
def test_schedulers_and_plateaus_combine_as_in_keras(kind: str) -> None:
    """Infer the rates of the epochs from the losses."""

    def train(library: Any) -> tuple[dict[str, list[float]], float]:
        model = library.Sequential([library.layers.Input((2,)), library.layers.Dense(1)])
        model.compile(library.optimizers.SGD(0.1), "mse")
        model.set_weights([np.ones((2, 1), np.float32), np.zeros(1, np.float32)])
        settings: dict[str, Any] = {"epochs": 6, "shuffle": False, "verbose": 0}
        watching = TOGETHER[kind](library.callbacks)
        validation = (X[::-1], X[::-1, 1:])
        history = model.fit(X, X[:, 1:], callbacks=watching, validation_data=validation, **settings)
        return history.history, float(model.optimizer.learning_rate)

    (ours, our_rate), (theirs, their_rate) = train(fitwell), train(keras)
    np.testing.assert_allclose(our_rate, their_rate, rtol=1e-6)
    for name in ("loss", "val_loss") if kind.startswith("plateau") else theirs:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5)


def test_members_of_a_population_may_have_both() -> None:
    def build(setting: dict[str, float]) -> Any:
        model = fitwell.Sequential([layers.Input((2,)), layers.Dense(1)])
        model.compile(fitwell.optimizers.SGD(setting["rate"]), "mse")
        return model

    population = fitwell.Population(build, [{"rate": 0.1}, {"rate": 0.2}], seeds=[0])
    halves = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    population.fit(X, X[:, :1], epochs=3, verbose=0, callbacks=[halves, plateau(0.1)])
    rates = [history.learning_rate for history in population.history]
    np.testing.assert_allclose(rates, [[0.05, 0.025, 0.00125], [0.1, 0.05, 0.0025]], rtol=1e-6)


def test_plateaus_multiply() -> None:
    np.testing.assert_allclose(fit(0.8, plateau(0.5), plateau(0.1)), [0.8, 0.04, 0.002, 0.0001], rtol=1e-5)


@pytest.mark.parametrize("hook_first", [True, False])
def test_a_hook_and_a_plateau_act_in_turn_as_in_keras(hook_first: bool) -> None:
    def rates(library: Any) -> list[float]:
        class Sets(library.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                if epoch == 1:
                    self.model.optimizer.learning_rate = 0.4

        class Notes(library.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                found.append(float(self.model.optimizer.learning_rate))

        found: list[float] = []
        model = library.Sequential([library.layers.Input((2,)), library.layers.Dense(1)])
        model.compile(library.optimizers.SGD(0.8), "mse")
        halves = library.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100.0)
        watching = [Sets(), halves] if hook_first else [halves, Sets()]
        model.fit(X, X[:, :1], epochs=4, callbacks=[*watching, Notes()], verbose=0)
        return found

    ours = rates(fitwell)
    np.testing.assert_allclose(ours, rates(keras), rtol=1e-6)
    np.testing.assert_allclose(ours, [0.8, 0.2, 0.1, 0.05] if hook_first else [0.8, 0.4, 0.2, 0.1], rtol=1e-6)


def test_a_scheduler_sets_the_rate_again_at_the_next_epoch() -> None:
    class Sets(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = 9.0

    used: list[float] = []
    begins = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: used.append(float(begins.model.optimizer.learning_rate))
    )
    assert fit(0.8, by_epoch(0.4, 0.3, 0.2, 0.1), Sets(), begins) == [9.0] * 4
    np.testing.assert_allclose(used, [0.4, 0.3, 0.2, 0.1], rtol=1e-6)


def test_a_schedule_cannot_be_replaced_by_a_number_during_training() -> None:
    class Sets(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = 0.5

    with pytest.raises(
        InvalidArgument, match=r"optimizer.learning_rate was set after the model was compiled"
    ):
        fit(SCHEDULE, Sets())


@pytest.mark.parametrize("frequency", [1, 2])
@pytest.mark.parametrize("looking", [False, True])
def test_the_rate_of_each_epoch_is_history_as_in_keras(looking: bool, frequency: int) -> None:
    """A run is one dispatch, or has a batch hook."""

    def history(library: Any, decides: Any) -> dict[str, list[float]]:
        model = library.Sequential([library.layers.Input((2,)), library.layers.Dense(1)])
        model.compile(library.optimizers.SGD(0.1), "mse")
        watching = [callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)]
        return dict(
            model.fit(
                X,
                X[:, :1],
                batch_size=8,
                epochs=4,
                verbose=0,
                callbacks=[decides(library.callbacks), *(watching if looking and library is fitwell else [])],
                validation_data=(X, X[:, :1]),
                validation_freq=frequency,
            ).history
        )

    for decides in (
        lambda found: found.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100.0),
        lambda found: found.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
    ):
        ours, theirs = history(fitwell, decides), history(keras, decides)
        assert list(ours) == list(theirs)
        np.testing.assert_allclose(ours["learning_rate"], theirs["learning_rate"], rtol=1e-6)


def test_the_rate_has_its_keras_2_name() -> None:
    model = fitwell.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    found = model.fit(X, X[:, :1], epochs=2, verbose=0, callbacks=[by_epoch(0.2, 0.1)]).history
    with pytest.warns(DeprecationWarning, match="learning_rate"):
        np.testing.assert_allclose(found["lr"], [0.2, 0.1], rtol=1e-6)
    with pytest.raises(KeyError):
        found["accuracy"]
