"""`fitwell.utils` compared with `keras.utils`."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fitwell import utils
from fitwell.errors import DataError, InvalidArgument


@given(
    hnp.arrays(np.int64, hnp.array_shapes(max_dims=3, max_side=4), elements=st.integers(0, 6)),
    st.sampled_from([None, 7, 9]),
)
def test_to_categorical_equals_keras(labels: np.ndarray, num_classes: int | None) -> None:
    import keras

    ours = utils.to_categorical(labels, num_classes)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, keras.utils.to_categorical(labels, num_classes))


def test_to_categorical_by_hand() -> None:
    assert utils.to_categorical([[1], [0]]).tolist() == [[0, 1], [1, 0]]
    assert utils.to_categorical(np.array([1.0, 0.0]), 3).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert utils.to_categorical(1, 2).tolist() == [0, 1]
    assert utils.to_categorical([], 4).shape == (0, 4)
    assert utils.to_categorical([True], dtype="uint8").dtype == np.uint8


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([0, 3, 9], 3), DataError, r"integers from 0 to 2, got 3 \(invalid labels: 2 of 3\)"),
        (([0, -1],), DataError, r"integers >= 0, got -1"),
        (([0.5, 1],), DataError, "got 0.5"),
        (([0, np.nan], 2), DataError, "got nan"),
        (([0, np.nan],), DataError, "got nan"),
        ((["a"],), DataError, "must be class indices, .* fitwell.utils.class_codes"),
        (([],), DataError, "pass num_classes"),
        (([0], 0), InvalidArgument, "an integer of at least 1 or None, got 0"),
        (([0], 2.5), InvalidArgument, "an integer of at least 1 or None, got 2.5"),
    ],
)
def test_to_categorical_refuses(arguments: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        utils.to_categorical(*arguments)


def test_class_codes_lead_to_one_hot_rows() -> None:
    codes, classes = utils.class_codes(["dog", "cat", "dog"])
    assert classes.tolist() == ["cat", "dog"]
    assert utils.to_categorical(codes).tolist() == [[0, 1], [1, 0], [0, 1]]


@pytest.mark.parametrize(("axis", "order"), [(-1, 2), (-2, 2), (1, 1)])
def test_normalize_equals_keras(axis: int, order: int) -> None:
    import keras

    x = np.random.default_rng(0).normal(size=(4, 5))
    x[2] = 0
    np.testing.assert_allclose(
        utils.normalize(x, axis, order), keras.utils.normalize(x, axis, order), rtol=1e-12
    )


def test_set_random_seed_makes_programs_repeat_themselves() -> None:
    from fitwell.random import next_seed

    def draw() -> tuple[int, float, float]:
        return next_seed(), float(np.random.random()), random.random()

    utils.set_random_seed(42)
    first = draw()
    assert draw() != first
    utils.set_random_seed(42)
    assert draw() == first
