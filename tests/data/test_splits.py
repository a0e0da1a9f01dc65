"""Splits: every row is in one part, classes are stratified, sizes follow the default rule."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwell._data.splits import holdout_size, split_rows
from fitwell.errors import DataError, InvalidArgument


@given(st.integers(5, 400), st.integers(0, 3), st.one_of(st.none(), st.integers(1, 6)))
def test_every_row_is_in_exactly_one_part(rows: int, seed: int, kinds: int | None) -> None:
    classes = None if kinds is None else np.random.default_rng(seed).integers(0, kinds, rows)
    split = split_rows(rows, classes=classes, seed=seed)
    together = np.concatenate([split.train, split.validation, split.test])
    assert sorted(together) == list(range(rows))
    assert len(split.validation) == len(split.test) == max(round(0.2 * rows), 1)


@given(st.lists(st.integers(5, 60), min_size=2, max_size=4), st.integers(0, 3))
def test_each_part_has_the_classes_in_proportion(counts: list[int], seed: int) -> None:
    classes = np.repeat([f"class {number}" for number in range(len(counts))], counts)
    split = split_rows(len(classes), classes=classes, seed=seed)
    if split.notes:  # too few rows in all
        return
    for part in (split.train, split.validation, split.test):
        found = Counter(classes[part])
        for number, count in enumerate(counts):
            assert abs(found[f"class {number}"] - count * len(part) / len(classes)) <= 2


def test_sizes_follow_the_number_of_rows() -> None:
    assert [holdout_size(rows) for rows in (10, 50_000, 100_000, 1_000_000, 2_000_000)] == [
        2,
        10_000,
        10_000,
        10_000,
        20_000,
    ]


def test_fractions_may_be_named() -> None:
    split = split_rows(100, validation=0.1, test=0.3)
    assert (len(split.train), len(split.validation), len(split.test)) == (60, 10, 30)
    split = split_rows(100, test=0)
    assert (len(split.train), len(split.validation), len(split.test)) == (80, 20, 0)


def test_the_seed_decides() -> None:
    first, again, other = (split_rows(100, seed=seed) for seed in (1, 1, 2))
    assert (first.test == again.test).all() and (first.validation == again.validation).all()
    assert not (first.test == other.test).all()


def test_rare_classes_train() -> None:
    classes = np.array(["common"] * 50 + ["usual"] * 30 + ["rare"] * 4)
    split = split_rows(84, classes=classes, seed=0)
    assert (classes[split.train] == "rare").sum() == 4
    assert split.notes == (
        "1 class has fewer than 5 rows (4 in total); all of these rows are in the training set.",
    )


@pytest.mark.parametrize(("counts", "kept"), [([30, 5, 2], True), ([3, 4, 4], False)])
def test_a_plain_split_says_where_rare_classes_are(counts: list[int], kept: bool) -> None:
    classes = np.repeat(np.arange(len(counts)), counts)
    for seed in range(5):
        split = split_rows(len(classes), classes=classes, validation=0.45, test=0.45, seed=seed)
        assert split.notes[-1].startswith("There are too few rows for a stratified split")
        assert (len(split.notes) == 2) == kept
        if kept:
            assert (classes[split.train] == 2).sum() == 2


def test_what_cannot_be_divided_is_refused() -> None:
    with pytest.raises(DataError, match="cannot hold out 1 of 2 rows for validation and 1 for testing"):
        split_rows(2)
    with pytest.raises(DataError, match="cannot hold out 60 of 100 rows for validation"):
        split_rows(100, validation=0.6, test=0.4)
    with pytest.raises(InvalidArgument, match="test fraction must be at least 0 and below 1, got 1.5"):
        split_rows(100, test=1.5)


@pytest.mark.parametrize("classes", [None, np.arange(40) % 2, np.r_[np.zeros(39), 1]])
def test_nothing_is_held_out_where_nothing_is_asked_for(classes) -> None:
    split = split_rows(40, classes=classes, validation=0, test=0)
    assert split.train.tolist() == list(range(40)) and not split.notes
    assert not len(split.validation) and not len(split.test)
    split = split_rows(40, classes=classes, validation=0, test=0.25)
    assert (len(split.train), len(split.validation), len(split.test)) == (30, 0, 10)
