"""KerasTuner interface to the trials: ``tuner.oracle.get_best_trials()``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fitwell._param_validation import Integer, validate_params
from fitwell._progress import print_message
from fitwell.errors import InvalidArgument
from fitwell.tuner.hyperparameters import HyperParameters
from fitwell.tuner.search_result import SearchResult

__all__ = ["Oracle", "Trial", "TrialMetrics"]


@dataclass(frozen=True)
class TrialMetrics:
    """Metrics of a trial: the objective, called `name`, at its best epoch."""

    name: str
    value: float

    def get_best_value(self, name: str) -> float:
        """Return the value of the objective; raises `InvalidArgument` for other names."""
        if name != self.name:
            raise InvalidArgument(
                f"metrics of trials: only the objective {self.name!r} is stored, not {name!r}; evaluate one of "
                "get_best_models() instead"
            )
        return self.value

    def get_last_value(self, name: str) -> float:
        """Return the same value: as in KerasTuner, a trial stores its best epoch."""
        return self.get_best_value(name)


@dataclass(frozen=True)
class Trial:
    """One complete trial.

    Attributes:
        trial_id: Number of the trial, as a string.
        hyperparameters: Its hyperparameters.
        score: Objective at the best epoch, the mean over executions.
        metrics: Its metrics.
    """

    trial_id: str
    hyperparameters: HyperParameters
    score: float
    metrics: TrialMetrics

    def summary(self) -> None:
        """Print the hyperparameters and the score."""
        print_message(f"\nTrial {self.trial_id} summary\nHyperparameters:")
        for name, value in self.hyperparameters.values.items():
            print_message(f"{name}: {value}")
        print_message(f"Score: {self.score}")


class Oracle:
    """The trials of a tuner.

    result: function that returns the `SearchResult`.
    """

    def __init__(self, result: Any) -> None:
        self._result = result

    @validate_params(num_trials=Integer(1))
    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """Return the best complete trials, best first."""
        result: SearchResult = self._result()
        chosen = zip(result.ranking()[:num_trials], result.best_hyperparameters(num_trials), strict=True)
        return [
            Trial(str(trial.number), hp, trial.value, TrialMetrics(result.objective.name, trial.value))
            for trial, hp in chosen
        ]
