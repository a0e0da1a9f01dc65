"""Policies decide as real Keras's callbacks do on the same sequences of results."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import fitwell
from fitwell import callbacks, layers
from fitwell._engine.policies import Policy
from fitwell._engine.train_state import TrainState, initial_counters

SEQUENCES = {
    "valley": [5.0, 4.0, 3.0, 3.5, 2.9, 3.0, 3.1, 3.2, 3.3, 2.0, 2.1, 2.2, 2.3, 2.4],
    "worse from the start": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    "plateau": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    "slow": [1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65],
    "rising": [0.1, 0.2, 0.3, 0.3, 0.25, 0.4, 0.4, 0.4, 0.39, 0.38],
    "nan": [3.0, 2.0, float("nan"), 2.5, 1.0, 1.5, 1.6, 1.7],
}


def a_state(rate: float = 1.0) -> TrainState:
    return TrainState(
        trainable={"w": jnp.zeros(())},
        non_trainable={},
        opt_state=(),
        hyperparams={"optimizer.learning_rate": jnp.float32(rate)},
        metrics={},
        policies={},
        **initial_counters(0),
    )


def play(policy: Policy, values: list[float]) -> tuple[int, TrainState, Any, list[float]]:
    """Run `policy` over `values`; the weight ``w`` is the number of the epoch. Return what it did."""
    state = a_state()
    policy_state = policy.init(state)
    rates = []
    for epoch, value in enumerate(values):
        state = state.replace(trainable={"w": jnp.float32(epoch)})
        policy_state, state = policy.update(policy_state, {policy.monitor: jnp.float32(value)}, state)
        rates.append(float(state.hyperparams.get("optimizer.learning_rate", 0)))
        if bool(state.stop):
            break
    epochs = len(rates)
    return epochs, policy.finish(policy_state, state), policy_state, rates


class _KerasModel:
    """As much of a Keras model as its callbacks touch: a weight that is the number of the epoch."""

    def __init__(self) -> None:
        self.stop_training = False
        self.epoch = 0
        self.metrics: list[Any] = []

        class Optimizer:
            learning_rate = 1.0

        self.optimizer = Optimizer()

    def get_weights(self) -> list[float]:
        return [float(self.epoch)]

    def set_weights(self, weights: list[float]) -> None:
        self.epoch = int(weights[0])


def play_keras(callback: Any, values: list[float], monitor: str) -> tuple[int, _KerasModel, list[float]]:
    model = _KerasModel()
    callback.set_model(model)
    callback.on_train_begin({})
    rates = []
    for epoch, value in enumerate(values):
        model.epoch = epoch
        callback.on_epoch_end(epoch, {monitor: value})
        rates.append(float(model.optimizer.learning_rate))
        if model.stop_training:
            break
    callback.on_train_end({})
    return len(rates), model, rates


STOPPING: list[dict[str, Any]] = [
    {},
    {"patience": 2},
    {"patience": 3, "min_delta": 0.2},
    {"patience": 2, "restore_best_weights": True},
    {"patience": 2, "start_from_epoch": 3, "restore_best_weights": True},
    {"patience": 2, "start_from_epoch": 20, "restore_best_weights": True},
    {"patience": 2, "baseline": 2.5, "restore_best_weights": True},
    {"patience": 4, "baseline": 0.85},
    {"patience": 2, "mode": "max", "restore_best_weights": True},
    {"patience": 2, "mode": "max", "min_delta": 0.05, "baseline": 0.3},
    {"patience": 1, "min_delta": -0.1},
]


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("options", STOPPING, ids=str)
def test_early_stopping(options: dict[str, Any], sequence: str) -> None:
    import keras

    options = {"mode": "min"} | options
    values = SEQUENCES[sequence]
    peer = keras.callbacks.EarlyStopping(monitor="val_loss", **options)
    epochs, model, _ = play_keras(peer, values, "val_loss")
    ours = callbacks.EarlyStopping(monitor="val_loss", **options)
    ran, state, policy_state, _ = play(ours.policy(0), values)
    ours.on_policy_end(policy_state)
    assert ran == epochs
    assert ours.stopped_epoch == peer.stopped_epoch
    if peer.best is not None and np.isfinite(peer.best):
        assert ours.best == pytest.approx(peer.best)
        assert ours.best_epoch == peer.best_epoch
    else:
        assert ours.best is None
    if options.get("restore_best_weights"):
        assert float(state.trainable["w"]) == model.epoch


def test_a_nan_is_never_the_best_and_the_first_epoch_never_ends_a_run() -> None:
    """Keras takes a first NaN for the best value, over which nothing improves any more."""
    stopping = callbacks.EarlyStopping(monitor="val_loss", mode="min")
    ran, _, policy_state, _ = play(stopping.policy(0), [float("nan"), 2.0, 1.0, 1.5, 0.5])
    stopping.on_policy_end(policy_state)
    assert (ran, stopping.best, stopping.best_epoch) == (4, 1.0, 2)


PLATEAU: list[dict[str, Any]] = [
    {"patience": 1},
    {"patience": 2, "factor": 0.5},
    {"patience": 2, "factor": 0.5, "min_delta": 0.2},
    {"patience": 1, "factor": 0.5, "cooldown": 2},
    {"patience": 2, "factor": 0.5, "cooldown": 1, "min_lr": 0.3},
    {"patience": 0, "factor": 0.9},
    {"patience": 2, "factor": 0.5, "mode": "max"},
]


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("options", PLATEAU, ids=str)
def test_reduce_on_plateau(options: dict[str, Any], sequence: str) -> None:
    import keras

    options = {"mode": "min"} | options
    values = SEQUENCES[sequence]
    peer = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", **options)
    _, _, rates = play_keras(peer, values, "val_loss")
    ours = callbacks.ReduceLROnPlateau(monitor="val_loss", **options)
    np.testing.assert_allclose(play(ours.policy(0), values)[3], rates, rtol=1e-6)


@pytest.mark.parametrize(
    ("monitor", "mode", "expected"),
    [
        ("val_loss", "auto", "min"),
        ("accuracy", "auto", "max"),
        ("val_acc", "auto", "max"),
        ("val_mae", "auto", "min"),
        ("val_auc", "auto", "max"),
        ("accuracy", "min", "min"),
        ("accuracy_loss", "auto", "min"),
        ("val_sensitivity_at_specificity", "auto", "max"),
        ("val_true_negatives", "auto", "max"),
        ("val_cosine_proximity", "auto", "max"),
        ("val_false_negatives", "auto", "min"),
    ],
)
def test_the_direction_follows_the_name_unless_it_is_said(monitor: str, mode: str, expected: str) -> None:
    assert callbacks.EarlyStopping(monitor, mode=mode).mode == expected


# --- in a run -----------------------------------------------------------------------------------------------


def problem() -> tuple[Any, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(4)
    x = draw.normal(size=(40, 3)).astype(np.float32)
    y = (x @ np.array([1.0, -2.0, 0.5]))[:, None].astype(np.float32)
    model = fitwell.Sequential([layers.Dense(1, input_shape=(3,))])
    model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(0.1))
    return model, x, y


class Watched(callbacks.Callback):
    """Keeps the weights after every epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[list[np.ndarray]] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.weights.append(self.model.get_weights())


