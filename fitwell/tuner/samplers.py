"""Creation of Optuna samplers from their names."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fitwell.errors import MissingExtra, unknown_name_error
from fitwell.tuner.optuna_utils import silence_optuna

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

__all__ = ["SAMPLERS", "STARTUP_TRIALS", "check_sampler", "make_sampler"]

# Number of random trials before an adaptive sampler starts to use the results.
STARTUP_TRIALS = 10


def _tpe(seed: int) -> BaseSampler:
    from optuna.samplers import TPESampler

    # Because of conditions, trials can have different sets of hyperparameters; `group` models each set separately.
    # `constant_liar` prevents the trials of a batch from being nearly equal.
    return TPESampler(
        multivariate=True, group=True, constant_liar=True, n_startup_trials=STARTUP_TRIALS, seed=seed
    )


def _random(seed: int) -> BaseSampler:
    from optuna.samplers import RandomSampler

    return RandomSampler(seed)


def _gp(seed: int) -> BaseSampler:
    from optuna.samplers import GPSampler

    return GPSampler(seed=seed, n_startup_trials=STARTUP_TRIALS)


def _cmaes(seed: int) -> BaseSampler:
    from optuna.samplers import CmaEsSampler

    return CmaEsSampler(seed=seed, n_startup_trials=STARTUP_TRIALS)


def _evolution(seed: int) -> BaseSampler:
    from fitwell.tuner.evolution_sampler import EvolutionSampler

    return EvolutionSampler(seed, STARTUP_TRIALS)


# A grid search does not use a sampler, because its points are enqueued one by one.
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": _tpe,
    "random": _random,
    "grid": _random,
    "gp": _gp,
    "cmaes": _cmaes,
    "evolution": _evolution,
}
# Packages that are checked before a search, because Optuna imports them only after the startup trials.
_REQUIRED_PACKAGES = {"gp": "torch", "cmaes": "cmaes"}


def check_sampler(name: Any) -> str:
    """Check that the sampler `name` exists and that its package is installed, and return `name`."""
    if name not in SAMPLERS:
        raise unknown_name_error("sampler", str(name), SAMPLERS)
    library = _REQUIRED_PACKAGES.get(name)
    if library and importlib.util.find_spec(library) is None:
        raise MissingExtra(
            f"sampler={name!r} needs {library}, which is not installed; run pip install {library}"
        )
    return str(name)


def make_sampler(name: str, seed: int, number: int) -> BaseSampler:
    """Create the sampler for trial `number`.

    The sampler's seed depends only on `seed` and `number`. A resumed search therefore uses the same random numbers as
    an uninterrupted search, and different workers use different random numbers.
    """
    trial_seed = int(np.random.SeedSequence(seed, spawn_key=(number,)).generate_state(1)[0])
    with silence_optuna():
        return SAMPLERS[name](trial_seed)
