"""The handle of a trial that this worker trains."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from fitwell.errors import InvalidArgument
from fitwell.population.members import Setting
from fitwell.tuner.domains import Domain
from fitwell.tuner.hyperparameters import HyperParameters
from fitwell.tuner.optuna_utils import silence_optuna

__all__ = ["TrialHandle"]


@dataclass
class TrialHandle:
    """A trial that this worker trains.

    Attributes:
        trial: The Optuna trial.
        storage_guard: Function that returns a context manager that converts storage errors during sampling.
        max_batch_size: Maximum size of the batch that contains the trial.
        setting: The setting from which the model is built.
        reported_steps: Steps that an earlier worker already reported.
        hp: Hyperparameters that are sampled from the trial. Values that an earlier worker sampled stay the same.
    """

    trial: Any
    storage_guard: Callable[[], AbstractContextManager[None]] = nullcontext
    max_batch_size: float = math.inf
    setting: Setting = field(default_factory=dict)
    reported_steps: frozenset[int] = frozenset()
    hp: HyperParameters = field(init=False)

    def __post_init__(self) -> None:
        def sample(name: str, domain: Domain) -> Any:
            try:
                with self.storage_guard(), silence_optuna():
                    return domain.suggest(self.trial, name)
            except ValueError as error:
                raise InvalidArgument(
                    f"{name}: {domain!r} is not compatible with earlier trials in the study "
                    f"{self.trial.study.study_name!r} ({error}). If you changed build, pass a different name=..., or "
                    "overwrite=True to start over; if the choices depend on other hyperparameters, use a different "
                    "name in each case"
                ) from error

        self.hp = HyperParameters(sample)

    @property
    def number(self) -> int:
        """The trial's number in the study."""
        return int(self.trial.number)
