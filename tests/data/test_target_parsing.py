"""Target columns: labels, numbers, and errors with their row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fitwell._data.target import ClassTarget, RegressionTarget
from fitwell.cli.data_options import DataOptions
from fitwell.cli.datasets import load_data
from fitwell.cli.prepared_data import PreparedData
from fitwell.errors import DataError

ROWS = 120
X = np.random.default_rng(0).normal(size=ROWS)


def problem(folder: Path, cells: list[str], **wishes: object) -> PreparedData:
    path = folder / "t.csv"
    path.write_text("x;y\n" + "\n".join(f"{x:.3f};{cell}" for x, cell in zip(X, cells)) + "\n")
    return load_data(str(path), DataOptions("y", **wishes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["+", "-"], ["+", "-"]),
        (["None", "Mild", "Severe"], ["Mild", "None", "Severe"]),
        (["NA", "EU", "AS"], ["AS", "EU", "NA"]),
        (["null", "alternative"], ["alternative", "null"]),
        (['"NA"', "yes"], ["NA", "yes"]),
        (["?", "a", ""], ["?", "a"]),
        (["-", "--"], ["-", "--"]),
        (["NaN", "inf"], ["NaN", "inf"]),
        (["nan", "1"], ["1", "nan"]),
        (["007", "07", "7"], ["007", "07", "7"]),
        (["True", "False"], [False, True]),
        (["TRUE", "FALSE"], ["FALSE", "TRUE"]),
        (["1", "2", "?"], [1, 2]),
        (["0", "1", "NA"], [0, 1]),
        (["1.0", "2.0"], [1, 2]),
        (["10-20", "20-30"], ["10-20", "20-30"]),
    ],
)
def test_the_classes_are_those_that_were_written(
    tmp_path: Path, labels: list[str], classes: list[object]
) -> None:
    cells = [labels[number % len(labels)] for number in range(ROWS)]
    target = problem(tmp_path, cells).target
    assert isinstance(target, ClassTarget) and list(target.classes) == classes
    if not any(isinstance(label, int) for label in classes):
        # Parquet, which says itself what is missing, tells the same.
        plain = pd.Series([cell.strip('"') or None for cell in cells], dtype=object)
        pd.DataFrame({"x": X, "y": plain}).to_parquet(tmp_path / "t.parquet")
        from_parquet = load_data(str(tmp_path / "t.parquet"), DataOptions("y")).target
        assert isinstance(from_parquet, ClassTarget) and from_parquet.classes == target.classes


def test_any_label_is_one_if_the_user_says_so(tmp_path: Path) -> None:
    for cells, classes in (
        (["1", "2", "NA"], ["1", "2", "NA"]),
        (["2021-01-01", "2021-01-02"], ["2021-01-01", "2021-01-02"]),
        (["1.50", "1.5"], ["1.5", "1.50"]),
    ):
        target = problem(tmp_path, cells * (ROWS // len(cells)), types={"y": "category"}).target
        assert isinstance(target, ClassTarget) and target.classes == classes


NUMBERS = [f"{1000 * abs(x) + 1:,.2f}".translate(str.maketrans(",.", ".,")) for x in X]
VALUES = np.round(1000 * np.abs(X) + 1, 2)


@pytest.mark.parametrize("decorate", ["{}", "{} €", "EUR {}", "{}%", '"{}"'])
def test_numbers_in_any_dress(tmp_path: Path, decorate: str) -> None:
    target = problem(tmp_path, [decorate.format(number) for number in NUMBERS])
    true = np.concatenate([part.true for part in (target.train, target.validation, target.test)])
    np.testing.assert_allclose(np.sort(true), np.sort(VALUES))
    assert isinstance(target.target, RegressionTarget) and target.target.decimal == ","


@pytest.mark.parametrize("word", ["<1,0", "trace", "12.5", "1,2,3", "n/a?"])
def test_a_word_among_numbers_is_refused_with_its_row_or_left_out_as_asked(tmp_path: Path, word: str) -> None:
    cells = [*NUMBERS[:7], word, *NUMBERS[8:]]
    with pytest.raises(DataError, match=r"in row 8, but the other cells are numbers") as caught:
        problem(tmp_path, cells)
    assert repr(word) in str(caught.value)
    for wishes in ({"task": "regression"}, {"types": {"y": "number"}}):
        learned = problem(tmp_path, cells, **wishes)
        assert sum(map(len, (learned.train, learned.validation, learned.test))) == ROWS - 1
        assert any(repr(word) in note and "1 row" in note for note in learned.notes)


def test_one_word_for_many_cells_is_no_class_among_numbers(tmp_path: Path) -> None:
    for every in (5, 2):
        cells = ["trace" if number % every == 0 else cell for number, cell in enumerate(NUMBERS)]
        with pytest.raises(DataError, match=rf"'trace' in row 1, the first of {ROWS // every} such cells"):
            problem(tmp_path, cells)
    with pytest.raises(DataError, match="contains 'x' in row 1, but the other cells are numbers"):
        problem(tmp_path, ["x", *["0", "1"] * 59, "1"])
    # Enough rows for a separate class.
    target = problem(tmp_path, ["3", "4", "5+"] * 40).target
    assert isinstance(target, ClassTarget) and target.classes == ["3", "4", "5+"]


@pytest.mark.parametrize("mark", ["NA", "-", "n.d.", "#REF!", "?"])
def test_marks_among_numbers_are_missing(tmp_path: Path, mark: str) -> None:
    learned = problem(tmp_path, [mark, *NUMBERS[1:]])
    assert isinstance(learned.target, RegressionTarget)
    assert any(repr(mark) in note and "as missing" in note for note in learned.notes)


def test_dates_are_refused_as_in_parquet(tmp_path: Path) -> None:
    for shape in ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y %I:%M %p"):
        days = pd.date_range("2021-01-01", periods=30).repeat(4).strftime(shape)
        with pytest.raises(DataError, match="contains dates"):
            problem(tmp_path, list(days))
    with pytest.raises(DataError, match="requires a numeric target, but 'y' contains 'Oslo' in row 1"):
        problem(tmp_path, ["Oslo", "Rome"] * 60, task="regression")
