"""Grouping of members in plots, and notes about members that are outside a plot's range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fitwell._plotting import axis_limits
from fitwell._plotting.annotations import count_of
from fitwell._plotting.palette import Palette
from fitwell.errors import InvalidArgument, did_you_mean
from fitwell.population.members import Member, Setting

__all__ = ["By", "check_name", "describe_outliers", "full_setting", "group_palette"]

# The hyperparameters by which the members in a plot are grouped.
By = str | Sequence[str] | None


def full_setting(member: Member) -> Setting:
    """Return a member's hyperparameters, seed and fold as a dict."""
    fold = {} if member.fold is None else {"fold": member.fold}
    return {**member.setting, "seed": member.seed, **fold}


def group_palette(members: Sequence[Member], by: By) -> Palette | None:
    """Return a palette that colors members by the hyperparameters `by`, or None if `by` is None."""
    if by is None:
        return None
    names = [by] if isinstance(by, str) else list(by) if isinstance(by, Sequence) else []
    if not names:
        raise InvalidArgument(f"by: expected the name of a hyperparameter, or a list of names, got {by!r}")
    for name in names:
        check_name(members, name)
    return Palette(names, [full_setting(member) for member in members])


def check_name(members: Sequence[Member], name: Any) -> str:
    """Check that at least one member has the hyperparameter `name`, and return the name.

    ``seed`` and, for members with folds, ``fold`` also count as hyperparameters.
    """
    known = list(dict.fromkeys(name for member in members for name in full_setting(member)))
    if name not in known:
        raise InvalidArgument(
            f"no member has a hyperparameter {name!r}{did_you_mean(str(name), known) or '.'} The known "
            f"hyperparameters are: {', '.join(known) or 'none'}."
        )
    return str(name)


def describe_outliers(parts: Sequence[Any], far: Sequence[bool], shown: tuple[float, float]) -> str:
    """Return a note about members with values outside the plot's range, or an empty string if there are none.

    Args:
        parts: The values of each member.
        far: Whether each member has values outside the range.
        shown: The lower and upper limits of the range.

    Returns:
        The note.
    """
    if not any(far):
        return ""
    outside = np.concatenate([np.ravel(part) for part, out in zip(parts, far, strict=True) if out])
    verb = "has" if sum(far) == 1 else "have"
    return (
        f"{count_of(sum(far), len(far), 'member')} {verb} values outside the plot, "
        f"{axis_limits.describe_extent(outside, *shown)}"
    )
