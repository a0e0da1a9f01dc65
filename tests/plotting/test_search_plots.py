"""Plots of a search, from hand-made trials."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import optuna
import pytest
from matplotlib import pyplot as plt
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from fitwell import _html, tuner
from fitwell.errors import InvalidArgument
from fitwell.tuner import visualization
from tests.plotting.figures import NAMES, cut_off, inside, legend_texts, note, overlaps, ticks

SPACE = {
    "rate": FloatDistribution(1e-4, 1e-1, log=True),
    "dropout": FloatDistribution(0, 0.8),
    "units": IntDistribution(4, 256, log=True),
    "depth": IntDistribution(1, 4),
    "optimizer": CategoricalDistribution(NAMES),
    r"$\bad_$": CategoricalDistribution(["$x$", "1", 1, None, True]),
}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    plt.close("all")


def trials(values: list[float], space: dict[str, Any] = SPACE) -> list[Any]:
    study = optuna.create_study()
    generator = np.random.default_rng(0)
    for value in values:
        params = {
            name: domain.choices[generator.integers(len(domain.choices))]
            if hasattr(domain, "choices")
            else type(domain.low)(domain.low + generator.random() * (domain.high - domain.low))
            for name, domain in space.items()
        }
        study.add_trial(optuna.trial.create_trial(value=value, params=params, distributions=space))
    return study.get_trials()


@pytest.mark.parametrize("direction", ["min", "max"])
def test_far_and_lost_trials_are_marked_and_the_best_stay(direction: str) -> None:
    sign = 1 if direction == "min" else -1
    good = [sign * value for value in np.linspace(0.2, 0.6, 20)]
    found = trials([*good, sign * 1e9, sign * 1e7, *[sign * math.inf] * 3])
    lost = [trial for trial in found if not math.isfinite(trial.value)]
    kept = [trial for trial in found if math.isfinite(trial.value)]
    axes = visualization.plot_search(kept, tuner.Objective("val_loss", direction), lost, 5)
    for ax in axes:
        low, high = ax.get_ylim()
        assert inside(good, (low, high)) and (max(good) - min(good)) / (high - low) > 0.8
        markers = {len(points.get_offsets()) for points in ax.collections}
        assert markers == {2, 3}  # triangles and crosses
        assert overlaps(ax) == 0
    told = note(axes[0])
    assert (
        "val_loss is not finite for 3 of 30 trials (×)" in told
        and "5 of 30 trials not shown: stopped early" in told
    )
    assert "2 of 25 trials far off" in told
    assert all("2 of 25 trials far off" in note(ax) for ax in axes[1:])


def test_axes_follow_what_was_declared() -> None:
    axes = visualization.plot_search(trials([0.3, 0.2, 0.4, 0.5]), tuner.Objective("val_loss", "min"))
    named = {ax.get_xlabel(): ax for ax in axes}
    assert [named[name].get_xscale() for name in ("rate", "units", "dropout", "depth")] == [
        "log",
        "log",
        "linear",
        "linear",
    ]
    assert all(tick == round(tick) for name in ("trial", "depth", "units") for tick in ticks(named[name]))
    assert [t.get_text() for t in named["optimizer"].get_xticklabels()] == NAMES
    assert [t.get_text() for t in named[r"$\bad_$"].get_xticklabels()] == ["$x$", "'1'", "1", "None", "True"]
    axes[0].figure.canvas.draw()
    assert not any(map(cut_off, axes))


@pytest.mark.parametrize("count", [1, 3, 12])
def test_any_number_of_categories_is_distinguishable(count: int) -> None:
    space = {"kind": CategoricalDistribution(NAMES[:count])}
    axes = visualization.plot_search(
        trials([0.1 * n for n in range(1, 25)], space), tuner.Objective("val_loss", "min"), by="kind"
    )
    assert overlaps(axes[1]) == 0 and len(axes[1].get_xticklabels()) == count
    entries = legend_texts(axes[0])
    assert (
        set(entries) <= {*NAMES[:count], "best so far"}
        and len(entries) == min(count, len(set(entries)) - 1) + 1
    )


def test_by_must_be_a_hyperparameter() -> None:
    with pytest.raises(
        InvalidArgument, match="no trial has a hyperparameter 'optimzer'. Did you mean 'optimizer'"
    ):
        visualization.plot_search(trials([0.1]), tuner.Objective("val_loss", "min"), by="optimzer")
    assert not plt.get_fignums()


def test_a_figure_of_ones_own_leaves_no_trace_in_pyplot() -> None:
    figure = _html.new_figure(12, 6)
    axes = visualization.plot_search(trials([0.1, 0.2]), tuner.Objective("val_loss", "min"), figure=figure)
    assert figure.axes == axes and not plt.get_fignums() and len(_html.to_png(figure)) > 1000


def test_repeats_of_a_trial_have_their_spread() -> None:
    study = optuna.create_study()
    space = {"depth": IntDistribution(1, 4)}
    for number in range(4):
        values = [0.1 * number, 0.1 * number + 0.04]
        trial = optuna.trial.create_trial(
            value=float(np.mean(values)),
            params={"depth": 1 + number % 2},
            distributions=space,
            user_attrs={"values": values},
        )
        study.add_trial(trial)
    history, effect = visualization.plot_search(study.get_trials(), tuner.Objective("val_loss", "min"))
    for ax in (history, effect):
        (bars,) = ax.containers[0].lines[2]
        spread = [segment[1, 1] - segment[0, 1] for segment in bars.get_segments()]
        np.testing.assert_allclose(spread, 2 * np.std([0, 0.04], ddof=1))
    assert note(history) == "bars: ± sd of repeats or folds"