@pytest.mark.parametrize("watched", [True, False])
def test_the_best_weights_come_back(watched: bool) -> None:
    """The target of validation is turned round: the first epoch is the best, and three more do not help."""
    model, x, y = problem()
    stopping = callbacks.EarlyStopping(patience=3, restore_best_weights=True)
    watch = Watched()
    callback_list = [stopping, watch] if watched else [stopping]
    history = model.fit(x, y, epochs=50, callbacks=callback_list, validation_data=(x, -y), verbose=0)
    assert len(history.epoch) == 4
    assert (stopping.best_epoch, stopping.stopped_epoch) == (0, 3)
    assert stopping.best == pytest.approx(history.history["val_loss"][0], rel=1e-6)
    # The weights left are those whose validation loss was the best.
    assert model.evaluate(x, -y, verbose=0) == pytest.approx(stopping.best, rel=1e-5)
    if watched:
        for kept, left in zip(watch.weights[0], model.get_weights(), strict=True):
            np.testing.assert_array_equal(kept, left)


def test_without_restoring_the_last_weights_stay() -> None:
    model, x, y = problem()
    model.fit(
        x,
        y,
        epochs=50,
        callbacks=[callbacks.EarlyStopping(patience=3)],
        validation_data=(x, -y),
        verbose=0,
    )
    last = model.history.history["val_loss"][-1]
    assert model.evaluate(x, -y, verbose=0) == pytest.approx(last, rel=1e-5)


