"""Assignment of a population's members to cross-validation folds."""

from __future__ import annotations

from collections.abc import Sequence

from fitwell.errors import StateError
from fitwell.population.folds import Fold
from fitwell.population.members import Build, Member, build_member

__all__ = ["TrainedFolds", "assign_folds", "check_leakage"]

# The number of rows and the folds of the last `fit`.
TrainedFolds = tuple[int, Sequence[Fold]]


def assign_folds(members: list[Member], build: Build, folds: Sequence[Fold] | None) -> list[Member]:
    """Return one member per setting, seed and fold, and build the members that are missing.

    Args:
        members: The current members.
        build: The function that builds the models.
        folds: The folds, or None.

    Returns:
        The members.

    Raises:
        StateError: If the members were already trained with a different number of folds.
    """
    count = None if folds is None else len(folds)
    have = None if members[0].fold is None else 1 + max(member.fold or 0 for member in members)
    if have == count:
        return members
    if any(member.status != "not trained" for member in members):
        raise StateError(
            f"fit: this population was trained with {have or 'no'} folds and cannot continue with "
            f"{count or 'no'} folds; create a new Population"
        )
    assigned = []
    for member in members:
        if not member.fold:  # skip members that an earlier call to `fit` created before it failed
            member.fold = None if count is None else 0
            assigned.append(member)
            assigned += [
                build_member(build, member.setting, member.seed, fold) for fold in range(1, count or 1)
            ]
    return assigned


def check_leakage(trained: TrainedFolds | None, rows: int, folds: Sequence[Fold] | None) -> None:
    """Check that the folds do not validate members on rows that they were trained on.

    Args:
        trained: The number of rows and the folds of the previous call to `fit`, or None.
        rows: The current number of rows. If it has changed, the folds are not compared.
        folds: The current folds, or None.

    Raises:
        StateError: If a member would be validated on its training rows.
    """
    if folds is None or trained is None or trained[0] != rows:
        return
    if any(one.leaks_into(other) for one, other in zip(trained[1], folds, strict=True)):
        raise StateError(
            "fit: the folds differ from the previous call's folds, so members would be validated on rows that "
            "they were trained on; give the splitter a random_state, or pass the same splits again"
        )
