"""Human-readable numbers, and the meaning of their separators."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitwell._data.conversion import to_numeric
from fitwell._data.decimal_inference import infer_decimals
from fitwell._data.number_parsing import count_number_formats, parse_number, parse_numbers

NAN = float("nan")


@pytest.mark.parametrize(
    ("text", "point", "comma"),
    [
        ("12", 12, 12),
        ("12.5", 12.5, NAN),
        ("12,5", NAN, 12.5),
        ("1.250", 1.25, 1250),
        ("1,250", 1250, 1.25),
        ("0.377", 0.377, NAN),
        ("0,377", NAN, 0.377),
        ("1,234.5", 1234.5, NAN),
        ("1.234,5", NAN, 1234.5),
        ("1.234.567", NAN, 1234567),
        ("12,34,567.5", 1234567.5, NAN),
        ("1'234.50", 1234.5, NAN),
        ("1’234", 1234, 1234),
        ("1 234,56", NAN, 1234.56),
        ("1\u00a0234.5", 1234.5, NAN),
        ("1\u202f234,5", NAN, 1234.5),
        (".5", 0.5, NAN),
        (",5", NAN, 0.5),
        ("5.", 5, NAN),
        ("-5", -5, -5),
        ("+5", 5, 5),
        ("\u22125", -5, -5),
        ("–5", -5, -5),
        ("5-", -5, -5),
        ("- 5", -5, -5),
        ("(5)", -5, -5),
        ("(1,234.50)", -1234.5, NAN),
        ("-$1,234.50", -1234.5, NAN),
        ("$-12.5", -12.5, NAN),
        ("$(12.5)", -12.5, NAN),
        ("($12.5)", -12.5, NAN),
        ("(5)%", -5, -5),
        ("5 €-", -5, -5),
        ("1.234,50 €", NAN, 1234.5),
        ("EUR 12,5", NAN, 12.5),
        ("12.5usd", 12.5, NAN),
        ("5 kr.", 5, 5),
        ("₹1,23,456", 123456, NAN),
        ("12,5%", NAN, 12.5),
        ("%5", 5, 5),
        ("12,-", 12, 12),
        ("1'250.–", 1250, 1250),
        ("1.5E+03", 1500, NAN),
        ("1,5e3", NAN, 1500),
        # Strings that are not numbers.
        ("--5", NAN, NAN),
        ("-(5)", NAN, NAN),
        ("(5", NAN, NAN),
        ("5 5", NAN, NAN),
        ("1 23", NAN, NAN),
        ("1,23,45", NAN, NAN),
        ("1.2.3", NAN, NAN),
        ("10.12.2021", NAN, NAN),
        ("2021-10-12", NAN, NAN),
        ("10:30", NAN, NAN),
        ("$5 €", NAN, NAN),
        ("5 apples", NAN, NAN),
        ("1e999", NAN, NAN),
        ("inf", NAN, NAN),
        ("0x1F", NAN, NAN),
        ("1_000", NAN, NAN),
        ("-", NAN, NAN),
        ("€", NAN, NAN),
        ("", NAN, NAN),
    ],
)
def test_a_cell_is_read_by_either_mark(text: str, point: float, comma: float) -> None:
    for decimal, expected in ((".", point), (",", comma)):
        np.testing.assert_equal(parse_number(text, decimal), expected)
        # The quick ways for whole columns say the same, in every type that text comes in.
        for kind in ("str", object):
            column = pd.Series([text, "2", text, None], dtype=kind)
            np.testing.assert_equal(parse_numbers(column, decimal), [expected, 2, expected, np.nan])


def test_random_numbers_come_back_in_every_style() -> None:
    random = np.random.default_rng(0)
    numbers = np.round(random.normal(size=200) * 10.0 ** random.integers(0, 8, 200), 3)
    for decimal, group in ((".", ","), (",", "."), (",", " "), (".", "'"), (",", "\u202f")):
        marks = str.maketrans({",": group, ".": decimal})
        column = pd.Series([f"{number:,.3f}".translate(marks) for number in numbers])
        np.testing.assert_allclose(parse_numbers(column, decimal), numbers, rtol=1e-12)
        assert count_number_formats(column).decimal == decimal
        np.testing.assert_allclose(to_numeric(column), numbers, rtol=1e-12)


def test_other_values_among_text() -> None:
    column = pd.Series(["1,5", 2, 2.5, True, None, [1], "x"], dtype=object)
    np.testing.assert_equal(parse_numbers(column, ","), [1.5, 2, 2.5, 1, np.nan, np.nan, np.nan])


def marks(
    *columns: list[str], separator: str = ",", known: list[str | None] | None = None
) -> list[str | None]:
    shapes = {str(number): count_number_formats(pd.Series(cells)) for number, cells in enumerate(columns)}
    before = dict(zip(shapes, known)) if known else None
    return list(infer_decimals(shapes, separator=separator, known=before).columns.values())


CLEAR_COMMA, CLEAR_POINT, OPEN = ["1,5", "20,25"], ["1.5", "20.25"], ["1.250", "4.100"]


def test_the_mark_of_a_column_is_decided_by_the_rules_in_their_order() -> None:
    # 1. Its own cells; a stray one among many tells nothing.
    assert marks(CLEAR_COMMA, CLEAR_POINT) == [",", "."]
    assert marks(CLEAR_COMMA, ["12.5", *OPEN * 20]) == [",", ","]
    # 2. The separator in training, unless the table has the other one.
    assert marks(OPEN, known=[","]) == [","]
    assert marks(OPEN, CLEAR_POINT, known=[",", ","]) == [".", "."]
    assert marks(OPEN, CLEAR_COMMA, ["7.5"], known=[",", ",", ","]) == [",", ",", "."]
    # 3. The other columns.
    assert marks(OPEN, CLEAR_COMMA) == [",", ","]
    assert marks(OPEN, CLEAR_POINT, CLEAR_POINT, CLEAR_COMMA) == [".", ".", ".", ","]
    # 4. Other numbers without a separator.
    assert marks([*OPEN, "950"]) == [","]
    assert marks(["1,250", "950"]) == ["."]
    # 5. The separator.
    assert marks(OPEN) == ["."]
    assert marks(OPEN, separator=";") == [","]
    assert marks(["1,250", "4,100"]) == ["."]
    assert marks(["12", "13"]) == [None]


def test_a_guess_is_reported_with_an_example() -> None:
    notes: list[str] = []
    infer_decimals({"a": count_number_formats(pd.Series(OPEN))}, separator=";", notes=notes)
    assert notes == [
        "The numbers in 'a', such as 1.250, may have decimal or thousands separators. The table is "
        "ambiguous, so they were read with decimal commas; for example, 1.250 means 1250."
    ]
    notes = []
    infer_decimals({"a": count_number_formats(pd.Series(CLEAR_COMMA))}, known={"a": "."}, notes=notes)
    assert "'a' have decimal commas here but not in training" in notes[0]
