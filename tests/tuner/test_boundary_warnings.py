"""Warnings about search ranges that are too narrow."""

from __future__ import annotations

from typing import Any

import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, create_trial

from fitwell.tuner.boundary_warnings import find_boundary_warnings

RATE = FloatDistribution(1e-4, 1e-1, log=True)


def trials(distribution: BaseDistribution, values: list[Any], name: str = "rate") -> list[FrozenTrial]:
    """Return trials with these values of one hyperparameter, best first."""
    found = [
        create_trial(value=float(place), params={name: value}, distributions={name: distribution})
        for place, value in enumerate(values)
    ]
    for number, trial in enumerate(found):
        trial.number = number
    return found


@pytest.mark.parametrize(
    ("distribution", "values", "words"),
    [
        (RATE, [0.09, 0.05, 0.08, 0.01, 0.001, 0.002], "rate are at the upper end of its search range, 0.1 "),
        (
            RATE,
            [2e-4, 1e-4, 3e-4, 0.01, 0.1, 0.002],
            "rate are at the lower end of its search range, 0.0001 ",
        ),
        (IntDistribution(1, 3), [3, 3, 3, 1, 2, 1, 2], "best trial: 3"),
        (CategoricalDistribution([0.1, 0.001, 0.01]), [0.1, 0.1, 0.1, 0.01, 0.001, 0.01], "upper end"),
    ],
)
def test_the_best_at_an_end_are_told(distribution: BaseDistribution, values: list[Any], words: str) -> None:
    ranking = trials(distribution, values)
    (told,) = find_boundary_warnings(ranking, ranking)
    assert words in told


@pytest.mark.parametrize(
    ("distribution", "values"),
    [
        (RATE, [0.09, 0.01, 0.08, 0.05, 0.001, 0.002]),  # not the three outermost
        (RATE, [0.01, 0.012, 0.015, 0.001, 0.002, 0.003]),  # the outermost, but far from the end
        (RATE, [0.09, 0.08, 0.07]),  # too few to tell
        (FloatDistribution(0.0, 0.5), [0.0, 0.01, 0.02, 0.3, 0.4, 0.5]),  # beyond 0 there is nothing
        (IntDistribution(1, 3), [1, 1, 1, 2, 2, 3]),
        (IntDistribution(2, 2), [2, 2, 2, 2, 2, 2]),
        (CategoricalDistribution(["a", "b"]), ["b", "b", "b", "a", "a", "a"]),
        (CategoricalDistribution([False, True]), [True, True, True, False, False, False]),
    ],
)
def test_others_are_not(distribution: BaseDistribution, values: list[Any]) -> None:
    ranking = trials(distribution, values)
    assert find_boundary_warnings(ranking, ranking) == []


def test_what_went_nan_lies_beyond() -> None:
    tried = trials(RATE, [0.08, 0.07, 0.06, 0.01, 0.001, 0.002, 0.09, 0.1])
    assert find_boundary_warnings(tried[:6], tried[:6])
    assert find_boundary_warnings(tried[:6], tried) == []


def test_a_hyperparameter_that_few_have_is_none() -> None:
    ranking = [*trials(RATE, [0.09, 0.08]), *trials(RATE, [0.1] * 6, "other")]
    for number, trial in enumerate(ranking):
        trial.number = number
    assert find_boundary_warnings(ranking, ranking) == []
