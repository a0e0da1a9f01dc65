"""A reader for the trials of an Optuna study."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fitwell.errors import InvalidArgument, StateError
from fitwell.population.members import Setting
from fitwell.tuner.hyperparameters import HyperParameters
from fitwell.tuner.objective import Objective
from fitwell.tuner.optuna_utils import import_optuna
from fitwell.tuner.search_space import SearchSpace
from fitwell.tuner.storage import Storage
from fitwell.tuner.user_attrs import (
    FINAL_PARAMS,
    STUDY_CONFIG,
    STUDY_TOKEN,
    check_study,
    describe_diverged_trials,
)

__all__ = ["StudyMismatchError", "StudyReader"]


class StudyMismatchError(InvalidArgument):
    """An error that is raised if the storage contains a study with the requested name but a different configuration.

    Attributes:
        difference: Description of the difference, without advice.
    """

    def __init__(self, difference: str) -> None:
        super().__init__(
            f"{difference}. Pass a different name=..., or overwrite=True to delete the study and start over"
        )
        self.difference = difference


class StudyReader:
    """A reader for the trials of an existing study.

    Args:
        storage: The study's storage.
        name: The study's name.
        space: The search space, which decodes the stored hyperparameters.
        objective: The study's objective.

    Raises:
        StateError: If the study does not exist or has not started.
        StudyMismatchError: If the study was created with an objective other than `objective`.
    """

    def __init__(self, storage: Storage, name: str, space: SearchSpace, objective: Objective) -> None:
        self.storage = storage
        self.space = space
        self.objective = objective
        with storage.lock(), storage.translate_errors():
            self.study = self._open(name)
            self._token = self._current_token()

    def _open(self, name: str) -> Any:
        """Open the Optuna study, and check that it exists and has the expected objective."""
        if name not in self._study_names():
            raise StateError(f"there is no study {name!r} in {self.storage.name} yet")
        study = import_optuna().load_study(study_name=name, storage=self.storage.backend)
        check_study(study, study.get_trials(deepcopy=False), self.storage.name)
        stored = study.user_attrs.get(STUDY_CONFIG, {}).get("objective")
        if stored is None:
            raise StateError(f"the study {name!r} in {self.storage.name} has not started")
        if stored != self.objective.description:
            raise StudyMismatchError(
                f"the study {name!r} in {self.storage.name} has the objective {stored}, not "
                f"{self.objective.description}"
            )
        return study

    def _study_names(self) -> list[str]:
        summaries = import_optuna().get_all_study_summaries(self.storage.backend, False)
        return [summary.study_name for summary in summaries]

    def get_trials(self) -> list[Any]:
        """Return all trials of the study, or raise `StateError` if it was deleted."""
        with self.storage.translate_errors():
            # A new study may have the name and even the id of a deleted one.
            if self._current_token() != self._token:
                raise StateError(
                    f"the study {self.study.study_name!r} in {self.storage.name} was deleted, probably by "
                    "overwrite=True; use a different name=... for each search"
                )
            return list(self.study.get_trials(deepcopy=False))

    def require_finite_trials(self) -> list[Any]:
        """Return the completed trials with a finite value, or raise `StateError` if there are none."""
        trials = self.finite_trials()
        if not trials:
            diverged = self.diverged_trials()
            why = (
                f": {describe_diverged_trials(diverged)}. See the column 'reason' of `trials`; NaN often means "
                "that the learning rates in the space are too large"
                if diverged
                else "; see the column 'state' of `trials`, and continue the search"
            )
            raise StateError(f"no trial has a finite value yet{why}")
        return trials

    def finite_trials(self) -> list[Any]:
        """Return the completed trials with a finite value."""
        return [trial for trial in self._complete_trials() if math.isfinite(trial.value)]

    def diverged_trials(self) -> list[Any]:
        """Return the completed trials without a finite value."""
        return [trial for trial in self._complete_trials() if not math.isfinite(trial.value)]

    def best_trial(self) -> Any:
        """Return the best completed trial."""
        pick = min if self.objective.direction == "min" else max
        return pick(self.require_finite_trials(), key=lambda trial: trial.value)

    def hyperparameters_of(self, frozen: Any) -> tuple[HyperParameters, Setting]:
        """Return the hyperparameters and the setting of a finished trial."""
        return self.decode_params(frozen.user_attrs.get(FINAL_PARAMS, frozen.params))

    def decode_params(self, values: Mapping[str, Any]) -> tuple[HyperParameters, Setting]:
        """Convert a study's stored values to hyperparameters and a setting."""

        def look_up(name: str, domain: Any) -> Any:
            return domain.from_storage(values[name]) if name in values else domain.default

        hp = HyperParameters(look_up)
        return hp, self.space.sample(hp)

    def _complete_trials(self) -> list[Any]:
        return [trial for trial in self.get_trials() if trial.state.name == "COMPLETE"]

    def _current_token(self) -> str | None:
        try:
            return self.study.user_attrs.get(STUDY_TOKEN)
        except KeyError:  # the study was deleted
            return None
