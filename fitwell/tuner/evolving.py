"""The evolutionary sampler: a new trial descends from two of the best, and differs from both a little."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from fitwell.tuner.domains import FACTOR, Choice, Domain, Float, Int

# How many of the best trials have descendants.
PARENTS = 8
# How often a descendant that is there already changes further, before it is tried once more as it is.
_MOST_CHANGES = 20


class Evolution(BaseSampler):
    """Draws one trial by crossover and mutation, once `startup` trials have a finite value; at random before.

    Each hyperparameter is that of the first parent, or by even chance that of the second where it has it too, and
    is then moved to a neighbour, as in population-based training. What neither parent has is drawn at random.
    (Optuna's own NSGA-II moves no numbers in versions before 5, and knows nothing of conditions.)
    """

    def __init__(self, seed: int, startup: int) -> None:
        self._generator = np.random.default_rng(seed)
        self._random = RandomSampler(seed)
        self._startup = startup
        self._child: Mapping[str, Any] | None = None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return nothing: hyperparameters are drawn as they are asked for, which conditions decide."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return nothing; see `infer_relative_search_space`."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return the child's value of one hyperparameter."""
        if self._child is None:
            self._child = self._breed(study)
        # Ranges may depend on other hyperparameters, so that a parent's value is none of the child's.
        if param_name in self._child and _domain(param_distribution).contains(self._child[param_name]):
            return self._child[param_name]
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def _breed(self, study: Study) -> dict[str, Any]:
        sign = 1 if study.direction.name == "MINIMIZE" else -1
        trials: list[Any] = study.get_trials(deepcopy=False)
        judged = [t for t in trials if t.state.name == "COMPLETE" and np.isfinite(t.value)]
        if len(judged) < self._startup:
            return {}
        parents = sorted(judged, key=lambda trial: sign * trial.value)[:PARENTS]
        first, second = self._pick(parents), self._pick(parents)
        child = {
            name: second.params[name] if name in second.params and self._generator.random() < 0.5 else value
            for name, value in first.params.items()
        }
        domains = {name: _domain(distribution) for name, distribution in first.distributions.items()}
        known = [trial.params for trial in trials]
        for _ in range(_MOST_CHANGES):
            child = {name: self._changed(domains[name], value) for name, value in child.items()}
            if child not in known:
                break
        return child

    def _changed(self, domain: Domain, value: Any) -> Any:
        # Mostly little and sometimes far: by equal steps all descendants would meet on the same few values.
        return domain.neighbour(value, self._generator, FACTOR ** self._generator.exponential())

    def _pick(self, parents: list[FrozenTrial]) -> FrozenTrial:
        """Return the better of two drawn at random."""
        return parents[self._generator.integers(len(parents), size=2).min()]


def _domain(distribution: Any) -> Domain:
    if isinstance(distribution, FloatDistribution):
        return Float(distribution.low, distribution.high, log=distribution.log, step=distribution.step)
    if isinstance(distribution, IntDistribution):
        return Int(distribution.low, distribution.high, log=distribution.log, step=distribution.step)
    return Choice(distribution.choices)