def test_a_policy_with_a_validation_outside_the_dispatch_decides_the_same() -> None:
    class Listens(callbacks.Callback):
        def on_test_end(self, logs: Any = None) -> None:
            pass

    lengths = []
    for extra in ([], [Listens()]):
        fitwell.utils.set_random_seed(0)
        model, x, y = problem()
        plateau = callbacks.ReduceLROnPlateau(patience=2, factor=0.5)
        history = model.fit(
            x,
            y,
            epochs=20,
            callbacks=[callbacks.EarlyStopping(patience=6), plateau, *extra],
            validation_data=(x, -y),
            verbose=0,
        )
        lengths.append((len(history.epoch), model.optimizer.learning_rate))
    assert lengths[0] == lengths[1]
    assert lengths[0][1] < 0.1


def test_reduce_on_plateau_changes_the_rate_of_the_model_and_of_the_training() -> None:
    model, x, y = problem()
    plateau = callbacks.ReduceLROnPlateau(patience=1, factor=1e-3, min_delta=1e9)
    watch = Watched()
    model.fit(x, y, epochs=6, callbacks=[plateau, watch], validation_data=(x, y), verbose=0)
    # The first epoch sets the best; the following five multiply the rate by 1e-3 each.
    assert model.optimizer.learning_rate == pytest.approx(0.1 * 1e-15, rel=1e-4)
    moved = [
        float(np.abs(now[0] - before[0]).max())
        for before, now in zip(watch.weights, watch.weights[1:], strict=False)
    ]
    assert moved[0] > 1e-2
    assert moved[1] < 1e-3
    assert moved[2] < 1e-6


def test_the_rate_stays_reduced_in_the_next_fit() -> None:
    model, x, y = problem()
    plateau = callbacks.ReduceLROnPlateau(monitor="loss", patience=1, factor=0.5, min_delta=1e9)
    model.fit(x, y, epochs=3, callbacks=[plateau], verbose=0)
    assert model.optimizer.learning_rate == pytest.approx(0.025)
    model.fit(x, y, epochs=3, callbacks=[plateau], verbose=0)
    assert model.optimizer.learning_rate == pytest.approx(0.00625)


# --- schedules by epoch -------------------------------------------------------------------------------------


@pytest.mark.parametrize("looks", [False, True])
def test_a_scheduler_of_the_epoch_sets_the_rate_of_each(looks: bool) -> None:
    """One weight, gradient 1 (the loss is the prediction's mean): each epoch moves it by its rate."""
    rates = [0.1, 0.5, 0.25, 0.125, 0.3]
    moved = run_with(callbacks.LearningRateScheduler(lambda epoch: rates[epoch]), 5, looks)
    assert moved == pytest.approx(np.cumsum(rates)[-1], rel=1e-5)


@pytest.mark.parametrize("looks", [False, True])
def test_a_scheduler_of_epoch_and_rate_begins_at_the_optimizers_rate(looks: bool) -> None:
    """As in Keras the rate before the first epoch is the optimizer's own: 1, 1/2, 1/4, ..."""
    moved = run_with(callbacks.LearningRateScheduler(lambda epoch, lr: lr * 0.5), 5, looks)
    assert moved == pytest.approx(0.5 + 0.25 + 0.125 + 0.0625 + 0.03125, rel=1e-5)


def run_with(scheduler: Any, epochs: int, looks: bool) -> float:
    model = fitwell.Sequential(
        [layers.Dense(1, input_shape=(1,), use_bias=False, kernel_initializer="zeros")]
    )
    model.compile(loss=lambda y_true, y_pred: -y_pred[:, 0], optimizer=fitwell.optimizers.SGD(1.0))
    ones = np.ones((8, 1), np.float32)
    callback_list = [scheduler, Watched()] if looks else [scheduler]
    model.fit(ones, ones, batch_size=8, epochs=epochs, callbacks=callback_list, verbose=0)
    return float(model.get_weights()[0][0, 0])


def test_a_scheduler_leaves_the_last_rate_of_the_epochs_that_ran() -> None:
    """Epochs run many at a time, but stopping after the second must not leave the rate of the tenth."""

    class Stops(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = epoch == 1

    model, x, y = problem()
    scheduler = callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    model.fit(x, y, epochs=10, callbacks=[scheduler, Stops()], verbose=0)
    assert model.optimizer.learning_rate == pytest.approx(0.05)
    model, x, y = problem()
    scheduler = callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    early = callbacks.EarlyStopping(monitor="loss", mode="max", patience=1)
    history = model.fit(x, y, epochs=10, callbacks=[scheduler, early], verbose=0)
    assert model.optimizer.learning_rate == pytest.approx(0.1 / len(history.epoch))
