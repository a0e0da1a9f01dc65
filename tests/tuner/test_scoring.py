"""Values of trials, from learning curves written by hand."""

from __future__ import annotations

import math

import pytest

from fitwell.tuner.objective import Objective
from fitwell.tuner.scoring import LearningCurve, best_common_epoch, best_per_curve

LOSS, ACCURACY = Objective("val_loss", "min"), Objective("val_accuracy", "max")


def curve(*values: float, epochs: list[int] | None = None) -> LearningCurve:
    return LearningCurve(list(values), list(range(len(values))) if epochs is None else epochs, 0, "finished")


def test_each_at_its_own_best_epoch() -> None:
    curves = [curve(3.0, 1.0, 2.0), curve(2.0, 4.0, 0.5)]
    assert best_per_curve(curves, LOSS) == ([1.0, 0.5], [1, 2])
    assert best_per_curve(curves, ACCURACY) == ([3.0, 4.0], [0, 1])


def test_all_at_the_epoch_that_is_best_on_average() -> None:
    curves = [curve(3.0, 1.0, 2.0), curve(2.0, 4.0, 0.5)]
    assert best_common_epoch(curves, LOSS) == ([2.0, 0.5], [2, 2])
    assert best_common_epoch(curves, ACCURACY) == ([3.0, 2.0], [0, 0])  # the first of equal means


def test_a_run_that_stopped_early_keeps_its_last_value() -> None:
    curves = [curve(3.0, 1.0), curve(2.0, 1.5, 1.2, 1.9)]
    assert best_common_epoch(curves, LOSS) == ([1.0, 1.2], [2, 2])


def test_epochs_are_those_that_were_validated() -> None:
    curves = [curve(3.0, 1.0, epochs=[1, 3]), curve(2.0, 1.5, epochs=[1, 3])]
    assert best_common_epoch(curves, LOSS) == ([1.0, 1.5], [3, 3])
    assert best_per_curve(curves, LOSS) == ([1.0, 1.5], [3, 3])


def test_epochs_without_a_finite_mean_do_not_count() -> None:
    curves = [curve(math.inf, 5.0, 6.0), curve(1.0, 7.0, math.nan)]
    assert best_common_epoch(curves, LOSS) == ([5.0, 7.0], [1, 1])


@pytest.mark.parametrize("judge", [best_per_curve, best_common_epoch])
def test_nothing_finite_is_no_score(judge) -> None:
    assert judge([curve(math.nan, math.inf), curve(1.0, 2.0)], LOSS) is None
    assert judge([curve(), curve()], LOSS) is None
