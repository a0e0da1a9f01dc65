"""`History`: the logged values and their curves."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from fitwell._history import History
from fitwell.errors import InvalidArgument


@pytest.fixture(autouse=True)
def headless() -> None:
    matplotlib.use("Agg")


def curves() -> History:
    history = History({"epochs": 3})
    history.append(0, {"loss": np.float32(3.0), "val_loss": 2.5, "accuracy": 0.5, "val_accuracy": 0.6})
    history.append(1, {"loss": 2.0, "val_loss": 1.5, "accuracy": 0.7, "val_accuracy": 0.75})
    history.append(2, {"loss": 1.0, "val_loss": 1.25, "accuracy": 0.8, "val_accuracy": 0.75})
    return history


def test_values_are_plain_floats_in_order() -> None:
    history = curves()
    assert history.history["loss"] == [3.0, 2.0, 1.0]
    assert all(type(value) is float for values in history.history.values() for value in values)
    assert history.epoch == [0, 1, 2]
    assert history.params == {"epochs": 3}
    assert history.metrics() == ["loss", "accuracy"]


def test_the_training_curve_is_shifted_left_by_half_an_epoch() -> None:
    axes = curves().plot()
    assert [a.get_title() for a in axes] == ["loss", "accuracy"]
    training, validation = axes[0].get_lines()
    assert list(training.get_xdata()) == [0.5, 1.5, 2.5] and list(training.get_ydata()) == [3.0, 2.0, 1.0]
    assert list(validation.get_xdata()) == [1.0, 2.0, 3.0] and list(validation.get_ydata()) == [
        2.5,
        1.5,
        1.25,
    ]
    assert [line.get_label() for line in axes[0].get_lines()] == ["training", "validation"]
    plt.close("all")


def test_a_learning_rate_is_not_shifted() -> None:
    history = History()
    history.append(0, {"learning_rate": 0.1})
    (axes,) = history.plot()
    assert list(axes.get_lines()[0].get_xdata()) == [1.0]
    plt.close("all")


def test_one_axes_takes_every_curve() -> None:
    _, ax = plt.subplots()
    assert curves().plot(ax=ax) == [ax]
    assert [line.get_label() for line in ax.get_lines()] == ["loss", "val_loss", "accuracy", "val_accuracy"]
    plt.close("all")


def test_a_wrong_number_of_axes_is_refused() -> None:
    _, axes = plt.subplots(1, 3)
    with pytest.raises(InvalidArgument, match=r"one axes per metric \(loss, accuracy\), got 3 axes"):
        curves().plot(ax=list(axes))
    plt.close("all")


def test_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("plot must not call plt.show"))
    curves().plot()
    plt.close("all")


def test_the_frame_has_gaps_where_a_metric_was_not_logged() -> None:
    history = History()
    history.append(4, {"loss": 1.0})
    history.append(5, {"loss": 0.5, "val_loss": 0.75})
    expected = pd.DataFrame(
        {"loss": [1.0, 0.5], "val_loss": [np.nan, 0.75]}, index=pd.Index([4, 5], name="epoch")
    )
    pd.testing.assert_frame_equal(history.to_frame(), expected)
    (axes,) = history.plot()
    assert [list(line.get_xdata()) for line in axes.get_lines()] == [[4.5, 5.5], [6.0]]
    plt.close("all")


def test_an_empty_history_has_an_empty_frame_and_no_curves() -> None:
    assert History().to_frame().empty
    assert History().plot() == []
    plt.close("all")
