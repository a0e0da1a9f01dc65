"""An evolutionary sampler, which creates new trials by crossover and mutation of the best ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from fitwell.tuner.domains import PERTURBATION_FACTOR, Choice, Domain, Float, Int

__all__ = ["NUM_PARENTS", "EvolutionSampler"]

# Number of best trials that can be selected as parents.
NUM_PARENTS = 8
# Maximum number of times that a child is mutated to make it differ from all existing trials.
_MAX_MUTATIONS = 20


class EvolutionSampler(BaseSampler):
    """An Optuna sampler that creates one trial by crossover and mutation.

    Sampling is random until `startup` trials have a finite value. After that, two of the best trials are selected as
    parents. The new trial copies the first parent's hyperparameters. If the second parent has the same hyperparameter,
    the second parent's value is used instead with a probability of 0.5. All values are then perturbed as in
    population-based training. Hyperparameters that the first parent lacks are sampled at random.

    Optuna's NSGA-II is not used because versions before Optuna 5 do not mutate numbers or support conditions.
    """

    def __init__(self, seed: int, startup: int) -> None:
        self._generator = np.random.default_rng(seed)
        self._random = RandomSampler(seed)
        self._startup = startup
        self._child: Mapping[str, Any] | None = None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return an empty space, because conditional hyperparameters must be sampled one by one."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return no values, because `infer_relative_search_space` returns an empty space."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return the child's value for one hyperparameter, or a random value if the child has no valid one."""
        if self._child is None:
            self._child = self._make_child(study)
        # A range may depend on other hyperparameters, so a parent's value may be outside the child's range.
        if param_name in self._child and _to_domain(param_distribution).contains(self._child[param_name]):
            return self._child[param_name]
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def _make_child(self, study: Study) -> dict[str, Any]:
        sign = 1 if study.direction.name == "MINIMIZE" else -1
        trials: list[Any] = study.get_trials(deepcopy=False)
        judged = [t for t in trials if t.state.name == "COMPLETE" and np.isfinite(t.value)]
        if len(judged) < self._startup:
            return {}
        parents = sorted(judged, key=lambda trial: sign * trial.value)[:NUM_PARENTS]
        first, second = self._select_parent(parents), self._select_parent(parents)
        child = {
            name: second.params[name] if name in second.params and self._generator.random() < 0.5 else value
            for name, value in first.params.items()
        }
        domains = {name: _to_domain(distribution) for name, distribution in first.distributions.items()}
        known = [trial.params for trial in trials]
        for _ in range(_MAX_MUTATIONS):
            child = {name: self._mutate(domains[name], value) for name, value in child.items()}
            if child not in known:
                break
        return child

    def _mutate(self, domain: Domain, value: Any) -> Any:
        # Use a random perturbation factor. With a constant factor, all children would have the same few values.
        return domain.perturb(value, self._generator, PERTURBATION_FACTOR ** self._generator.exponential())

    def _select_parent(self, parents: list[FrozenTrial]) -> FrozenTrial:
        """Pick two of the possible `parents` at random, and return the better one."""
        return parents[self._generator.integers(len(parents), size=2).min()]


def _to_domain(distribution: Any) -> Domain:
    if isinstance(distribution, FloatDistribution):
        return Float(distribution.low, distribution.high, log=distribution.log, step=distribution.step)
    if isinstance(distribution, IntDistribution):
        return Int(distribution.low, distribution.high, log=distribution.log, step=distribution.step)
    return Choice(distribution.choices)
