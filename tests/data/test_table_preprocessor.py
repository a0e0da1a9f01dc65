"""The preprocessor of tables: fitted on training rows only, saved as JSON data, identical arrays after loading."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.pandas import column, data_frames, range_indexes
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from fitwell._data.columns import (
    BooleanColumn,
    DateColumn,
    MissingIndicatorColumn,
    NumberColumn,
    OneHotColumn,
)
from fitwell._data.pixel_preprocessor import PixelPreprocessor
from fitwell._data.preprocessor_io import load_preprocessor, save_preprocessor
from fitwell._data.table_preprocessor import MAX_DEVIATIONS, TablePreprocessor
from fitwell._data.target import ClassTarget, RegressionTarget
from fitwell.errors import DataError, FileError

TARGET = RegressionTarget("y", 0.0, 1.0)

numbers = st.floats(-1e30, 1e30) | st.just(np.nan) | st.sampled_from([np.inf, -np.inf])
strings = st.sampled_from(["red", "green", "blue", "", " ", "né", "12", "3.5", "?", "a,b", "line\nbreak"])
mixed_tables = data_frames(
    columns=[
        column("number", elements=numbers),
        column("whole", elements=st.integers(-(2**40), 2**40)),
        column("text", dtype=object, elements=st.none() | strings),
        column("truth", dtype=object, elements=st.sampled_from([True, False, None])),
        column("date", dtype=object, elements=st.none() | st.dates().map(str)),
        column(
            "mixed", dtype=object, elements=st.one_of(st.none(), strings, st.integers(0, 3), st.booleans())
        ),
    ],
    index=range_indexes(min_size=1, max_size=30),
)


def fit(frame: pd.DataFrame) -> TablePreprocessor:
    return TablePreprocessor.fit(frame, TARGET)


@pytest.mark.slow
@settings(max_examples=60 if os.environ.get("CI") else 25, deadline=None)
@given(mixed_tables, mixed_tables)
def test_any_table_gives_finite_arrays_that_survive_a_file(training: pd.DataFrame, new: pd.DataFrame) -> None:
    training = training.assign(one=1.0 + np.arange(len(training)) % 2, two=0.5)
    try:
        preprocessor = fit(training)
    except DataError as error:  # a single row: every column is constant
        assert "no input column is left" in str(error)
        return
    loaded = TablePreprocessor.from_json(json.loads(json.dumps(preprocessor.to_json(), allow_nan=False)))
    assert loaded == preprocessor
    for table in (training, new.assign(one=1.0)):
        try:
            arrays = preprocessor.transform(table)
        except DataError as error:  # numbers in training, mostly words here
            assert "in training, but most of its values here do not match this type" in str(error)
            continue
        assert arrays.shape == (len(table), len(preprocessor.feature_names)) and arrays.dtype == np.float32
        assert np.isfinite(arrays).all() and np.abs(arrays).max() <= MAX_DEVIATIONS
        np.testing.assert_array_equal(loaded.transform(table), arrays)


def houses(rows: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "area": random.normal(100, 20, rows),
            "rooms": random.integers(1, 7, rows),
            "city": random.choice(["Oslo", "Paris", "Rome"], rows),
            "price": random.normal(300, 30, rows),
        }
    )
    frame.loc[::7, "area"] = np.nan
    frame.loc[::11, "city"] = None
    return frame


def test_the_arrays_are_those_of_scikit_learn() -> None:
    training, test = houses(200), houses(50, seed=1)
    preprocessor = TablePreprocessor.fit(training, RegressionTarget("price", 0, 1))
    number = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    category = make_pipeline(
        SimpleImputer(strategy="most_frequent", missing_values=np.nan),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    reference = ColumnTransformer([("n", number, ["area", "rooms"]), ("c", category, ["city"])])
    reference.fit(training.astype({"city": object}).fillna({"city": np.nan}))
    test.loc[3, "city"] = "Atlantis"
    expected = reference.transform(test.astype({"city": object}).fillna({"city": np.nan}))
    mine = pd.DataFrame(preprocessor.transform(test), columns=preprocessor.feature_names)
    names = ["area", "rooms", "city = Oslo", "city = Paris", "city = Rome"]
    np.testing.assert_allclose(mine[names], expected, rtol=1e-6, atol=1e-6)
    assert mine["area is missing"].tolist() == test["area"].isna().astype(float).tolist()
    assert mine["city is missing"].tolist() == test["city"].isna().astype(float).tolist()
    assert mine.loc[3, ["city = Oslo", "city = Paris", "city = Rome"]].sum() == 0


def test_nothing_is_learned_from_rows_outside_training() -> None:
    """Fitted numbers depend on training rows, and not on other rows."""
    table = houses(300)
    train = np.arange(0, 300, 2)
    before = TablePreprocessor.fit(table.iloc[train], RegressionTarget("price", 0, 1)).to_json()
    spoiled = table.copy()
    others = np.setdiff1d(np.arange(300), train)
    spoiled.loc[others, "area"] = 1e9
    spoiled.loc[others, "city"] = "Atlantis"
    assert TablePreprocessor.fit(spoiled.iloc[train], RegressionTarget("price", 0, 1)).to_json() == before
    spoiled.loc[train[1], "area"] = 1e9
    assert TablePreprocessor.fit(spoiled.iloc[train], RegressionTarget("price", 0, 1)).to_json() != before


def test_training_numbers_have_mean_zero_and_deviation_one() -> None:
    table = houses(100)
    arrays = TablePreprocessor.fit(table, RegressionTarget("price", 0, 1)).transform(table)
    np.testing.assert_allclose(arrays[:, [0, 2]].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(arrays[:, [0, 2]].std(axis=0), 1, atol=1e-6)


def kinds_of(**columns: Any) -> dict[str, Any]:
    preprocessor = fit(pd.DataFrame(columns))
    return {c.name: type(c) for c in preprocessor.columns} | preprocessor.dropped


def test_each_kind_of_column_is_recognised() -> None:
    rows = 200
    kinds = kinds_of(
        number=np.linspace(0, 1, rows),
        small=[1, 2] * 100,
        money=["$1,200.50", "$9"] * 100,
        words_among_numbers=["1", "2", *["3", "4.5"] * 98, "n.a.", "n.a."],
        truth=[True, False] * 100,
        truth_with_gaps=[True, False, None, True] * 50,
        truth_in_words=["TRUE", "false"] * 100,
        category=["a", "b"] * 100,
        iso=["2020-01-01", "2020-03-01"] * 100,
        german=["31.12.2020", "01.02.2021"] * 100,
        moment=pd.to_datetime(["2020-01-01 10:00", "2020-01-02 11:00"] * 100, utc=True),
        only_here=["yes", None] * 100,
        number_only_here=[5.0, np.nan] * 100,
        duration=pd.to_timedelta(list(range(rows)), unit="h") * 1.5,
        factor=pd.Categorical(["u", "v"] * 100),
    )
    assert kinds == {
        "number": NumberColumn,
        "small": NumberColumn,
        "money": NumberColumn,
        "words_among_numbers": NumberColumn,
        "truth": BooleanColumn,
        "truth_with_gaps": BooleanColumn,
        "truth_in_words": BooleanColumn,
        "category": OneHotColumn,
        "iso": DateColumn,
        "german": DateColumn,
        "moment": DateColumn,
        "only_here": MissingIndicatorColumn,
        "number_only_here": MissingIndicatorColumn,
        "duration": NumberColumn,
        "factor": OneHotColumn,
    }


def test_what_says_nothing_is_dropped_with_the_reason() -> None:
    rows = 200
    shuffled = np.random.default_rng(0).permutation(300)[:rows]
    kinds = kinds_of(
        useful=[1.5, 2.5] * 100,
        empty=[None] * rows,
        constant=["same"] * rows,
        row=shuffled,
        PassengerId=shuffled * 1000,
        useful_and_different=shuffled * 1000,
        text=[f"some words {number}" for number in range(rows)],
        lists=[[1, 2]] * rows,
        complex=[1j] * rows,
    )
    assert kinds == {
        "useful": NumberColumn,
        "useful_and_different": NumberColumn,
        "empty": "it is empty",
        "constant": "it has the single value 'same'",
        "row": "it looks like a row number or an ID",
        "PassengerId": "it looks like a row number or an ID",
        "text": "200 of its 200 values are distinct, so it is probably an identifier or free text",
        "lists": "it contains values of type list",
        "complex": "it contains values of type complex128",
    }


def test_one_number_with_words_is_a_category() -> None:
    table = pd.DataFrame({"owed": ["0"] * 97 + ["n.a."] * 3})
    preprocessor = fit(table)
    assert preprocessor.feature_names == ["owed = 0", "owed = n.a."]
    assert preprocessor.transform(table)[96:98].tolist() == [[1, 0], [0, 1]]
    assert not any("as missing" in note for note in preprocessor.notes)


def test_one_value_written_in_two_ways_is_one_value() -> None:
    kinds = kinds_of(
        useful=[1.5, 2.5] * 50,
        share=["5%", "5.0%"] * 50,
        day=["2024-05-01", "2024-05-01 00:00:00"] * 50,
        gaps=["2024-05-01", "2024-05-01 00:00:00", None, None] * 25,
    )
    assert kinds["share"] == "it has the single value '5'"
    assert kinds["day"] == "it has the single value '2024-05-01'"
    assert kinds["gaps"] is MissingIndicatorColumn


@pytest.mark.parametrize("size", [1e-200, 1e200, 1.7e306])
def test_the_size_of_numbers_does_not_matter(size: float) -> None:
    table = pd.DataFrame({"x": np.arange(100) * size})
    expected = StandardScaler().fit_transform(np.arange(100.0)[:, None])
    np.testing.assert_allclose(fit(table).transform(table), expected, rtol=1e-5, atol=1e-6)


def test_text_is_read_as_it_is_written_also_in_the_target() -> None:
    table = pd.DataFrame({"code": ["007", "A1"] * 10, "x": [1.5, 2.5] * 10})
    for classes, columns in ((["007", "A1"], ["code", "y"]), ([1, 2], ["code"])):
        assert TablePreprocessor.fit(table, ClassTarget("y", classes, "binary")).text_columns == columns


def test_the_record_says_what_was_done() -> None:
    table = houses(70).assign(id=range(70), constant=1)
    notes = TablePreprocessor.fit(table, RegressionTarget("price", 300, 30)).notes
    assert "Dropped 'id': it looks like a row number or an ID." in notes
    assert "Dropped 'constant': it has the single value '1'." in notes
    assert any("Standardized 2 columns of numbers" in note and "'area' and 'rooms'" in note for note in notes)
    assert any("'area' (10) and 'city' (7)" in note for note in notes)
    assert notes[-2] == "The network has 7 inputs."


def test_rare_categories_share_a_row_of_zeros() -> None:
    counts = {f"c{number:03}": 200 - number for number in range(80)}
    table = pd.DataFrame({"city": np.repeat(list(counts), list(counts.values()))})
    preprocessor = fit(table)
    assert len(preprocessor.feature_names) == 50 and preprocessor.feature_names[-1] == "city = c049"
    notes: list[str] = []
    arrays = preprocessor.transform(pd.DataFrame({"city": ["c049", "c050", "never seen"]}), notes)
    assert arrays.sum(axis=1).tolist() == [1, 0, 0] and notes == []
    assert any("(30 dropped)" in note for note in preprocessor.notes)


def test_dates_become_days_and_turns() -> None:
    days = pd.date_range("2019-01-01", periods=730, freq="D")
    preprocessor = fit(pd.DataFrame({"when": days.strftime("%d.%m.%Y")}))
    assert preprocessor.feature_names == [
        "when: days",
        "when: sine of the year",
        "when: cosine of the year",
        "when: sine of the week",
        "when: cosine of the week",
    ]
    arrays = preprocessor.transform(
        pd.DataFrame({"when": ["01.01.2019", "31.12.2019", "31.12.2020", "sometime", None, "01.01.2019"]})
    )
    # New Year's Eve and New Year's Day lie next to each other.
    assert np.abs(arrays[0, 1:3] - arrays[1, 1:3]).max() < 0.035
    spacing = np.std(np.arange(730))
    assert arrays[1, 0] - arrays[0, 0] == pytest.approx(364 / spacing, rel=1e-4)


def test_ambiguous_dates_are_reported() -> None:
    preprocessor = fit(pd.DataFrame({"when": ["03/04/2021", "05/06/2021"] * 5}))
    assert "The dates in 'when' match more than one format; they were read as %m/%d/%Y." in preprocessor.notes
    preprocessor = fit(pd.DataFrame({"when": ["03/04/2021", "25/06/2021"] * 5}))
    assert isinstance(preprocessor.columns[0], DateColumn) and preprocessor.columns[0].pattern == "%d/%m/%Y"
    assert not any("match several" in note for note in preprocessor.notes)


def test_a_lacking_column_is_named_and_a_further_one_ignored() -> None:
    preprocessor = TablePreprocessor.fit(houses(70), RegressionTarget("price", 0, 1))
    with pytest.raises(
        DataError,
        match=r"does not have the column 'rooms' .*; the table's columns are 'area', .* Is 'rooms' named 'Rooms' in",
    ):
        preprocessor.transform(houses(5).rename(columns={"rooms": "Rooms"}))
    with pytest.raises(DataError, match="does not have the columns 'area' and 'rooms'"):
        preprocessor.transform(houses(5)[["city"]])
    notes: list[str] = []
    preprocessor.transform(houses(5).iloc[1:].drop(columns="price").assign(colour="red"), notes)
    assert notes == ["Ignored 1 column not present in training: 'colour'."]


def test_unseen_values_at_prediction_are_reported() -> None:
    training = pd.DataFrame({"n": [1.0, 2.0, 3.0, 4.0], "c": ["a", "b", "a", "b"]})
    preprocessor = fit(training)
    notes: list[str] = []
    arrays = preprocessor.transform(
        pd.DataFrame({"n": ["1", "x", None, "2"], "c": ["a", "z", "b", "b"]}), notes
    )
    assert notes == [
        "Imputed 1 missing value in 'n', which had none in training.",
        "'n' has 1 cell not matching the type 'number' ('x'), which will be treated as missing.",
        "'c' has 1 value not seen in training: 'z'.",
    ]
    assert arrays[1, 0] == arrays[2, 0] == 0.0, "the median of 1, 2, 3, 4 is their mean"
    with pytest.raises(
        DataError,
        match=r"had the type 'number' in training, but most of its values here do not match this type: 'x' and 'y'",
    ):
        preprocessor.transform(pd.DataFrame({"n": ["x", "y", "1"], "c": ["a", "a", "a"]}))
    with pytest.raises(DataError, match="no rows"):
        preprocessor.transform(training.iloc[:0])


def test_an_unreadable_entry_is_marked_like_a_missing_one() -> None:
    preprocessor = fit(pd.DataFrame({"n": [1.0, None, 3.0, 8.0]}))
    assert preprocessor.feature_names == ["n", "n is missing"]
    arrays = preprocessor.transform(pd.DataFrame({"n": ["3", "broken", None]}))
    assert arrays[:, 1].tolist() == [0, 1, 1]
    assert arrays[0, 0] == arrays[1, 0] == arrays[2, 0], "3 is the median of the training rows"


def test_a_table_without_anything_to_learn_from_is_refused() -> None:
    with pytest.raises(
        DataError,
        match=r"cannot predict 'y' because no input column is left:\n  - 'a': it has the single value",
    ):
        fit(pd.DataFrame({"a": [1, 1], "y": [1, 2]}))


def test_integers_with_a_gap_are_the_same_category() -> None:
    training = pd.DataFrame({"code": pd.Categorical([1, 2, 1, 2])})
    arrays = fit(training).transform(pd.DataFrame({"code": [1.0, 2.0, np.nan]}))
    assert arrays[:2].tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    "preprocessor",
    [
        TablePreprocessor.fit(houses(70), RegressionTarget("price", 1 / 3, 2 / 3)),
        PixelPreprocessor(ClassTarget("digit", [0, 1, 2]), [2, 2], 16.0),
    ],
)
def test_a_preparation_survives_its_file(tmp_path: Path, preprocessor: Any) -> None:
    path = tmp_path / "preprocessing.json"
    save_preprocessor(preprocessor, path)
    assert load_preprocessor(path) == preprocessor
    assert [entry.name for entry in tmp_path.iterdir()] == ["preprocessing.json"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not valid JSON"),
        ("[]", "does not contain a preprocessor"),
        (
            '{"fitwell": "preprocessing", "version": 99}',
            "has format version 99, but this release of fitwell reads only version 1",
        ),
        ('{"fitwell": "preprocessing", "version": 1, "format": "os.system"}', "format is 'os.system'"),
        ('{"fitwell": "preprocessing", "version": 1, "format": "table", "target": 3}', "is damaged"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "preprocessing.json"
    path.write_text(content)
    with pytest.raises(FileError, match=words):
        load_preprocessor(path)
    with pytest.raises(FileError, match="cannot be read: No such file"):
        load_preprocessor(tmp_path / "none.json")


def test_pixels_are_divided_by_the_brightest() -> None:
    preprocessor = PixelPreprocessor(ClassTarget("digit", [0, 1]), [2, 2], 16.0)
    images = preprocessor.transform_images(np.array([[[0, 4], [8, 16]]], dtype=np.uint8))
    assert images.tolist() == [[[0.0, 0.25], [0.5, 1.0]]] and images.dtype == np.float32
    table = pd.DataFrame([[0, 4, 8, 16, 1]], columns=["a", "b", "c", "d", "digit"])
    assert preprocessor.transform(table).tolist() == images.tolist()
    with pytest.raises(DataError, match="images of size 2 x 2 require a table with 4 pixel columns, got 3"):
        preprocessor.transform(table[["a", "b", "c"]])
    with pytest.raises(DataError, match="missing values or text: 'b'"):
        preprocessor.transform(table.assign(b=None))
