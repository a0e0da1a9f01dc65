"""Groups of members in plots, and notes about members outside a plot."""

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

# Hyperparameters that group the members of a plot.
By = str | Sequence[str] | None


def full_setting(member: Member) -> Setting:
    """Return the hyperparameters, the seed and the fold of a member."""
    fold = {} if member.fold is None else {"fold": member.fold}
    return {**member.setting, "seed": member.seed, **fold}


def group_palette(members: Sequence[Member], by: By) -> Palette | None:
    """Return the colors of members by one or several hyperparameters, None without `by`."""
    if by is None:
        return None
    names = [by] if isinstance(by, str) else list(by) if isinstance(by, Sequence) else []
    if not names:
        raise InvalidArgument(f"by: expected the name of a hyperparameter, or a list of several, got {by!r}")
    for name in names:
        check_name(members, name)
    return Palette(names, [full_setting(member) for member in members])


def check_name(members: Sequence[Member], name: Any) -> str:
    """Return `name` if any member has this hyperparameter; ``seed`` and ``fold`` are valid as well."""
    known = list(dict.fromkeys(name for member in members for name in full_setting(member)))
    if name not in known:
        raise InvalidArgument(
            f"no member has a hyperparameter {name!r}{did_you_mean(str(name), known) or '.'} Known: "
            f"{', '.join(known) or 'none'}."
        )
    return str(name)


def describe_outliers(parts: Sequence[Any], far: Sequence[bool], shown: tuple[float, float]) -> str:
    """Return a note about members with values outside the shown range."""
    if not any(far):
        return ""
    outside = np.concatenate([np.ravel(part) for part, out in zip(parts, far, strict=True) if out])
    verb = "leaves" if sum(far) == 1 else "leave"
    return f"{count_of(sum(far), len(far), 'member')} {verb} the plot, {axis_limits.describe_extent(outside, *shown)}"
