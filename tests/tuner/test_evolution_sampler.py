"""The evolutionary sampler."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest

from fitwell.tuner import Choice, Float, Int
from fitwell.tuner.domains import Domain
from fitwell.tuner.evolution_sampler import NUM_PARENTS
from fitwell.tuner.samplers import STARTUP_TRIALS, make_sampler
from fitwell.tuner.search_space import SearchSpace
from fitwell.tuner.trial_handle import TrialHandle


def evolve(
    space: dict[str, Domain],
    value: Callable[[dict[str, Any]], float],
    trials: int,
    direction: str = "minimize",
) -> list[Any]:
    """Return the trials of a search whose objective is the `value` of a setting."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction=direction)
    drawn = SearchSpace(dict, space)
    for number in range(trials):
        study.sampler = make_sampler("evolution", 0, number)
        trial = study.ask()
        study.tell(trial, value(drawn.sample(TrialHandle(trial).hp)))
    return study.trials


@pytest.mark.parametrize("sign", [1, -1])
def test_children_of_one_number_are_better_than_their_parents(sign: int) -> None:
    """Without mutation of numbers, late trials would be no better than the first ones."""
    trials = evolve(
        {"rate": Float(1e-4, 1e-1, log=True)},
        lambda setting: sign * (math.log10(setting["rate"]) + 1.7) ** 2,
        40,
        "minimize" if sign > 0 else "maximize",
    )
    values = np.array([sign * trial.value for trial in trials])
    assert values[-20:].mean() < 0.5 * np.sort(values[:STARTUP_TRIALS])[:NUM_PARENTS].mean()
    assert len({trial.params["rate"] for trial in trials}) == 40


def test_a_child_has_the_hyperparameters_of_its_parents_that_exist_for_it() -> None:
    space = {
        "kind": Choice(["flat", "deep"]),
        "depth": Int(1, 64, when={"kind": "deep"}),
        "rate": Float(0.0, 1.0),
    }
    trials = evolve(space, lambda setting: abs(setting.get("depth", 64) - 50) + setting["rate"], 60)
    assert all(("depth" in trial.params) == (trial.params["kind"] == "deep") for trial in trials)
    late = [trial.params["depth"] for trial in trials[-15:] if "depth" in trial.params]
    assert len(late) > 10 and np.median(np.abs(np.array(late) - 50)) <= 8


def test_a_space_that_is_used_up_and_losses_that_are_not_finite_end_nothing() -> None:
    trials = evolve({"a": Choice([1, 2]), "b": Int(3, 3)}, lambda setting: setting["a"], 25)
    assert {trial.params["a"] for trial in trials} == {1, 2}
    lost = evolve({"a": Float(0.0, 1.0)}, lambda setting: math.inf, 15)
    assert len({trial.params["a"] for trial in lost}) == 15
