"""Older ways to give an optimizer its learning rate, and to change it on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fitwell as keras
from fitwell.errors import InvalidArgument, MistakeWarning

K = keras.backend


def line(optimizer: Any) -> Any:
    """A model of ten features with one linear unit."""
    model = keras.models.Sequential([keras.layers.Dense(1, input_shape=[10])])
    model.compile(loss="mean_squared_error", optimizer=optimizer)
    return model


def test_lr_and_decay_are_power_scheduling(older: Any, diabetes: Any) -> None:
    """Old: `lr`, and `decay` in the optimizer, which divides the rate by 1 + decay t."""
    X, y = diabetes
    with older("lr=", "decay="):
        optimizer = keras.optimizers.SGD(lr=0.01, decay=1e-2)
    model = line(optimizer)
    model.fit(X, y, epochs=2, batch_size=221, verbose=0)
    assert float(optimizer.learning_rate) == pytest.approx(0.01 / (1 + 1e-2 * 4), rel=1e-6)

    w, b = np.zeros((10, 1), np.float32), np.zeros(1, np.float32)
    model = line(keras.optimizers.SGD(lr=0.01, decay=1e-2))
    model.set_weights([w, b])
    model.fit(X, y, epochs=3, batch_size=len(X), verbose=0)
    for t in range(3):
        error = X @ w[:, 0] + b - y
        rate = 0.01 / (1 + 1e-2 * t)
        w = w - rate * 2 * (X.T @ error / len(X))[:, None]
        b = b - rate * 2 * error.mean()
    np.testing.assert_allclose(model.get_weights()[0], w, rtol=1e-4, atol=1e-6)


def test_adam_with_every_argument_of_its_signature(older: Any, diabetes: Any) -> None:
    """Old: the arguments of 2018 in full, `epsilon=None` for the default and a decay of nothing."""
    with older("lr=", "epsilon=None", "decay="):
        optimizer = keras.optimizers.Adam(
            lr=0.001, beta_1=0.9, beta_2=0.999, epsilon=None, decay=0.0, amsgrad=False
        )
    weights = [np.full((10, 1), 0.1, np.float32), np.zeros(1, np.float32)]
    learned = []
    for each in (optimizer, keras.optimizers.Adam(0.001)):
        model = line(each)
        model.set_weights(weights)
        model.fit(*diabetes, epochs=2, batch_size=221, shuffle=False, verbose=0)
        learned.append(model.get_weights()[0])
    np.testing.assert_array_equal(*learned)


def test_decay_beside_a_schedule_is_refused() -> None:
    """Old: `decay`. It has no meaning where the rate is a schedule, so the error says to choose."""
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 100, 0.1)
    with (
        pytest.warns(DeprecationWarning),
        pytest.raises(InvalidArgument, match="cannot be combined with a schedule"),
    ):
        keras.optimizers.SGD(schedule, decay=0.1)


def test_lambda_and_function_of_the_epoch(diabetes: Any) -> None:
    """Old: schedules as lambdas and closures of the epoch; they still are."""

    def exponential_decay(lr0: float, s: float) -> Any:
        def exponential_decay_fn(epoch: int) -> float:
            return lr0 * 0.1 ** (epoch / s)

        return exponential_decay_fn

    for schedule, last in (
        (lambda epoch: 0.01 if epoch < 2 else 0.001, 0.001),
        (exponential_decay(lr0=0.01, s=4), 0.01 * 0.1**0.5),
        (lambda epoch, lr: lr * 0.5, 0.01 * 0.5**3),
    ):
        model = line(keras.optimizers.SGD(0.01))
        scheduler = keras.callbacks.LearningRateScheduler(schedule)
        model.fit(*diabetes, epochs=3, callbacks=[scheduler], verbose=0)
        assert float(model.optimizer.learning_rate) == pytest.approx(last, rel=1e-6)


def test_schedules_under_optimizers(diabetes: Any) -> None:
    """Old: nothing but the address, `keras.optimizers.schedules`."""
    X, y = diabetes
    s = 2 * len(X) // 32
    learning_rate = keras.optimizers.schedules.ExponentialDecay(0.01, s, 0.1)
    model = line(keras.optimizers.SGD(learning_rate))
    model.fit(X, y, epochs=2, verbose=0)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01 * 0.1 ** (28 / s), rel=1e-5)
    steps = keras.optimizers.schedules.PiecewiseConstantDecay(boundaries=[5, 15], values=[0.01, 0.005, 0.001])
    assert [float(steps(t)) for t in (0, 5, 6, 20)] == pytest.approx([0.01, 0.01, 0.005, 0.001])


def test_exponential_decay_at_every_step_by_a_callback(older: Any, diabetes: Any) -> None:
    """Old: `K.get_value` and `K.set_value` on `optimizer.lr`, in hooks for batches."""

    class ExponentialDecay(keras.callbacks.Callback):
        def __init__(self, s: float) -> None:
            super().__init__()
            self.s = s

        def on_batch_begin(self, batch: int, logs: Any = None) -> None:
            lr = K.get_value(self.model.optimizer.lr)
            K.set_value(self.model.optimizer.lr, lr * 0.1 ** (1 / self.s))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            rates.append(K.get_value(self.model.optimizer.lr))

    rates: list[float] = []
    reading, writing = (
        f"keras.backend.{what}_value(optimizer.learning_rate{more})"
        for what, more in (("get", ""), ("set", ", value"))
    )
    X, y = diabetes
    with older("lr=", "optimizer.lr", reading, writing):
        model = line(keras.optimizers.SGD(lr=0.01))
        model.fit(X[:320], y[:320], epochs=2, callbacks=[ExponentialDecay(s=20)], verbose=0)
    np.testing.assert_allclose(rates, [0.01 * 0.1**0.5, 0.01 * 0.1], rtol=1e-5)


def test_the_rate_finder(older: Any, digits: Any) -> None:
    """Old: the rate grows at every batch through `K.set_value`, and the weights are put back at the end."""

    class ExponentialLearningRate(keras.callbacks.Callback):
        def __init__(self, factor: float) -> None:
            super().__init__()
            self.factor = factor
            self.rates: list[float] = []
            self.losses: list[float] = []

        def on_batch_end(self, batch: int, logs: Any) -> None:
            self.rates.append(K.get_value(self.model.optimizer.learning_rate))
            self.losses.append(logs["loss"])
            K.set_value(self.model.optimizer.learning_rate, self.model.optimizer.learning_rate * self.factor)

    def find_learning_rate(model: Any, X: Any, y: Any, min_rate: float, max_rate: float) -> Any:
        init_weights = model.get_weights()
        iterations = len(X) // 32 + (len(X) % 32 > 0)
        factor = np.exp(np.log(max_rate / min_rate) / iterations)
        init_lr = K.get_value(model.optimizer.learning_rate)
        K.set_value(model.optimizer.learning_rate, min_rate)
        exp_lr = ExponentialLearningRate(factor)
        model.fit(X, y, epochs=1, batch_size=32, callbacks=[exp_lr], verbose=0)
        K.set_value(model.optimizer.learning_rate, init_lr)
        model.set_weights(init_weights)
        return exp_lr.rates, exp_lr.losses

    (X, y), _ = digits
    model = keras.models.Sequential(
        [
            keras.layers.Flatten(input_shape=[8, 8]),
            keras.layers.Dense(30, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.SGD(0.03))
    before = model.get_weights()
    with older(
        "keras.backend.get_value(optimizer.learning_rate)",
        "keras.backend.set_value(optimizer.learning_rate, value)",
    ):
        rates, losses = find_learning_rate(model, X, y, 1e-4, 1e2)
    assert len(rates) == len(losses) == 38
    np.testing.assert_allclose(rates, 1e-4 * 1e6 ** (np.arange(38) / 38), rtol=1e-4)
    assert losses[-1] > min(losses)  # far too fast at last
    assert float(model.optimizer.learning_rate) == pytest.approx(0.03)
    for was, now in zip(before, model.get_weights()):
        np.testing.assert_array_equal(was, now)


def test_1cycle_by_a_callback(older: Any, diabetes: Any) -> None:
    """Old: 1cycle is no class yet; the reader writes it with `K.set_value(self.model.optimizer.lr, rate)`."""

    class OneCycleScheduler(keras.callbacks.Callback):
        def __init__(self, iterations: int, max_rate: float, start_rate: float) -> None:
            super().__init__()
            self.half = iterations // 2
            self.max_rate, self.start_rate = max_rate, start_rate
            self.iteration = 0

        def on_batch_begin(self, batch: int, logs: Any) -> None:
            away = abs(self.iteration - self.half) / self.half
            rate = self.max_rate + (self.start_rate - self.max_rate) * away
            seen.append(rate)
            K.set_value(self.model.optimizer.lr, rate)
            K.set_value(self.model.optimizer.momentum, 0.85 + 0.1 * away)
            self.iteration += 1

    seen: list[float] = []
    model = line(keras.optimizers.SGD(0.5, momentum=0.9))
    setting = [f"keras.backend.set_value(optimizer.{name}, value)" for name in ("learning_rate", "momentum")]
    with older("optimizer.lr", *setting):
        history = model.fit(*diabetes, epochs=4, callbacks=[OneCycleScheduler(56, 0.02, 0.002)], verbose=0)
    assert max(seen) == pytest.approx(0.02)
    assert seen[0] == pytest.approx(0.002)
    assert float(model.optimizer.momentum) == pytest.approx(0.85 + 0.1 * 27 / 28)
    assert history.history["loss"][-1] < 0.6  # at the first rate of 0.5 it would be NaN


def test_reduce_on_plateau(diabetes: Any) -> None:
    """Old: nothing but the arguments' order; a rate that learns nothing is halved every two epochs."""
    model = line(keras.optimizers.SGD(1e-7))
    lr_scheduler = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=2, monitor="loss", min_delta=1e-2)
    model.fit(*diabetes, epochs=5, callbacks=[lr_scheduler], verbose=0)
    assert float(model.optimizer.learning_rate) == pytest.approx(2.5e-8, rel=1e-5)


