"""Tables as exported by programs or edited by hand: lines that are not rows, units, periods, several date formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fitwell._data.column_types import convert_columns, infer_column_types
from fitwell._data.columns import DATE_FORMAT
from fitwell._data.date_formats import infer_date_format
from fitwell._data.date_parsing import to_datetime
from fitwell._data.number_parsing import parse_number
from fitwell._data.table_preprocessor import TablePreprocessor
from fitwell._data.table_reader import read_raw_table, read_table
from fitwell.cli.data_options import DataOptions
from fitwell.cli.datasets import load_data
from fitwell.cli.prepared_data import PreparedData
from fitwell.errors import DataError

A = [float(number) for number in 70.5 + 0.25 * np.arange(40)]
Y = [float(number) for number in 3.5 * np.arange(40) - 20]
ROWS = [f"{a},c{row % 3},{y}" for row, (a, y) in enumerate(zip(A, Y))]


def written(tmp_path: Path, lines: list[str], name: str = "t.csv") -> Path:
    (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / name


def read(cells: list[str], notes: list[str] | None = None) -> pd.Series:
    """Return a column of text as it is read from a file."""
    table = pd.DataFrame({"a": pd.Series(cells, dtype="str")})
    return convert_columns(table, infer_column_types(table, notes=notes))["a"]


def inputs_of(problem: PreparedData, cells: list[str], notes: list[str] | None = None) -> np.ndarray:
    assert isinstance(problem.preprocessor, TablePreprocessor)
    return problem.preprocessor.transform(pd.DataFrame({"a": cells, "c": ["c0"] * len(cells)}), notes)


@pytest.mark.parametrize(
    "above",
    [
        ["Monthly report 2021"],
        ["Monthly report 2021", ""],
        ["Monthly report 2021,,"],
        ["# logger 7", "# exported, by hand, on Monday, 9 h"],
        ["Account,DE12", "", "From,01.01.2021", "To,31.12.2021", ""],
        ["Station: Berlin, Germany"],
    ],
)
def test_lines_above_the_names_are_dropped_and_reported(tmp_path: Path, above: list[str]) -> None:
    notes: list[str] = []
    table = read_table(written(tmp_path, [*above, "a,c,y", *ROWS]), notes=notes)
    assert list(table.columns) == ["a", "c", "y"] and table["a"].tolist() == A and table["y"].tolist() == Y
    assert any("above the column names" in note and above[0][:12] in note for note in notes)


@pytest.mark.parametrize("header", ["#,c,y", ",c,y", "a,c,y,", "a,,y"])
def test_the_first_line_has_the_names_where_it_can(tmp_path: Path, header: str) -> None:
    notes: list[str] = []
    table = read_table(written(tmp_path, [header, *ROWS]), notes=notes)
    assert len(table) == 40 and table.iloc[:, 0].tolist() == A
    assert not any("above" in note for note in notes)


def test_names_that_numpy_writes_as_a_comment_are_names(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "t.csv", np.array([A, Y]).T, delimiter=",", header="a,y")
    assert read_table(tmp_path / "t.csv")["y"].tolist() == Y


def test_repeated_names_totals_and_comments_are_dropped(tmp_path: Path) -> None:
    lines = [*ROWS[:10], "a,c,y", *ROWS[10:20], "# restarted", *ROWS[20:], f"Total,,{sum(Y)}"]
    notes: list[str] = []
    table = read_table(written(tmp_path, ["a,c,y", *lines]), notes=notes)
    assert table["a"].tolist() == A and table["y"].tolist() == Y
    said = "\n".join(notes)
    assert (
        "Dropped row 11, which contains the column names again" in said
        and "Dropped row 43, which contains a total" in said
    )
    assert "Dropped row 22, which contains a comment" in said


def test_a_word_for_a_total_elsewhere_is_a_category(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, ["brand,y", "Total,1", "Shell,2", "Total,3"]))
    assert table["brand"].tolist() == ["Total", "Shell", "Total"]


def test_short_lines_are_reported_and_long_ones_refused_with_their_line(tmp_path: Path) -> None:
    notes: list[str] = []
    read_table(written(tmp_path, ["a,c,y", *ROWS[:3], "5", *ROWS[3:], "6,c1"]), notes=notes)
    assert any("2 lines have fewer cells" in note and "line 5" in note for note in notes)
    quoted = ["a,c,y", '1,"two\nlines",3', "4,c"]
    notes = []
    read_table(written(tmp_path, quoted), notes=notes)
    assert any(note.startswith("Line 4 has fewer cells") for note in notes)
    with pytest.raises(DataError, match="line 3"):
        read_table(written(tmp_path, ["a,c,y", ROWS[0], ROWS[1] + ",9", *ROWS[2:]]))
    with pytest.raises(DataError, match="beginning with line 2"):
        read_table(written(tmp_path, ["a,c", "r1,1,2", "r2,1,2"]))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("€110.5M", 110.5e6), ("565K", 565e3), ("5 Mio. €", 5e6), ("$1.2 million", 1.2e6), ("2 crore", 2e7),
        ("Rs. 1,23,456/-", 123456.0), ("500/=", 500.0), ("70.5*", 70.5), ("70.5[a]", 70.5), ("~70.5", 70.5),
        ("(2.5)k", -2500.0), ("2.5-k", -2500.0),
        ("1.5 GB", 1.5e9), ("300 K", np.nan), ("12 m", np.nan), ("K5", np.nan), ("5 M 3", np.nan),
    ],
)  # fmt: skip
def test_numbers_with_factors_and_footnotes(text: str, number: float) -> None:
    assert parse_number(text) == number or (np.isnan(number) and np.isnan(parse_number(text)))


@pytest.mark.parametrize(
    "unit", [" kg", "km/h", " °C", " m²", " kg/m3", " years", '"', " µg/m³", " K", " €/kg"]
)
def test_units_behind_numbers(unit: str) -> None:
    notes: list[str] = []
    assert read([f"{number - 75}{unit}" for number in A], notes).tolist() == [number - 75 for number in A]
    assert any("The unit was dropped from the numbers" in note for note in notes)


def test_units_in_several_spellings_and_decimal_commas() -> None:
    cells = [f"{row},5 {'Year' if row == 1 else 'years'}" for row in range(30)]
    assert read(cells).tolist() == [row + 0.5 for row in range(30)]


def test_minus_signs_stand_before_the_unit() -> None:
    cells = [
        f"{row}.5- kg" if row % 2 else f"({row}.5) kg" if row % 3 else f"−{row}.5 kg" for row in range(30)
    ]
    assert read(cells).tolist() == [-row - 0.5 for row in range(30)]


def test_numbers_of_different_units_are_not_read() -> None:
    cells = [f"{70 + row} kg" if row % 3 else f"{150 + row} lb" for row in range(30)]
    assert read(cells).tolist() == cells


def test_a_unit_is_the_same_again_when_predicting(tmp_path: Path) -> None:
    lines = [f"{a} kg,c{row % 3},{y}" for row, (a, y) in enumerate(zip(A, Y))]
    problem = load_data(str(written(tmp_path, ["a,c,y", *lines])), DataOptions(target="y"))
    np.testing.assert_array_equal(inputs_of(problem, ["70 kg", "71"]), inputs_of(problem, ["70", "71.0kg"]))
    with pytest.raises(DataError, match=r"'154 lb'"):
        inputs_of(problem, ["154 lb", "160 lb"])
    again = TablePreprocessor.from_json(problem.preprocessor.to_json())
    assert again == problem.preprocessor


def test_a_target_with_a_unit_is_numbers_and_few_such_labels_stay(tmp_path: Path) -> None:
    lines = [f"{a},{y} km" for a, y in zip(A, Y)]
    problem = load_data(str(written(tmp_path, ["a,y", *lines])), DataOptions(target="y"))
    parts = (problem.train, problem.validation, problem.test)
    assert sorted(np.concatenate([part.true for part in parts])) == Y
    lines = [f"{a},{36 if row % 2 else 60} months" for row, a in enumerate(A)]
    problem = load_data(str(written(tmp_path, ["a,y", *lines])), DataOptions(target="y"))
    assert problem.target.classes == ["36 months", "60 months"]  # type: ignore[union-attr]


DAYS = pd.date_range("2019-12-30", periods=30, freq="7D")
QUARTERS = pd.date_range("2005-01-01", periods=30, freq="QS")


@pytest.mark.parametrize(
    "cells",
    [
        [f"{day.isocalendar().year}-W{day.isocalendar().week:02d}" for day in DAYS],
        [f"{day.isocalendar().year}W{day.isocalendar().week:02d}1" for day in DAYS],
        [f"KW {day.isocalendar().week}/{day.isocalendar().year}" for day in DAYS],
        [f"{day:%Y-%m-%d}" if row % 2 else f"{day:%d.%m.%Y}" for row, day in enumerate(DAYS)],
        [f"{day:%m/%d/%Y}" if row % 3 else f"{day:%Y-%m-%d 00:00:00}" for row, day in enumerate(DAYS)],
        [f"{day:%d %b %Y}" if row % 2 else f"{day:%d/%m/%Y}" for row, day in enumerate(DAYS)],
        [f"{day:%d.%m.%y}" if row % 2 else f"{day:%d.%m.%Y}" for row, day in enumerate(DAYS)],
        [f"{day:%a %b %d %Y %H:%M:%S} GMT+0000 (Coordinated Universal Time)" for day in DAYS],
        [f"{day + pd.Timedelta(hours=1):%Y/%m/%d %I:%M:%S %p} GMT+1" for day in DAYS],
    ],
)
def test_weeks_and_mixed_formats_are_the_days_that_they_are(cells: list[str]) -> None:
    assert read(cells).tolist() == list(DAYS)


@pytest.mark.parametrize(
    "form", ["{0}Q{1}", "Q{1} {0}", "Q{1}/{0}", "{1}Q{2}", "{0}-Q{1}", "Q{1}-{2}", "{1}. Quartal {0}"]
)
def test_quarters_begin_with_their_first_day(form: str) -> None:
    cells = [form.format(day.year, day.quarter, f"{day:%y}") for day in QUARTERS]
    assert read(cells).tolist() == list(QUARTERS)


def test_one_order_of_day_and_month_serves_all_formats_of_a_column() -> None:
    cells = [f"{day:%m/%d/%Y}" for day in DAYS] + ["31/10/2021"]
    found = infer_date_format(pd.Series(cells))
    assert found is not None and found.pattern == "%m/%d/%Y"
    assert to_datetime(pd.Series(cells), found.pattern).isna().sum() == 1
    # As many of either: neither order is the column's.
    assert infer_date_format(pd.Series(cells + [f"{day:%d/%m/%Y}" for day in DAYS if day.day > 12])) is None


@pytest.mark.parametrize(
    ("cells", "seconds"),
    [
        (["36:15:30", "01:00:00", "125:00:01"], [130530, 3600, 450001]),
        (["25:10", "1:30", "100:00"], [90600, 5400, 360000]),
        (["59:30", "1:02:03", "45:00"], [3570, 3723, 2700]),
        (["0 days 01:30:00", "2 days 00:00:01", "1 day, 0:00:00"], [5400, 172801, 86400]),
    ],
)
def test_times_that_are_no_times_of_a_day_are_durations(cells: list[str], seconds: list[int]) -> None:
    found = infer_date_format(pd.Series(cells * 5))
    assert found is not None
    moments = to_datetime(pd.Series(cells), found.pattern)
    assert ((moments - pd.Timestamp(0)) / pd.Timedelta(seconds=1)).tolist() == seconds


def test_durations_with_the_names_of_their_units() -> None:
    cells = ["2h 50m", "19h", "PT1H30M5.5S", "1 hour, 5 minutes", "75 min", "2 days"]
    found = infer_date_format(pd.Series(cells * 3))
    assert found is not None
    moments = to_datetime(pd.Series(cells), found.pattern)
    seconds = [10200, 68400, 5405.5, 3900, 4500, 172800]
    assert ((moments - pd.Timestamp(0)) / pd.Timedelta(seconds=1)).tolist() == seconds


def test_addresses_are_categories() -> None:
    cells = [f"192.168.{100 + row % 3}.{200 + row % 5}" for row in range(30)]
    assert read(cells).tolist() == cells


def test_pandas_spelling_of_integers_with_gaps_is_understood(tmp_path: Path) -> None:
    lines = [f"{1 + row % 3},{'true' if row % 2 else 'false'},{y}" for row, y in enumerate(Y)]
    wishes = DataOptions(target="y", types={"a": "category"})
    problem = load_data(str(written(tmp_path, ["a,c,y", *lines])), wishes)
    assert isinstance(problem.preprocessor, TablePreprocessor)
    rows = [
        problem.preprocessor.transform(read_raw_table(written(tmp_path, ["a,c", *cells], "p.csv"), ["a"]))
        for cells in (["1,true", "3,false"], ["1.0,1.0", "3.0,0.0"])
    ]
    np.testing.assert_array_equal(*rows)


def test_a_duration_is_one_number(tmp_path: Path) -> None:
    lines = [f"{row}:30:00,{y}" for row, y in enumerate(Y)]
    problem = load_data(str(written(tmp_path, ["a,y", *lines])), DataOptions(target="y"))
    assert problem.preprocessor.feature_names == ["a: days"]  # type: ignore[union-attr]


def test_dates_of_another_clear_format_are_read_when_predicting(tmp_path: Path) -> None:
    lines = [
        f"{day:%d/%m/%Y},c{row % 3},{y}"
        for row, (day, y) in enumerate(zip(pd.date_range("2021", periods=40), Y))
    ]
    problem = load_data(str(written(tmp_path, ["a,c,y", *lines])), DataOptions(target="y"))
    expected = inputs_of(problem, ["05/03/2021", "31/12/2021"])
    notes: list[str] = []
    for cells in (["2021-03-05", "2021-12-31"], ["5 Mar 2021", "31 Dec 2021"], ["05.03.2021", "31.12.2021"]):
        np.testing.assert_array_equal(inputs_of(problem, cells, notes), expected)
    assert sum(", which is not the training format" in note for note in notes) == 3
    np.testing.assert_array_equal(
        inputs_of(problem, ["05.03.2021"]), expected[:1]
    )  # day first, as in training


def test_a_stored_column_has_no_more_formats_than_are_found() -> None:
    formats = ["%d.%m.%Y", "ISO8601", "%d %b %Y", "%m/%Y"]
    assert DATE_FORMAT.test(" | ".join(formats[:3])) and not DATE_FORMAT.test(" | ".join(formats))


def test_a_number_that_only_training_explains_is_reported(tmp_path: Path) -> None:
    lines = [f"{a};c{row % 3};{y}".replace(".", ",") for row, (a, y) in enumerate(zip(A, Y))]
    problem = load_data(str(written(tmp_path, ["a;c;y", *lines])), DataOptions(target="y"))
    assert isinstance(problem.preprocessor, TablePreprocessor)
    notes: list[str] = []
    problem.preprocessor.transform(read_raw_table(written(tmp_path, ["a\tc", "2.125\tc1"], "p.csv")), notes)
    assert any("2.125 means 2125" in note and "as in training" in note for note in notes)
    notes = []
    problem.preprocessor.transform(read_raw_table(written(tmp_path, ["a;c", "2,5;c1"], "p.csv")), notes)
    assert notes == []


def test_below_what_an_instrument_sees_is_missing_and_reported() -> None:
    notes: list[str] = []
    column = read(["<0.1" if row % 4 == 0 else f"{row / 8}" for row in range(40)], notes)
    assert column.isna().sum() == 10 and column[1] == 0.125
    assert any("<0.1" in note and "as missing" in note for note in notes)


def test_labels_keep_their_spelling_where_numbers_would_lose_it(tmp_path: Path) -> None:
    lines = [f"{a},{('5K', '10K', '2*')[row % 3]}" for row, a in enumerate(A)]
    path = str(written(tmp_path, ["a,y", *lines]))
    assert load_data(path, DataOptions(target="y")).target.classes == ["10K", "2*", "5K"]  # type: ignore[union-attr]
    numbers = load_data(path, DataOptions(target="y", types={"y": "number"}))
    assert numbers.target.task == "multiclass" and numbers.target.classes == [2, 5000, 10000]  # type: ignore[union-attr]


def test_labels_that_differ_in_case_only_are_reported(tmp_path: Path) -> None:
    lines = [f"{a},{'Yes' if row % 2 else ('no', 'No ')[row % 4 // 2]}" for row, a in enumerate(A)]
    problem = load_data(str(written(tmp_path, ["a,y", *lines])), DataOptions(target="y"))
    assert any("'No' and 'no', which have similar spellings" in note for note in problem.notes)
    lines = [f"{a},{'<=50K' if row % 2 else '>50K'}" for row, a in enumerate(A)]
    problem = load_data(str(written(tmp_path, ["a,y", *lines])), DataOptions(target="y"))
    assert not any("alike" in note for note in problem.notes)
