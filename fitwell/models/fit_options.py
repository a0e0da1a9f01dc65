"""`FitOptions`: the options of one training run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fitwell._param_validation import Boolean, FilePath, Integer, ListOf, Real, Rule
from fitwell._progress import VERBOSE
from fitwell.models.class_weight import CLASS_WEIGHT

__all__ = ["FIT_RULES", "FitOptions"]

_COUNT = Integer(1) | None
# The rules of the arguments of `Model.fit` and `Population.fit`.
FIT_RULES: dict[str, Rule] = {
    "batch_size": _COUNT,
    "epochs": Integer(0),
    "verbose": VERBOSE,
    "validation_split": Real(0, 1, closed="left") | None,
    "shuffle": Boolean(),
    "class_weight": CLASS_WEIGHT,
    "initial_epoch": Integer(0),
    "steps_per_epoch": _COUNT,
    "validation_steps": _COUNT,
    "validation_batch_size": _COUNT,
    "validation_freq": Integer(1) | ListOf(Integer(1), unordered=True),
    "resume": FilePath() | None,
}


@dataclass(frozen=True)
class FitOptions:
    """The options of one call of `fit`; see `Model.fit` for their meaning.

    restores_average: whether the run ends with the moving averages of the weights, if the optimizer keeps any.
    """

    batch_size: int | None = None
    epochs: int = 1
    verbose: int | str = "auto"
    shuffle: bool = True
    initial_epoch: int = 0
    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    validation_batch_size: int | None = None
    validation_freq: int | Sequence[int] = 1
    resume: Any = None
    restores_average: bool = True

    @property
    def num_epochs(self) -> int:
        """The number of epochs to train: `epochs` is the epoch to stop after, counted from the first of all."""
        return max(self.epochs - self.initial_epoch, 0)

    def validates_after(self, epoch: int) -> bool:
        """Return whether `validation_freq` asks for a validation after epoch `epoch` (from 0)."""
        if isinstance(self.validation_freq, int):
            return (epoch + 1) % self.validation_freq == 0
        return epoch + 1 in self.validation_freq
