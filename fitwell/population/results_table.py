"""A population's results table, and the ranking of its members."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fitwell._log_names import LEARNING_RATE_NAMES
from fitwell.callbacks.metric_mode import infer_mode, require_mode
from fitwell.errors import InvalidArgument, StateError, did_you_mean
from fitwell.models.loss_comparability import regularizers_of, warn_if_regularizers_differ
from fitwell.population.members import Member

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "best_so_far",
    "check_metric",
    "make_results",
    "member_table",
    "metric_names",
    "rank_members",
    "member_score",
]


def make_results(members: Sequence[Member]) -> pd.DataFrame:
    """Return the results table, which has one row per member.

    A row contains the setting, seed, fold, epochs, status, and the last and best value of each metric. The best value
    is omitted if it is not known whether larger or smaller values are better.
    """
    metrics = metric_names(members)
    values_by_member = []
    for member in members:
        row: dict[str, Any] = {"epochs": len(member.history.epoch), "stopped_epoch": member.stopped_epoch}
        for name in metrics:
            values = member.history.history.get(name, [])
            row[name] = values[-1] if values else math.nan
            mode = infer_mode(name)
            if mode is not None:
                row[f"best_{name}"] = _best_value(values, mode)
        values_by_member.append(row | {"status": member.status})
    frame = member_table(members, values_by_member)
    frame["stopped_epoch"] = frame["stopped_epoch"].astype("Int64")
    return frame


def member_table(members: Sequence[Member], values_by_member: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return a table with one row per member, which contains the member's setting, seed, fold and further values.

    Args:
        members: The members.
        values_by_member: A dict for each member that maps column names to the further values.

    Returns:
        The table.
    """
    import pandas as pd

    # If a hyperparameter has the same name as a metric, such as "loss", its column gets a suffix.
    value_names = {name for row in values_by_member for name in row}
    folds = any(member.fold is not None for member in members)
    filled = [
        {
            f"{name} (setting)" if name in value_names else name: value
            for name, value in member.setting.items()
        }
        | {"seed": member.seed}
        | ({"fold": member.fold} if folds else {})
        | row
        for member, row in zip(members, values_by_member, strict=True)
    ]
    settings = [name for row in filled for name in row if name not in {*value_names, "seed", "fold"}]
    order = dict.fromkeys(
        [*settings, "seed", *(["fold"] if folds else []), *(n for row in values_by_member for n in row)]
    )
    frame = pd.DataFrame(filled, columns=list(order))
    frame.index.name = "member"
    return frame


def metric_names(members: Sequence[Member]) -> list[str]:
    """Return the names of the losses and metrics in the members' histories."""
    logged = dict.fromkeys(name for member in members for name in member.history.history)
    return [name for name in logged if name not in LEARNING_RATE_NAMES]


def check_metric(members: Sequence[Member], metric: str | None) -> str:
    """Check that a metric was measured, and return its name.

    Args:
        members: The members.
        metric: The name of the metric. None means ``val_loss`` if it was measured, and ``loss`` otherwise.

    Returns:
        The name of the metric.

    Raises:
        StateError: If the members are not trained.
        InvalidArgument: If the metric was not measured.
    """
    metrics = metric_names(members)
    if not metrics:
        raise StateError("the population is not trained yet; call fit first")
    if metric is None:
        return "val_loss" if "val_loss" in metrics else "loss"
    if metric not in metrics:
        raise InvalidArgument(
            f"metric {metric!r} was not measured{did_you_mean(str(metric), metrics) or '.'} The measured metrics "
            f"are: {', '.join(metrics)}."
        )
    return metric


def member_score(member: Member, metric: str) -> float:
    """Return the metric's value for the member's current weights, or NaN if it was not measured."""
    values = (
        dict(zip(member.history.epochs_of(metric), member.history.history[metric], strict=True))
        if (metric in member.history.history)
        else {}
    )
    if member.restored_epoch is not None:
        return values.get(member.restored_epoch, math.nan)
    return next(reversed(values.values()), math.nan)


def rank_members(members: Sequence[Member], metric: str | None, mode: str) -> list[int]:
    """Rank the members by a metric. Members with the same setting and seed are ranked by the mean over their folds.

    Args:
        members: The members.
        metric: The name of the metric, or None for the default metric.
        mode: ``"max"`` if larger values are better, ``"min"`` if smaller values are better, or ``"auto"`` to infer this
            from the metric.

    Returns:
        The indices of the members, from best to worst. Diverged members are last.

    Raises:
        StateError: If no member has a finite value.
    """
    name = check_metric(members, metric)
    warn_if_regularizers_differ(
        {regularizers_of(member.model) for member in members}, name, "the ranking of members"
    )
    sign = -1.0 if require_mode(name, mode, "the ranking of members") == "max" else 1.0
    sums: dict[tuple[int, int], list[float]] = {}
    keys = [(id(member.setting), member.seed) for member in members]
    for key, member in zip(keys, members, strict=True):
        sums.setdefault(key, []).append(sign * member_score(member, name))
    means = {key: float(np.mean(values)) for key, values in sums.items()}
    order = sorted(range(len(members)), key=lambda i: (not math.isfinite(means[keys[i]]), means[keys[i]], i))
    if not math.isfinite(means[keys[order[0]]]):
        raise StateError(f"no member has a finite {name}; see the 'status' column of population.results")
    return order


def best_so_far(members: Sequence[Member]) -> dict[str, float]:
    """Return a dict that maps a label to the members' best loss, for the progress bar."""
    if not metric_names(members):
        return {}
    name = check_metric(members, None)
    return {f"best {name}": _best_value([member_score(member, name) for member in members], "min")}


def _best_value(values: Sequence[float], mode: str) -> float:
    finite = [value for value in values if math.isfinite(value)]
    choose = max if mode == "max" else min
    return choose(finite, default=math.nan)
