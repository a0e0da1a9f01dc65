"""Reading tables: dialects of CSV, Parquet, and the errors for other files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from fitwell._data.table_reader import is_table_file, read_table
from fitwell.errors import DataError, FileError

PLAIN = pd.DataFrame({"name": ["Ann", "Bo"], "size": [1234.5, 2.25]})


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("name,size\nAnn,1234.5\nBo,2.25\n", "utf-8"),
        ("name,size\r\nAnn,1234.5\r\nBo,2.25", "utf-8-sig"),
        ("name\tsize\nAnn\t1234.5\nBo\t2.25\n", "utf-16"),
        ("name;size\nAnn;1234,5\nBo;2,25\n", "utf-8"),
        ("name;size\nAnn;1.234,5\nBo;2,25\n", "utf-8"),
        ("name;size\nAnn;1234.5\nBo;2.25\n", "utf-8"),
        ("name | size\nAnn | 1234.5\nBo | 2.25\n", "utf-8"),
        (' name , size\n"Ann", 1234.5\n"Bo", 2.25\n', "utf-8"),
        ("name,size\nAnn,1234.5\nBo,2.25\n\n\n", "utf-8"),
    ],
)
def test_dialects_give_the_same_table(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    frame = read_table(path)
    assert [str(name).strip() for name in frame["name"]] == ["Ann", "Bo"]
    assert frame["size"].tolist() == [1234.5, 2.25]
    assert list(frame.columns) == ["name", "size"]


def test_a_comma_in_quotes_is_no_separator(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('who;what\n"a, b, c";1\n"d, e, f";2\n')
    assert read_table(path)["who"].tolist() == ["a, b, c", "d, e, f"]


def test_one_column_needs_no_separator(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("size\n1\n2\n")
    assert read_table(path)["size"].tolist() == [1, 2]


def test_a_separator_at_the_end_of_lines_shifts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2,\n3,4,\n")
    frame = read_table(path)
    assert frame["a"].tolist() == [1, 3] and frame["b"].tolist() == [2, 4]


def test_windows_letters_are_read_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    # The letter comes after the sample from which the dialect is guessed.
    path.write_bytes(b"city,n\n" + b"Oslo,1\n" * 20_000 + "Zürich,2\n".encode("cp1252"))
    notes: list[str] = []
    assert read_table(path, notes=notes)["city"].iloc[-1] == "Zürich"
    assert any("Windows-1252" in note for note in notes)
    assert notes[0] == "Read 20,001 rows and 2 columns from t.csv."


def test_gzip_and_parquet(tmp_path: Path) -> None:
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(PLAIN.to_csv(index=False).encode()))
    PLAIN.to_parquet(tmp_path / "t.parquet")
    assert (
        read_table(tmp_path / "t.csv.gz").to_dict()
        == read_table(tmp_path / "t.parquet").to_dict()
        == PLAIN.to_dict()
    )


def test_a_named_index_of_a_parquet_file_is_a_column(tmp_path: Path) -> None:
    PLAIN.set_index("name").to_parquet(tmp_path / "t.parquet")
    assert sorted(read_table(tmp_path / "t.parquet").columns) == ["name", "size"]


def test_numbers_that_are_categories_in_a_parquet_file_stay_some(tmp_path: Path) -> None:
    table = pd.DataFrame({"code": pd.Categorical([20, 10, None]), "kind": pd.Categorical(["a", "b", "a"])})
    table.to_parquet(tmp_path / "t.parquet")
    dtypes = read_table(tmp_path / "t.parquet").dtypes
    assert all(isinstance(dtype, pd.CategoricalDtype) for dtype in dtypes)


def test_columns_can_be_read_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("zip , n\n007,1\n,2\n")
    assert read_table(path)["zip"].iloc[0] == "007", "zeros in front say that it is a code"
    path.write_text("zip , n\n7,1\n,2\n")
    assert read_table(path, text_columns=["n"])["zip"].iloc[0] == 7
    path.write_text("zip , n\n007,1\n,2\n")
    frame = read_table(path, text_columns=["zip"])
    assert frame["zip"].iloc[0] == "007" and pd.isna(frame["zip"].iloc[1])


def test_a_name_after_a_space_is_read_as_it_is_written_too(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('n, "zip"\n1, "007"\n')
    assert read_table(path, text_columns=["zip"])["zip"].tolist() == ["007"]


def test_points_between_digits_are_thousands_only_where_they_can_be(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "day;size;share;many\n31.12.2024;1.234,5;0.2;1.000\n01.02.2025;2,5;1;12\n03.02.2025;3,5;;\n"
    )
    frame = read_table(path)
    assert frame["day"].tolist() == ["31.12.2024", "01.02.2025", "03.02.2025"]
    assert frame["size"].tolist() == [1234.5, 2.5, 3.5]
    assert frame["share"].tolist()[:2] == [0.2, 1.0], "no group of thousands begins with 0"
    assert frame["many"].tolist()[:2] == [1000, 12]


def test_what_may_be_thousands_is_no_evidence_for_a_decimal_point(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("share;people\n0,5;1.250\n;12.000\n;9.000\n")
    assert read_table(path)["people"].tolist() == [1250, 12000, 9000]
    path.write_text("share;people\n0.125;1,250\n0.25;12,000\n;9,000\n")
    assert read_table(path)["share"].tolist()[:2] == [0.125, 0.25]


def test_question_marks_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n?,x\n2,-\n")
    assert read_table(path).isna().to_numpy().tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("t.csv", b"", DataError, "is empty"),
        ("t.csv", b"\n\n", DataError, "is empty"),
        ("t.csv", b"\xef\xbb\xbf\r\n", DataError, "is empty"),
        (
            "t.csv",
            b"a,b\nr1,1,2\nr2,3,4\n",
            DataError,
            "some lines have more cells than there are column names",
        ),
        ("t.csv", b"a,b\n\x81,1\n", DataError, "neither as UTF-8 nor as Windows-1252"),
        ("t.csv.gz", gzip.compress(b"a,b\n", mtime=0)[:12] + b"\xff" * 20, FileError, "cannot read"),
        ("t.csv", b"PK\x03\x04\x00\x00\x00binary", DataError, "binary data"),
        ("t.csv", b"a,b\n1,2\n3,4,5,6\n", DataError, "not a table separated by commas.*line 3"),
        ("t.parquet", b"not parquet at all", DataError, "not a Parquet file"),
        ("t.csv.gz", b"not gzip", FileError, "cannot read"),
        ("t.xlsx", b"x", FileError, "fitwell reads .csv"),
    ],
)
def test_what_is_no_table_is_refused(
    tmp_path: Path, name: str, content: bytes, error: type[Exception], words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=words):
        read_table(tmp_path / name)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"none\.csv does not exist"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(FileError, match="is a folder"):
        read_table(tmp_path / "folder.csv")


@pytest.mark.parametrize("header", ["a,a ", "a,a"])
def test_two_columns_of_one_name_are_refused(tmp_path: Path, header: str) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\n1,2\n")
    with pytest.raises(DataError, match="rename the duplicates of 'a'"):
        read_table(tmp_path / "t.csv")


def test_names_that_are_tables() -> None:
    assert is_table_file("x/T.CSV") and is_table_file("t.csv.gz") and is_table_file("t.parquet")
    assert not is_table_file("digits") and not is_table_file("model.keras")
