"""Folds with nearly equal targets."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fitwell.tabular.balanced_folds import make_balanced_folds


@given(
    y=st.integers(2, 60).flatmap(lambda rows: arrays(np.int64, rows, elements=st.integers(0, 4))),
    n_folds=st.integers(2, 7),
    seed=st.integers(0, 10),
)
def test_every_row_is_validated_once_and_classes_are_spread(y: np.ndarray, n_folds: int, seed: int) -> None:
    folds = make_balanced_folds(y, n_folds, np.random.default_rng(seed))
    assert len(folds) == n_folds
    validated = np.concatenate([validation for _, validation in folds])
    np.testing.assert_array_equal(np.sort(validated), np.arange(len(y)))
    sizes = [len(validation) for _, validation in folds]
    assert max(sizes) - min(sizes) <= 1
    for train, validation in folds:
        np.testing.assert_array_equal(np.sort(np.concatenate([train, validation])), np.arange(len(y)))
    for label in range(5):
        counts = [int((y[validation] == label).sum()) for _, validation in folds]
        # A block on the border of two classes gives a fold one row more.
        assert max(counts) - min(counts) <= 2


def test_numbers_are_spread_too() -> None:
    y = np.random.default_rng(0).normal(size=1000)
    means = [y[validation].mean() for _, validation in make_balanced_folds(y, 5, np.random.default_rng(0))]
    assert np.ptp(means) < 0.02  # random folds differ by about 0.2


def test_seeds_make_different_folds() -> None:
    y = np.zeros(100)
    first, second = (make_balanced_folds(y, 5, np.random.default_rng(seed))[0][1] for seed in (0, 1))
    assert set(first) != set(second)
