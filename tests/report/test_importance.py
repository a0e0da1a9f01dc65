"""Permutation importance and calibration, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from fitwell.report import permutation_importance
from fitwell.report.calibration import calibration_bins, expected_calibration_error
from fitwell.report.figures import plot_calibration, plot_importance


def test_the_importance_of_a_linear_model_is_known() -> None:
    """Shuffling x adds (w (x' - x))² to the squared error of an exact model, whose mean is 2 w² var(x)."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(20_000, 4)).astype(np.float32)
    weights = np.array([1.0, 3.0, 0.0, 2.0])

    def losses(inputs: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return (inputs @ weights - x[rows] @ weights) ** 2

    columns = {"small": slice(0, 1), "large": slice(1, 2), "unused": slice(2, 3), "middle": slice(3, 4)}
    found = permutation_importance(losses, x, columns)
    assert [one.name for one in found] == ["large", "middle", "small", "unused"]
    for one, weight in zip(found, [3.0, 2.0, 1.0, 0.0], strict=True):
        assert one.mean == pytest.approx(2 * weight**2, rel=0.05)
        assert one.low <= 2 * weight**2 <= one.high
    assert plot_importance(found, "loss").startswith(b"\x89PNG")


def test_all_features_of_a_column_are_shuffled_together() -> None:
    x = np.repeat(np.eye(2, dtype=np.float32), 200, axis=0)
    sums = []

    def losses(inputs: np.ndarray, rows: np.ndarray) -> np.ndarray:
        sums.append(inputs.sum(axis=1))
        return (inputs[:, 0] != x[rows, 0]).astype(float)

    found = permutation_importance(losses, x, {"both": slice(0, 2)})
    assert all((one == 1).all() for one in sums), "each row still has exactly one category"
    assert found[0].mean == pytest.approx(0.5, abs=0.06)


def test_the_rows_are_limited_and_their_numbers_are_passed() -> None:
    x = np.arange(300_000, dtype=np.float32)[:, None]
    asked = []

    def losses(inputs: np.ndarray, rows: np.ndarray) -> np.ndarray:
        asked.append((inputs[:, 0], rows))
        return np.zeros(len(rows))

    permutation_importance(losses, x, {"x": slice(0, 1)})
    assert all(len(rows) == 40_000 for _, rows in asked)
    assert (asked[0][0] == asked[0][1]).all()


def test_many_permutations_are_predicted_in_one_call() -> None:
    x = np.random.default_rng(0).normal(size=(500, 300)).astype(np.float32)
    asked = []

    def losses(inputs: np.ndarray, rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return inputs[:, 0] * x[rows, 0]

    found = permutation_importance(
        losses, x, {f"x{number}": slice(number, number + 1) for number in range(300)}
    )
    assert max(asked) <= 4096 and len(asked) < 60 and sum(asked) <= 200_000 + 500
    assert found[-1].name == "x0" and found[-1].mean < -0.5, (
        "shuffling lowers this loss, whose mean is x squared"
    )
    assert all(one.mean == 0 for one in found[:-1])


def test_calibration_bins_are_means_and_shares() -> None:
    """Half of the rows have the probability 0.9, of which 80 % are right; the others have 0.6 and are all right."""
    probabilities = np.repeat([[0.9, 0.1], [0.4, 0.6]], 10, axis=0)
    true = np.array([0] * 8 + [1] * 2 + [1] * 10)
    bins = calibration_bins(true, probabilities, num_bins=2)
    assert [(round(one.mean, 9), one.share, one.rows) for one in bins] == [(0.6, 1.0, 10), (0.9, 0.8, 10)]
    assert expected_calibration_error(bins) == pytest.approx((0.4 + 0.1) / 2)
    assert plot_calibration(true, probabilities).startswith(b"\x89PNG")


def test_exact_probabilities_are_calibrated() -> None:
    draw = np.random.default_rng(0)
    positive = draw.random(50_000)
    true = (draw.random(50_000) < positive).astype(int)
    bins = calibration_bins(true, np.stack([1 - positive, positive], axis=1))
    assert expected_calibration_error(bins) < 0.01
    assert sum(one.rows for one in bins) == 50_000
