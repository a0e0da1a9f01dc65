"""`history.learning_rate`: one rate per epoch, whatever sets it, in memory and in files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import optax
import pytest

import fitwell
from fitwell import callbacks
from fitwell._callback import Callback
from fitwell._history import History
from fitwell.errors import FileError
from fitwell.optimizers import schedules

X = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
Y = X[:, :1].copy()


def model(rate: Any = 0.25, metrics: Any = None) -> Any:
    net = fitwell.Sequential([fitwell.layers.Input((2,)), fitwell.layers.Dense(1)])
    net.compile(loss="mse", optimizer=fitwell.optimizers.SGD(rate), metrics=metrics)
    return net


def fit(net: Any, *watching: Any, **settings: Any) -> History:
    history: History = net.fit(X, Y, **{"epochs": 3, "verbose": 0, "callbacks": list(watching), **settings})
    return history


def own() -> Callback:
    return callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)


class Halves(callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate) / 2


@pytest.mark.parametrize("watching", [[], [own]])
def test_a_constant_rate_is_recorded_for_every_epoch(watching: list[Any]) -> None:
    history = fit(model(), *(make() for make in watching), validation_split=0.2)
    assert history.learning_rate == [0.25, 0.25, 0.25]
    assert "learning_rate" not in history.history


@pytest.mark.parametrize(
    ("rate", "watching", "expected"),
    [
        (0.25, [callbacks.LearningRateScheduler(lambda epoch: 0.5 ** (epoch + 1))], [0.5, 0.25, 0.125]),
        (0.25, [callbacks.ReduceLROnPlateau("loss", 0.5, 1, min_delta=100.0)], [0.25, 0.25, 0.125]),
        (0.25, [Halves()], [0.25, 0.125, 0.0625]),
        (schedules.InverseTimeDecay(0.5, 1, 1.0), [], [0.25, 0.5 / 3, 0.125]),
    ],
)
def test_a_changing_rate_is_logged(rate: Any, watching: Any, expected: Any) -> None:
    history = fit(model(rate), *watching, batch_size=20)
    np.testing.assert_allclose(history.learning_rate, expected, rtol=1e-6)
    assert history.learning_rate == history.history["learning_rate"]


def test_a_rate_set_between_two_fits_is_that_of_the_second() -> None:
    net = model()
    assert fit(net).learning_rate == [0.25] * 3
    net.optimizer.learning_rate = 0.125
    assert fit(net, initial_epoch=1).learning_rate == [0.125] * 2


def test_the_rate_of_a_wrapped_optimizer_is_missing() -> None:
    net = model()
    net.compile(loss="mse", optimizer=fitwell.optimizers.OptaxOptimizer(optax.sgd(0.1)))
    assert all(map(math.isnan, fit(net).learning_rate))


@pytest.mark.parametrize(
    ("watching", "expected"),
    [([], [0.25] * 3), ([callbacks.LearningRateScheduler(lambda epoch: 0.1)], [math.nan] * 3)],
)
def test_a_metric_named_learning_rate_is_not_the_rate(watching: Any, expected: list[float]) -> None:
    def learning_rate(y: Any, said: Any) -> Any:
        return 0.0 * y + 7.0

    history = fit(model(metrics=[learning_rate]), *watching)
    assert history.history["learning_rate"] == [7.0] * 3
    np.testing.assert_array_equal(history.learning_rate, expected)


def test_a_rate_that_a_hook_removes_from_the_logs_is_recorded() -> None:
    class Clears(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs.clear()

    history = fit(model(), callbacks.LearningRateScheduler(lambda epoch: 0.5**epoch), Clears())
    assert history.history == {} and history.learning_rate == [1.0, 0.5, 0.25]


def test_members_have_separate_rates_also_in_files(tmp_path: Path) -> None:
    def build(setting: dict[str, float]) -> Any:
        return model(setting["rate"])

    population = fitwell.Population(build, [{"rate": 0.25}, {"rate": 0.5}], seeds=[0])
    population.fit(X, Y, epochs=2, verbose=0)
    assert [history.learning_rate for history in population.history] == [[0.25] * 2, [0.5] * 2]
    population.save(tmp_path / "members")
    read = fitwell.Population.load(tmp_path / "members", build)
    assert [history.learning_rate for history in read.history] == [[0.25] * 2, [0.5] * 2]


def test_a_resumed_run_has_the_rates_of_all_epochs(tmp_path: Path) -> None:
    fit(model(), resume=tmp_path, epochs=2)
    assert fit(model(), resume=tmp_path, epochs=4).learning_rate == [0.25] * 4
    with pytest.warns(UserWarning, match=r"learning_rate was 0.25 when the run began and is 0.5 from now on"):
        history = fit(model(0.5), resume=tmp_path, epochs=6)
    assert history.learning_rate == [0.25] * 4 + [0.5] * 2


def test_files_without_rates_are_read() -> None:
    state = fit(model(), Halves()).to_arrays()
    del state["learning_rate"]
    history = History()
    history.restore_arrays(state)
    assert history.learning_rate == [0.25, 0.125, 0.0625]
    del state["history"]["learning_rate"], state["epochs_of"]["learning_rate"]
    history.restore_arrays(state)
    assert len(history.learning_rate) == 3 and all(map(math.isnan, history.learning_rate))


def test_a_file_with_rates_of_other_epochs_is_damaged() -> None:
    state = fit(model()).to_arrays()
    History.check_arrays(state, "file")
    state["learning_rate"] = state["learning_rate"][:-1]
    with pytest.raises(FileError, match="damaged"):
        History.check_arrays(state, "file")


def test_the_callback_has_the_rates_of_the_run() -> None:
    passed = callbacks.History()
    assert passed.learning_rate == []
    fit(model(), passed)
    assert passed.learning_rate == [0.25] * 3


def test_one_batch_returns_no_rate_of_a_schedule() -> None:
    """As in Keras: a single number without metrics."""
    net = model(schedules.InverseTimeDecay(0.5, 1, 1.0))
    assert isinstance(net.train_on_batch(X, Y), float)
    assert list(net.train_on_batch(X, Y, return_dict=True)) == ["loss"]
