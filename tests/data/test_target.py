"""The target: its task, and its values encoded and decoded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fitwell._data.target import ClassTarget, RegressionTarget, fit_target, infer_task, target_from_json
from fitwell.errors import DataError, InvalidArgument


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0, 1] * 20, "binary"),
        (["yes", "no"] * 20, "binary"),
        ([True, False] * 20, "binary"),
        ([1.5, 2.5] * 20, "binary"),
        (["a", "b", "c"] * 20, "multiclass"),
        ([3, 4, 5] * 20, "multiclass"),
        ([3.0, 4.0, 5.0] * 20, "multiclass"),  # integers with a missing value
        ([3, 4, 5] * 5, "regression"),  # five rows each are not enough to call them labels
        (pd.Categorical([3, 4, 5] * 5), "multiclass"),  # a categorical dtype decides
        (list(range(21)) * 20, "regression"),
        ([0.5, 1.5, 2.5] * 20, "regression"),
        (["$1,200.50", "$900", "$1.5"] * 20, "regression"),
    ],
)
def test_the_task_is_found_out(values: Any, task: str) -> None:
    assert infer_task(pd.Series(values), "y")[0] == task


def test_the_user_may_say_otherwise() -> None:
    grades = pd.Series([3, 4, 5] * 20)
    assert infer_task(grades, "grade", "regression")[0] == "regression"
    assert infer_task(pd.Series([0.5, 1.5, 2.5] * 20), "y", "multiclass")[0] == "multiclass"


@pytest.mark.parametrize(
    ("values", "asked", "error", "words"),
    [
        ([1, 1, 1], None, DataError, r"'y' contains the single value 1, so there is nothing to learn"),
        ([None, None], None, DataError, "contains no value"),
        (
            [f"name {number}" for number in range(40)],
            None,
            DataError,
            "40 distinct labels in 40 rows, which is too many",
        ),
        (
            ["a", "b", "c"] * 4,
            "regression",
            DataError,
            "regression requires a numeric target, but 'y' contains 'a'",
        ),
        (["a", "b", "c"] * 4, "binary", DataError, "must have two distinct values, but 'y' has 3"),
        ([0, 1], "ranking", InvalidArgument, "must be one of regression, binary, multiclass, got 'ranking'"),
        (pd.to_datetime(["2020-01-01", "2020-01-02"]), None, DataError, "contains dates"),
    ],
)
def test_a_target_that_cannot_be_is_refused(
    values: Any, asked: str | None, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        infer_task(pd.Series(values), "y", asked)


def test_a_number_is_standardised_and_restored() -> None:
    training = pd.Series([1.0, 3.0, 5.0, 7.0])
    target = RegressionTarget.fit("y", training)
    assert target.mean == 4.0 and target.scale == pytest.approx(np.sqrt(5.0))
    encoded = target.encode(pd.Series([4.0, 4.0 + np.sqrt(5.0)]))
    assert encoded.dtype == np.float32 and encoded.tolist() == [[0.0], [1.0]]
    assert target.decode(encoded).tolist() == pytest.approx([4.0, 4.0 + np.sqrt(5.0)])
    with pytest.raises(DataError, match=r"as large as 1\.8e\+308"):
        RegressionTarget.fit("y", pd.Series([1.0, -1.797e308]))


def test_classes_are_numbered_in_order_and_restored() -> None:
    target = ClassTarget.fit("y", pd.Series(["b", "c", "a", "b"]), "multiclass")
    assert target.classes == ["a", "b", "c"]
    assert target.encode(pd.Series(["c", "a"])).tolist() == [2, 0]
    assert target.decode(np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]])) == ["c", "a"]


def test_two_classes_have_one_output() -> None:
    target = fit_target("y", pd.Series(["no", "yes"]), pd.Series(["no"]), "binary")
    assert isinstance(target, ClassTarget)
    assert target.encode(pd.Series(["yes", "no"])).tolist() == [[1.0], [0.0]]
    assert target.decode(np.array([[0.9], [0.2]])) == ["yes", "no"]
    np.testing.assert_allclose(target.probabilities(np.array([[0.9], [0.2]])), [[0.1, 0.9], [0.8, 0.2]])


def test_integers_stay_integers_with_missing_ones() -> None:
    target = ClassTarget.fit("y", pd.Series([2.0, 1.0, np.nan]), "binary")
    assert target.classes == [1, 2] and all(type(label) is int for label in target.classes)


def test_labels_of_text_are_found_where_they_look_like_numbers() -> None:
    target = ClassTarget.fit("y", pd.Series(["1", "2", "x"]), "multiclass")
    assert target.numbers(pd.Series([2, 1])).tolist() == [1, 0]


def test_a_strange_label_is_an_error() -> None:
    target = ClassTarget.fit("y", pd.Series(["a", "b"]), "binary")
    with pytest.raises(DataError, match="labels not seen in training: 'z'"):
        target.numbers(pd.Series(["a", "z"]))
    with pytest.raises(DataError, match="'y' is missing in 1 row"):
        target.numbers(pd.Series(["a", None]))


def test_targets_survive_json() -> None:
    for target in (
        RegressionTarget("y", 0.1, 1 / 3),
        ClassTarget("y", [1, 2], "binary"),
        ClassTarget("y", ["a", "b", "c"]),
        ClassTarget("y", [False, True], "binary"),
    ):
        assert target_from_json(target.to_json()) == target
