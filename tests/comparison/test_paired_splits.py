"""Rows are held out for validation only if a callback uses validation values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fitwell as fw
from fitwell import callbacks
from fitwell.errors import InvalidArgument

pytestmark = pytest.mark.filterwarnings("ignore:compare")

X = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
Y = X[:, :1] * 2 + 1


def least_squares(rate: float) -> Callable[[], Any]:
    def build() -> Any:
        model = fw.Sequential([fw.layers.Input((2,)), fw.layers.Dense(1, kernel_initializer="zeros")])
        model.compile(fw.optimizers.SGD(rate), "mse")
        return model

    return build


CANDIDATES = {"slow": least_squares(0.01), "fast": least_squares(0.1)}
SETTINGS = {"repeats": 2, "epochs": 1, "batch_size": 100, "verbose": 0}


def compare(**options: Any) -> Any:
    return fw.compare(CANDIDATES, (X[:30], Y[:30]), test_data=(X[30:], Y[30:]), **SETTINGS, **options)


class Own(callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("make", "validates"),
    [
        (lambda: None, False),
        (lambda: callbacks.EarlyStopping("loss"), False),
        (lambda: callbacks.LearningRateScheduler(lambda epoch: 0.1), False),
        (lambda: [callbacks.TerminateOnNaN()], False),
        (lambda: callbacks.EarlyStopping(), True),
        (lambda: [[callbacks.ReduceLROnPlateau()]], True),
        (lambda: lambda setting: [callbacks.FlatStopping()], True),
        (lambda: {"slow": [], "fast": [callbacks.EarlyStopping()]}, True),
        (lambda: Own(), True),
        (lambda: callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None), True),
    ],
)
def test_callbacks_that_need_validation_rows_get_them(make: Callable[[], Any], validates: bool) -> None:
    said = str(compare(callbacks=make()))
    rows = "24 training and 6 validation rows" if validates else "30 training rows"
    assert f"{rows}, evaluated on the 70 given test rows" in said


@pytest.mark.parametrize("vary", ["splits", "seeds"])
@pytest.mark.parametrize("size", [None, 0])
def test_all_rows_given_are_trained_on(vary: str, size: float | None) -> None:
    """After one step from zero, the scores equal those of gradient descent by hand."""
    found = compare(vary=vary, validation_size=size)
    for name, rate in (("slow", 0.01), ("fast", 0.1)):
        kernel = rate * 2 * (X[:30] * Y[:30]).mean(axis=0)[:, None]
        bias = rate * 2 * Y[:30].mean()
        expected = np.mean((X[30:] @ kernel + bias - Y[30:]) ** 2)
        np.testing.assert_allclose(found.scores[name], [expected] * 2, rtol=1e-5)
    assert "the same 30 training rows" in str(found)


def test_a_test_part_without_a_validation_part() -> None:
    said = str(fw.compare(CANDIDATES, (X, Y), test_size=0.25, validation_size=0, **SETTINGS))
    assert "a new random split into 75 training and 25 test rows" in said
    assert "75 training and 25 test rows" in str(fw.compare(CANDIDATES, (X, Y), test_size=0.25, **SETTINGS))
    held = fw.compare(
        CANDIDATES,
        (X, Y),
        test_size=0.25,
        validation_size=0.25,
        **SETTINGS,
        callbacks=callbacks.EarlyStopping(),
    )
    assert "50 training, 25 validation and 25 test rows" in str(held)


def test_a_callback_without_the_values_that_it_needs_is_refused() -> None:
    with pytest.raises(
        InvalidArgument, match="validation_size=0 there are no validation values, but EarlyStop"
    ):
        compare(validation_size=0, callbacks=[callbacks.EarlyStopping()])


def test_a_population_whose_splits_validate_with_nothing() -> None:
    population = fw.Population(lambda setting: least_squares(0.1)(), seeds=[0])
    population.fit(
        X, Y, epochs=1, batch_size=100, verbose=0, splits=[(np.arange(50), []), (np.arange(50, 100), [])]
    )
    assert list(population.members[0].history.history) == ["loss"]
    kernel = 0.1 * 2 * (X[50:] * Y[50:]).mean(axis=0)[:, None]
    np.testing.assert_allclose(population.members[1].model.get_weights()[0], kernel, rtol=1e-5)
