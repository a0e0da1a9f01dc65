"""Inferred column types, and the options that override them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fitwell._data.columns import Column, NumberColumn
from fitwell._data.preprocessor_io import load_preprocessor, save_preprocessor
from fitwell._data.table_preprocessor import TablePreprocessor
from fitwell._data.table_reader import read_raw_table, read_table
from fitwell.cli.data_options import DataOptions
from fitwell.cli.datasets import load_data
from fitwell.cli.prepared_data import PreparedData
from fitwell.errors import DataError, InvalidArgument

ROWS = 120
RANDOM = np.random.default_rng(0)
Y = RANDOM.normal(size=ROWS)
Z = RANDOM.normal(size=ROWS)


def problem(folder: Path, cells: list[str], name: str = "a", **wishes: object) -> PreparedData:
    """Return the prepared data of a column, together with another one and a target."""
    rows = "\n".join(f"{cell}|{z:.4f}|{y:.4f}" for cell, z, y in zip(cells, Z, Y))
    (folder / "t.csv").write_text(f"{name}|z|y\n{rows}\n")
    return load_data(str(folder / "t.csv"), DataOptions("y", "regression", **wishes))  # type: ignore[arg-type]


def column(learned: PreparedData, name: str = "a") -> Column | str:
    assert isinstance(learned.preprocessor, TablePreprocessor)
    used = {column.name: column for column in learned.preprocessor.columns}
    return used[name] if name in used else learned.preprocessor.dropped[name]


def kind(learned: PreparedData, name: str = "a") -> str:
    found = column(learned, name)
    return found if isinstance(found, str) else found.kind


SHUFFLED = [str(number) for number in RANDOM.permutation(ROWS)]


@pytest.mark.parametrize(
    "name", ["x", "day", "depth_cm", "heat_index", "number", "period", "humid", "rowing"]
)
def test_what_a_column_is_called_says_whether_it_numbers_the_rows(tmp_path: Path, name: str) -> None:
    assert kind(problem(tmp_path, SHUFFLED, name), name) == "number"


@pytest.mark.parametrize(
    "name",
    ["id", "ID", "user_id", "PassengerId", "index", "row", "Unnamed: 0", "no.", "#", "record number", ""],
)
def test_an_identifier_is_dropped_unless_it_is_to_be_kept(tmp_path: Path, name: str) -> None:
    known = name or "Unnamed: 0"
    learned = problem(tmp_path, SHUFFLED, name)
    assert kind(learned, known) == "it looks like a row number or an ID"
    assert any("--keep" in note for note in learned.notes)
    assert kind(problem(tmp_path, SHUFFLED, name, keep=(known,)), known) == "number"
    assert kind(problem(tmp_path, SHUFFLED, name, types={known: "number"}), known) == "number"
    # Twice the same number identifies nothing.
    assert kind(problem(tmp_path, SHUFFLED[:40] * 3, name), known) == "number"


def test_columns_can_be_kept_dropped_and_declared(tmp_path: Path) -> None:
    words = [f"word {number}" for number in range(ROWS)]
    assert "free text" in kind(problem(tmp_path, words))
    assert kind(problem(tmp_path, words, keep=("a",))) == "category"
    assert kind(problem(tmp_path, SHUFFLED, drop=("a",))) == "as requested (--drop)"
    few = [str(number % 5) for number in range(ROWS)]
    assert kind(problem(tmp_path, few, types={"a": "category"})) == "category"
    marked = ["NA" if number % 3 else "b" for number in range(ROWS)]
    learned = problem(tmp_path, marked, types={"a": "category"})
    assert learned.preprocessor.feature_names[:2] == ["a = NA", "a = b"]
    months = [f"2021-{1 + number % 12:02d}" for number in range(ROWS)]
    assert kind(problem(tmp_path, months)) == "date"
    assert kind(problem(tmp_path, months, types={"a": "category"})) == "category"
    doubtful = [f"x{number}" if number % 5 == 0 else f"{number}.03.21" for number in range(ROWS)]
    assert (
        kind(
            problem(
                tmp_path,
                ["maybe" if number % 4 == 0 else f"{1 + number % 28}.03.2021" for number in range(ROWS)],
                types={"a": "date"},
            )
        )
        == "date"
    )
    with pytest.raises(DataError, match=r"cannot apply --type a=date: 'a' contains 'x0' in row 1"):
        problem(tmp_path, doubtful, types={"a": "date"})
    with pytest.raises(DataError, match=r"cannot apply --type a=number: 'a' contains '2021-01' in row 1"):
        problem(tmp_path, months, types={"a": "number"})
    with pytest.raises(DataError, match=r"cannot apply --type a=boolean: 'a' contains '0' in row 1"):
        problem(tmp_path, few, types={"a": "boolean"})
    with pytest.raises(DataError, match="cannot keep the column 'a': it has the single value '5'"):
        problem(tmp_path, ["5"] * ROWS, keep=("a",))


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"keep": ("b",)}, r"--keep b: .* has no column 'b'"),
        ({"drop": ("y",)}, "'y' is the target, not an input"),
        ({"types": {"zz": "number"}}, "--type zz: .* has no column 'zz'"),
        ({"types": {"a": "text"}}, "the type must be one of number, category, date, boolean"),
        ({"types": {"y": "date"}}, "the target's type must be number or category"),
        ({"keep": ("a",), "drop": ("a",)}, "--keep a and --drop a contradict each other"),
    ],
)
def test_invalid_options_are_refused(tmp_path: Path, wishes: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        problem(tmp_path, SHUFFLED, **wishes)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["yes", "no"], "true-or-false"),
        (["Y", "n", "NA"], "true-or-false"),
        (["TRUE", "False", "unknown"], "true-or-false"),
        (["ja", "nein"], "true-or-false"),
        (["m", "f"], "category"),
        (["no", "se"], "category"),
        (["yes", "no", "maybe"], "category"),
        (["01234", "98765"], "category"),
        (["1", "0", "-"], "number"),
        (
            ["1,5", "2.5"],
            "it contains numbers with decimal points and numbers with decimal commas, such as '2.5' and '1,5'",
        ),
    ],
)
def test_small_columns(tmp_path: Path, words: list[str], expected: str) -> None:
    assert kind(problem(tmp_path, [words[number % len(words)] for number in range(ROWS)])) == expected


NUMBERS = [f"{abs(z) * 1000:.1f}" for z in Z]


@pytest.mark.parametrize(
    "others",
    [
        ["trace"],
        ["<0.5"],
        ["a", "b", "c", "d", "e", "f"],
        ["NA"] * 50,
        ["trace"] * 40,
        ["#DIV/0!"] * 30,
        ["12,5"],
    ],
)
def test_cells_that_are_not_numbers_are_counted_and_reported(tmp_path: Path, others: list[str]) -> None:
    cells = [*others, *NUMBERS[len(others) :]]
    learned = problem(tmp_path, cells)
    found = column(learned)
    assert isinstance(found, NumberColumn)
    assert 0 < found.mean < 2000
    count = "1 cell" if len(others) == 1 else f"{len(others)} cells"
    assert any(
        note.startswith("Treated ") and f"({count}) in 'a' as missing" in note for note in learned.notes
    )


def test_cells_of_numbers_are_read_as_text_only_where_that_may_matter(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a;b;c\n1.250;1.5;1\n4.100;1.250;2\n")
    cells = read_raw_table(path)
    assert [dtype.kind for dtype in cells.dtypes] == ["O", "f", "i"]
    assert cells["a"].tolist() == ["1.250", "4.100"]
    # Later than the sample from which the separator is found, too.
    path.write_text("d,c\n" + "7,1\n" * 30_000 + "007,2\n")
    assert read_raw_table(path)["d"].iloc[-1] == "007"
    assert read_raw_table(path)["c"].dtype.kind == "O", "looked at as well, and a number all the same"
    assert read_table(path)["c"].iloc[-1] == 2
    assert pd.api.types.is_numeric_dtype(read_table(path)["d"]), "one such cell makes no codes"


def test_words_that_may_be_missing_are_reported(tmp_path: Path) -> None:
    continents = [["NA", "EU", "AS"][number % 3] for number in range(ROWS)]
    learned = problem(tmp_path, continents)
    assert column(learned).feature_names == ["a = AS", "a = EU", "a is missing"]
    assert any(
        "Treated 'NA' (40 cells) in 'a' as missing; use --type a=category" in note for note in learned.notes
    )
    kept = problem(tmp_path, continents, types={"a": "category"})
    assert column(kept).feature_names == ["a = AS", "a = EU", "a = NA"]


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;", "\ufeffsep=;"])
def test_the_line_that_excel_writes_is_no_data(tmp_path: Path, line: str) -> None:
    path = tmp_path / "t.csv"
    for encoding in ("utf-8", "utf-16"):
        path.write_bytes(f"{line}\r\na;b,c\r\n1;2\r\n3;4\r\n".encode(encoding))
        assert read_table(path).to_dict("list") == {"a": [1, 3], "b,c": [2, 4]}
    path.write_text("sep=\\t\na\tb\n1\t2\n")
    assert read_table(path).to_dict("list") == {"a": [1], "b": [2]}
    # User options take precedence.
    path.write_text("sep=;\na;b|c;d\n1;2|3;4\n")
    assert list(read_table(path, separator="bar").columns) == ["a;b", "c;d"]


@pytest.mark.parametrize(
    ("text", "separator", "expected"),
    [
        ("a  b\tc\n1 2   3\n 4 5 6\n", None, {"a": [1, 4], "b": [2, 5], "c": [3, 6]}),
        ("a b\n1 2\n", "space", {"a": [1], "b": [2]}),
        ("a~b\n1~2\n", "~", {"a": [1], "b": [2]}),
        ("a\tb\n1\t2\n", "tab", {"a": [1], "b": [2]}),
        (
            "Price, EUR;Weight, kg\n1,5;2,5\n3,5;4,5\n",
            None,
            {"Price, EUR": [1.5, 3.5], "Weight, kg": [2.5, 4.5]},
        ),
        ('a;b\n"1;5";2\n"x;y";4\n', None, {"a": ["1;5", "x;y"], "b": [2, 4]}),
        ('a,b\n"1\n2",3\n"4\n5",6\n', None, {"a": ["1\n2", "4\n5"], "b": [3, 6]}),
    ],
)
def test_separators(
    tmp_path: Path, text: str, separator: str | None, expected: dict[str, list[object]]
) -> None:
    (tmp_path / "t.csv").write_text(text)
    assert read_table(tmp_path / "t.csv", separator=separator).to_dict("list") == expected


def test_a_preparation_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    learned = problem(tmp_path, [["1.5", "NA", "2.5"][number % 3] for number in range(ROWS)])
    data = learned.preprocessor.to_json()
    for entry in [data["target"], *data["columns"]]:
        for later in ("decimal", "percent", "marks", "words"):
            entry.pop(later, None)
    (tmp_path / "p.json").write_text(json.dumps({"fitwell": "preprocessing", "version": 1, **data}))
    earlier = load_preprocessor(tmp_path / "p.json")
    (tmp_path / "new.csv").write_text("a;z\n1,5;0,5\nNA;1\n")
    table = read_raw_table(tmp_path / "new.csv", earlier.text_columns)
    (tmp_path / "same.csv").write_text("a,z\n1.5,0.5\nNA,1\n")
    same = read_raw_table(tmp_path / "same.csv", earlier.text_columns)
    np.testing.assert_array_equal(earlier.transform(table), learned.preprocessor.transform(same))


def test_a_word_for_no_value_is_one_in_a_new_table_too(tmp_path: Path) -> None:
    days = [f"{1 + number % 28:02d}.03.2021" for number in range(ROWS)]
    for cells in (NUMBERS, days):
        learned = problem(tmp_path, ["trace", "12,5x", *cells[2:]])
        save_preprocessor(learned.preprocessor, tmp_path / "p.json")
        loaded = load_preprocessor(tmp_path / "p.json")
        assert loaded.columns[0].words == ["trace"], "what has digits may be a number of another kind"
        notes: list[str] = []
        (tmp_path / "new.csv").write_text(f"a|z\ntrace|1\ntrace|2\n{cells[5]}|3\n")
        loaded.transform(read_raw_table(tmp_path / "new.csv", loaded.text_columns), notes)
        assert not any("cannot be read" in note for note in notes)
        (tmp_path / "new.csv").write_text(f"a|z\nlost|1\nlost|2\n{cells[5]}|3\n")
        with pytest.raises(
            DataError,
            match=r"most of its values here do not match this type: 'lost' \(the first in row 1\)",
        ):
            loaded.transform(read_raw_table(tmp_path / "new.csv", loaded.text_columns))
