"""Learning curves of one run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from matplotlib import pyplot as plt

from fitwell._history import History
from fitwell.errors import InvalidArgument
from tests.plotting.figures import curve, cut_off, history, inside, legend_texts, note, overlaps, ticks


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 20, 1000])
def test_ticks_stand_at_whole_epochs(epochs: int) -> None:
    values = np.linspace(1, 0.5, epochs).tolist()
    (axes,) = history(loss=values, val_loss=values).plot()
    found = ticks(axes)
    assert found and all(tick == round(tick) >= 1 for tick in found)
    left, right = axes.get_xlim()
    assert left < 0.5 and right > epochs


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_values_are_noted(bad: float) -> None:
    (axes,) = history(loss=[bad], val_loss=[bad]).plot()
    assert note(axes) == "loss is not finite in any epoch; val_loss is not finite in any epoch"
    assert axes.texts[0].get_text() == "no finite value" and axes.get_legend() is None
    (axes,) = history(loss=[2.0, 1.0, bad, bad]).plot()
    assert note(axes) == "loss is not finite from epoch 3 on" and axes.get_xlim()[1] > 3.5
    (axes,) = history(loss=[2.0, bad, 1.0, 1.0]).plot()
    assert note(axes) == "loss is not finite in 1 of 4 epochs"
    # The title stands above the note.
    axes.figure.canvas.draw()
    assert not axes.title.get_window_extent().overlaps(axes._right_title.get_window_extent())


def test_one_value_far_off_does_not_hide_the_others() -> None:
    values = curve(0.2, 30)
    spiked = [*values[:15], 1e9, *values[16:]]
    (axes,) = history(loss=spiked, val_loss=values).plot()
    assert inside(values, axes.get_ylim()) and axes.get_ylim()[1] < 3
    assert note(axes) == "1 of 60 values not shown, up to 1e+09"
    assert axes.lines[0].get_ydata()[15] == 1e9  # type: ignore[index]
    (axes,) = history(loss=values).plot()
    assert note(axes) == "" and inside(values, axes.get_ylim())


def test_a_diverging_run_is_shown_completely() -> None:
    """On a logarithmic axis the first epochs, which are the best, stay visible."""
    losses = (2.0 * 40.0 ** np.arange(22)).tolist()
    (axes,) = history(loss=[*losses, np.inf], val_loss=losses).plot()
    assert axes.get_yscale() == "log" and inside(losses, axes.get_ylim())
    assert note(axes) == "loss is not finite from epoch 23 on"
    # The same holds after another run was plotted on the axes.
    _, axes = plt.subplots()
    history(loss=curve(0.2)).plot(axes)
    history(loss=losses).plot(axes)
    assert axes.get_yscale() == "log" and inside([*losses, *curve(0.2)], axes.get_ylim())


def test_a_learning_rate_that_changed_has_its_own_axes() -> None:
    values = curve(0.2, 5)
    constant = history(loss=values, learning_rate=[0.1] * 5)
    assert [axes.get_title() for axes in constant.plot()] == ["loss"] and constant.metrics() == ["loss"]
    changed = history(loss=values, learning_rate=[0.1, 0.1, 0.05, 0.05, 0.05])
    _, rate = changed.plot()
    assert rate.get_title() == "learning_rate" and inside([0.1, 0.05], rate.get_ylim())
    assert list(rate.lines[0].get_xdata()) == [1, 2, 3, 4, 5]
    _, axes = plt.subplots()
    assert changed.plot(axes) == [axes]
    assert legend_texts(axes) == ["loss", "learning_rate"] and len(axes.lines) == 1
    (twin,) = [other for other in axes.figure.axes if other is not axes]
    assert twin.get_ylabel() == "learning_rate" and twin.lines[0].get_ydata()[2] == 0.05  # type: ignore[index]
    # With axes for the metrics alone it is left out; with one more, and however they are given, it is there.
    _, grid = plt.subplots(1, 2)
    assert [a.get_title() for a in changed.plot(grid)] == ["loss", "learning_rate"]
    assert [a.get_title() for a in constant.plot(tuple(grid))] == ["loss", "learning_rate"]
    assert [a.get_title() for a in changed.plot(plt.subplots(1, 1, squeeze=False)[1])] == ["loss"]


def test_metrics_of_other_sizes_are_seen_on_shared_axes() -> None:
    small, large = curve(0.2), [1e5 * value for value in curve(0.3)]
    _, axes = plt.subplots()
    history(loss=small, mse=large).plot(axes)
    assert axes.get_yscale() == "log" and inside(small + large, axes.get_ylim()) and note(axes) == ""


def test_validation_that_came_at_some_epochs_stands_there_and_is_joined() -> None:
    made = History()
    for epoch in range(10):
        made.append(epoch, {"loss": 1.0, **({"val_loss": 0.5} if epoch % 3 == 2 else {})})
    (axes,) = made.plot()
    validation = axes.lines[1]
    assert list(validation.get_xdata()) == [3, 6, 9] and validation.get_linestyle() == "-"
    assert np.isfinite(validation.get_ydata()).all()


@pytest.mark.parametrize(
    "name", [r"$\bad_$", "_hidden", "100 % of $5", "two\nlines", "\ud800", "a" * 200, "x_{"]
)
def test_names_are_drawn_as_they_are(name: str) -> None:
    made = history(**{name: curve(0.2), "val_" + name: curve(0.3)})
    (axes,) = made.plot()
    axes.figure.canvas.draw()
    assert not cut_off(axes)
    _, shared = plt.subplots()
    made.plot(shared)
    assert len(legend_texts(shared)) == 2
    shared.legend()  # one of the user's own
    shared.figure.canvas.draw()


def test_names_survive_a_style_that_asks_for_tex() -> None:
    with plt.rc_context({"text.usetex": True}):
        (axes,) = history(my_loss=[1.0, 0.5]).plot()
        assert not axes.title.get_usetex()


def test_a_second_history_on_the_same_axes_takes_nothing_away() -> None:
    _, axes = plt.subplots()
    history(loss=[100.0, 90.0, 80.0]).plot([axes])
    history(loss=[1.0, 0.5, 0.2, 0.1, 0.1]).plot([axes])
    assert inside([100.0, 0.1], axes.get_ylim()) and axes.get_xlim()[1] > 4.5
    assert legend_texts(axes) == ["training", "training"]


def test_a_user_logarithmic_axis_stays_one() -> None:
    _, axes = plt.subplots()
    axes.set_yscale("log")
    history(loss=[1.0, 0.0, -1.0, 0.01]).plot([axes])
    assert axes.get_yscale() == "log" and axes.get_ylim()[0] > 0 and inside([0.01, 1.0], axes.get_ylim())
    assert "2 of 4 values not shown" in note(axes)


@pytest.mark.parametrize("size", [(2.0, 1.6), (6.4, 4.8)])
def test_nothing_is_cut_off_on_small_axes(size: tuple[float, float]) -> None:
    _, axes = plt.subplots(figsize=size)
    history(loss=[*curve(0.2, 40), 1e12, np.nan]).plot([axes])
    assert not cut_off(axes) and not overlaps(axes)


def test_figures_and_state_are_left_as_they_were() -> None:
    assert History().plot() == [] and not plt.get_fignums()
    assert history(loss=[1.0])._epochs_of and not plt.get_fignums()
    own = plt.figure()
    broken = history(loss=[1.0])
    broken.history["loss"] = ["a"]  # type: ignore[list-item]
    with pytest.raises(InvalidArgument, match=r"history\['loss'\] must contain one number for each epoch"):
        broken.plot()
    assert plt.get_fignums() == [own.number] and plt.gcf() is own
    before = dict(plt.rcParams)
    history(loss=curve(0.1)).plot()
    assert dict(plt.rcParams) == before
