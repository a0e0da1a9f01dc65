"""How a search went, and what each hyperparameter did, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fitwell.tuner.objective import Objective

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 3
# So many fit side by side below one picture.
MOST_LETTERS = 30


def draw(trials: Sequence[Any], objective: Objective) -> list[Axes]:
    """Draw the complete `trials` of a study; the first axes show the history, then one for each hyperparameter."""
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    rows = -(-(1 + len(names)) // COLUMNS)
    figure, grid = plt.subplots(
        rows, COLUMNS, figsize=(4.2 * COLUMNS, 3.2 * rows), squeeze=False, layout="constrained"
    )
    axes = list(grid.flat)
    for spare in axes[1 + len(names) :]:
        figure.delaxes(spare)
    _draw_history(axes[0], trials, objective)
    for name, ax in zip(names, axes[1:]):
        _draw_effect(ax, name, [trial for trial in trials if name in trial.params], objective)
    return axes[: 1 + len(names)]


def _draw_history(ax: Axes, trials: Sequence[Any], objective: Objective) -> None:
    from matplotlib.ticker import MaxNLocator

    ordered = sorted(trials, key=lambda trial: trial.number)
    numbers = [trial.number for trial in ordered]
    values = np.array([trial.value for trial in ordered])
    so_far = (np.minimum if objective.direction == "min" else np.maximum).accumulate(values)
    ax.plot(numbers, values, "o", markersize=4, alpha=0.6, label="trial")
    ax.step(numbers, so_far, where="post", label="best so far")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("trial")
    ax.set_ylabel(objective.name)
    ax.set_ylim(*_limits(values, objective))
    ax.legend()


def _draw_effect(ax: Axes, name: str, trials: Sequence[Any], objective: Objective) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

    values = np.array([trial.value for trial in trials])
    settings = [trial.params[name] for trial in trials]
    distribution = trials[0].distributions[name]
    if hasattr(distribution, "choices"):
        labels = [str(choice) for choice in distribution.choices]
        places = np.array([labels.index(str(setting)) for setting in settings], float)
        # Side by side, so that equal ones can be told apart; the same picture every time.
        places += np.random.default_rng(0).uniform(-0.15, 0.15, len(places))
        ax.plot(places, values, "o", markersize=4, alpha=0.6)
        crowded = sum(map(len, labels)) > MOST_LETTERS
        ax.set_xticks(
            range(len(labels)), labels, rotation=30 if crowded else 0, ha="right" if crowded else "center"
        )
        ax.set_xlim(-0.5, len(labels) - 0.5)
    else:
        ax.plot(settings, values, "o", markersize=4, alpha=0.6)
        if distribution.log:
            ax.set_xscale("log")
        if isinstance(settings[0], int):
            ax.xaxis.set_major_locator(
                LogLocator(subs=(1, 2, 5)) if distribution.log else MaxNLocator(integer=True)
            )
            ax.xaxis.set_major_formatter(ScalarFormatter())
            ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(name)
    ax.set_ylabel(objective.name)
    ax.set_ylim(*_limits(values, objective))


def _limits(values: np.ndarray, objective: Objective) -> tuple[float, float]:
    """Return limits that leave out the worst tenth, which is often far away: what matters is near the best."""
    if objective.direction == "min":
        low, high = values.min(), np.quantile(values, 0.9, method="higher")
    else:
        low, high = np.quantile(values, 0.1, method="lower"), values.max()
    if low == high:
        low, high = values.min(), values.max()
    margin = 0.08 * (high - low) or 0.1
    return float(low - margin), float(high + margin)
