"""KerasTuner's view of the trials: ``tuner.oracle.get_best_trials()``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fitwell.arguments import Integer, checked
from fitwell.errors import InvalidArgument
from fitwell.progress import say
from fitwell.tuner.hyperparameters import HyperParameters
from fitwell.tuner.result import SearchResult


@dataclass(frozen=True)
class TrialMetrics:
    """What is kept of a trial's metrics: the objective, called `name`, at the best epoch."""

    name: str
    value: float

    def get_best_value(self, name: str) -> float:
        """Return the value of the objective, which is asked for by its `name`."""
        if name != self.name:
            raise InvalidArgument(
                f"metrics of trials: the objective {self.name!r} is kept, and {name!r} is not; evaluate one of "
                "get_best_models() for it"
            )
        return self.value

    def get_last_value(self, name: str) -> float:
        """Return the same: as in KerasTuner what is kept of a trial is its best epoch."""
        return self.get_best_value(name)


@dataclass(frozen=True)
class Trial:
    """One trial that came to its end.

    trial_id: its number. score: the objective at its best epoch, on average over executions.
    """

    trial_id: str
    hyperparameters: HyperParameters
    score: float
    metrics: TrialMetrics

    def summary(self) -> None:
        """Say its hyperparameters and its score."""
        say(f"\nTrial {self.trial_id} summary\nHyperparameters:")
        for name, value in self.hyperparameters.values.items():
            say(f"{name}: {value}")
        say(f"Score: {self.score}")


class Oracle:
    """The trials of a tuner. result: returns those of its search, or of the study that is there."""

    def __init__(self, result: Any) -> None:
        self._result = result

    @checked(num_trials=Integer(1))
    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """Return the best trials that came to their end, the best first."""
        found: SearchResult = self._result()
        chosen = zip(found.ranking()[:num_trials], found.best_hyperparameters(num_trials), strict=True)
        return [
            Trial(str(trial.number), hp, trial.value, TrialMetrics(found.objective.name, trial.value))
            for trial, hp in chosen
        ]
