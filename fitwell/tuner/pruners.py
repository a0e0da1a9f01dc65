"""Creation of Optuna pruners from their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitwell.errors import unknown_name_error

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

__all__ = ["REDUCTION_FACTOR", "make_pruner", "rungs"]

# Factor by which the number of epochs grows from one Hyperband rung to the next.
REDUCTION_FACTOR = 3


def make_pruner(name: Any, epochs: int) -> BasePruner:
    """Create the pruner `name` for trials with up to `epochs` epochs.

    ``"hyperband"`` stops most trials after only a few epochs. After each number of epochs in `rungs`, only the best
    trials continue, until the next of these numbers. ``"median"`` stops a trial that is worse than the median of the
    other trials at the same epoch. With None, no trial is stopped.
    """
    from optuna import pruners

    if name is None:
        return pruners.NopPruner()
    if name == "median":
        return pruners.MedianPruner(n_startup_trials=5)
    if name == "hyperband":
        return pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=REDUCTION_FACTOR)
    raise unknown_name_error("pruner", str(name), ("hyperband", "median", "None"))


def rungs(epochs: int) -> list[int]:
    """Return the numbers of epochs after which the pruner decides whether to stop a trial.

    >>> rungs(100)
    [1, 3, 9, 27, 81]
    """
    epoch_rungs, rung = [], 1
    while rung < epochs:  # pruning after the last epoch saves nothing
        epoch_rungs.append(rung)
        rung *= REDUCTION_FACTOR
    return epoch_rungs