@pytest.mark.parametrize("how", [{"clipvalue": 1.0}, {"clipnorm": 1.0}])
def test_clipped_gradients_survive_targets_that_nobody_scaled(how: dict[str, float], diabetes: Any) -> None:
    """Old: clipping as an argument of the optimizer, as it still is."""
    X, y = diabetes
    model = line(keras.optimizers.SGD(0.01, momentum=0.9, **how))
    model.set_weights([np.zeros((10, 1)), np.zeros(1)])
    with pytest.warns(MistakeWarning, match="magnitude of the targets .* scale them"):
        model.fit(X, 1e6 * y, epochs=1, batch_size=len(X), verbose=0)
    kernel = model.get_weights()[0]
    if "clipvalue" in how:
        np.testing.assert_allclose(np.abs(kernel), 0.01, rtol=1e-5)
    else:
        assert np.linalg.norm(kernel) == pytest.approx(0.01, rel=1e-5)


def test_optimizers_in_lower_case(older: Any) -> None:
    """Old: `keras.optimizers.rmsprop(lr=..., decay=...)`, and a decayed rate."""
    with older("fitwell.optimizers.rmsprop", "fitwell.optimizers.adam", "lr=", "decay="):
        opt = keras.optimizers.rmsprop(lr=0.0001, decay=1e-6)
        from fitwell.optimizers import adam
    assert isinstance(opt, keras.optimizers.RMSprop)
    assert adam is keras.optimizers.Adam
    with pytest.raises(AttributeError, match="has no attribute 'adamw'"):  # it never had that name
        _ = keras.optimizers.adamw


def test_names_of_optimizers_and_metrics(cancer: Any) -> None:
    """Old: `metrics=['acc']`, whose history is called `acc` and `val_acc`."""
    X, y = cancer
    model = keras.models.Sequential()
    model.add(keras.layers.Dense(16, activation="relu", input_dim=30))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    model.compile(optimizer="nadam", loss="binary_crossentropy", metrics=["acc"])
    history = model.fit(X, y, epochs=8, batch_size=32, validation_split=0.25, verbose=0)
    assert set(history.history) == {"loss", "acc", "val_loss", "val_acc"}
    assert history.history["val_acc"][-1] > 0.93
    assert model.evaluate(X, y, verbose=0)[1] == pytest.approx(np.mean((model.predict(X)[:, 0] > 0.5) == y))
