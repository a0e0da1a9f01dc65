"""KerasTuner's interface to the trials, such as ``tuner.oracle.get_best_trials()``."""

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
    """The metrics of a trial. Only the objective is stored.

    Attributes:
        name: Name of the objective.
        value: Value of the objective at the best epoch.
    """

    name: str
    value: float

    def get_best_value(self, name: str) -> float:
        """Return the objective's value at the best epoch, or raise `InvalidArgument` for other metrics."""
        if name != self.name:
            raise InvalidArgument(
                f"the trials store only the objective {self.name!r}, not {name!r}; to get other metrics, evaluate a "
                "model from get_best_models()"
            )
        return self.value

    def get_last_value(self, name: str) -> float:
        """Return the same value as `get_best_value`, because a trial stores only the value at its best epoch."""
        return self.get_best_value(name)


@dataclass(frozen=True)
class Trial:
    """A completed trial.

    Attributes:
        trial_id: The trial's number, as a string.
        hyperparameters: The trial's hyperparameters.
        score: The objective at the best epoch, averaged over executions.
        metrics: The trial's metrics.
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
    """KerasTuner's interface to a tuner's trials.

    Args:
        result: Function that returns the tuner's `SearchResult`.
    """

    def __init__(self, result: Any) -> None:
        self._result = result

    @validate_params(num_trials=Integer(1))
    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """Return the best completed trials, sorted from best to worst."""
        result: SearchResult = self._result()
        chosen = zip(result.ranking()[:num_trials], result.best_hyperparameters(num_trials), strict=True)
        return [
            Trial(str(trial.number), hp, trial.value, TrialMetrics(result.objective.name, trial.value))
            for trial, hp in chosen
        ]
