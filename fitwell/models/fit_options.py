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
# The validation rules for the arguments of `Model.fit` and `Population.fit`.
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
    """The options of one `fit` call. `Model.fit` documents them.

    Attributes:
        restores_average: Whether the weights are replaced with their moving averages after the run, if the
            optimizer keeps moving averages. This option is not an argument of `fit`.
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
        """The number of epochs to train.

        `epochs` is the number of the last epoch, so the epochs before `initial_epoch` do not count.
        """
        return max(self.epochs - self.initial_epoch, 0)

    def validates_after(self, epoch: int) -> bool:
        """Return whether `validation_freq` requests a validation after epoch number `epoch` (0-based)."""
        if isinstance(self.validation_freq, int):
            return (epoch + 1) % self.validation_freq == 0
        return epoch + 1 in self.validation_freq
