"""The order of rows is a function of the seed, the epoch and the number of rows only."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fitwell.random import cache_permutations, epoch_permutation, epoch_permutations


@given(
    seed=st.integers(0, 2**32 - 1),
    first=st.integers(0, 500),
    count=st.integers(1, 20),
    rows=st.sampled_from([1, 2, 30, 700, 5000, 20_000]),
)
def test_epochs_have_their_orders_one_by_one_or_together(
    seed: int, first: int, count: int, rows: int
) -> None:
    together = epoch_permutations(seed, range(first, first + count), rows)
    for place, epoch in enumerate(range(first, first + count)):
        np.testing.assert_array_equal(epoch_permutation(seed, epoch, rows), together[place])
        np.testing.assert_array_equal(np.sort(together[place]), np.arange(rows))


def test_orders_that_are_kept_are_the_same_and_can_be_changed_by_nobody() -> None:
    asked = [
        (seed, range(first, first + 4), rows) for seed in (3, 4) for first in (0, 90) for rows in (50, 60)
    ]
    alone = [epoch_permutations(*key) for key in asked]
    with cache_permutations():
        for key, expected in zip(asked, alone, strict=True):
            first = epoch_permutations(*key)
            np.testing.assert_array_equal(first, expected)
            first[:] = 0
            np.testing.assert_array_equal(epoch_permutations(*key), expected)


def test_seeds_and_epochs_have_orders_of_their_own() -> None:
    orders = [epoch_permutation(seed, epoch, 200).tolist() for seed in (0, 1) for epoch in (0, 1, 40)]
    assert len({tuple(order) for order in orders}) == 6
