"""Human-readable dates and times, compared with pandas parsing the format that wrote them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitwell._data.date_formats import infer_date_format
from fitwell._data.date_parsing import to_datetime

RANDOM = np.random.default_rng(0)
WHEN = pd.Timestamp("2019-02-01") + pd.to_timedelta(RANDOM.integers(0, 1500, 80), "D")
WHEN += pd.to_timedelta(RANDOM.integers(0, 86_400, 80), "s")
GERMAN = ["Jan.", "Feb.", "März", "April", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."]
FRENCH = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
]


@pytest.mark.parametrize(
    ("written", "read_as", "exact_to"),
    [
        ("%Y-%m-%d", "ISO8601", "D"),
        ("%Y-%m-%dT%H:%M:%SZ", "ISO8601", "s"),
        ("%Y-%m-%d %H:%M:%S.250", "ISO8601", "s"),
        ("%Y-%m-%d %H:%M:%S UTC", "ISO8601", "s"),
        ("%Y-%m-%d %I:%M:%S %p", "%Y-%m-%d %I:%M:%S %p", "s"),
        ("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M", "min"),
        ("%d.%m.%y", "%d.%m.%y", "D"),
        ("%m/%d/%Y", "%m/%d/%Y", "D"),
        ("%d/%m/%Y", "%d/%m/%Y", "D"),
        ("%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M %p", "min"),
        ("%m/%d/%Y %I:%M:%S%p", "%m/%d/%Y %I:%M:%S %p", "s"),
        ("%d/%m/%Y %H:%M:%S +0000", "%d/%m/%Y %H:%M:%S%z", "s"),
        ("%m-%d-%Y", "%m-%d-%Y", "D"),
        ("%d-%b-%y", "%d-%b-%y", "D"),
        ("%d%b%Y", "%d%b%Y", "D"),
        ("%d%b%Y:%H:%M:%S", "%d%b%Y %H:%M:%S", "s"),
        ("%d/%b/%Y:%H:%M:%S +0000", "%d/%b/%Y %H:%M:%S%z", "s"),
        ("%a %b %d %H:%M:%S %Y", "%b %d %Y %H:%M:%S", "s"),
        ("%B %d, %Y", "%b %d %Y", "D"),
        ("%A, %d %B %Y", "%d %b %Y", "D"),
        ("%a, %d %b %Y %H:%M:%S GMT", "%d %b %Y %H:%M:%S", "s"),
        ("%d-%b-%y %I.%M.%S %p", "%d-%b-%y %I:%M:%S %p", "s"),
    ],
)
def test_a_format_is_found_and_read(written: str, read_as: str, exact_to: str) -> None:
    cells = pd.Series(WHEN.strftime(written))
    found = infer_date_format(cells)
    assert found is not None and found.pattern == read_as
    got = to_datetime(cells, found.pattern).dt.floor(exact_to)
    assert (got.to_numpy() == WHEN.floor(exact_to).to_numpy()).all()


def test_months_have_names_in_several_languages() -> None:
    for names, shape in ((GERMAN, "{}. {} {}"), (FRENCH, "{} {} {}")):
        cells = pd.Series([shape.format(day.day, names[day.month - 1], day.year) for day in WHEN])
        found = infer_date_format(cells)
        assert found is not None and found.pattern == "%d %b %Y"
        assert (to_datetime(cells, found.pattern).to_numpy() == WHEN.floor("D").to_numpy()).all()


def test_times_alone_and_times_left_out() -> None:
    cells = pd.Series(WHEN.strftime("%I:%M %p"))
    found = infer_date_format(cells)
    assert found is not None and found.pattern == "%I:%M %p"
    hours = to_datetime(cells, found.pattern).dt.hour
    assert hours.tolist() == list(WHEN.hour)
    cells = pd.Series(
        [f"{day:%d.%m.%Y}" if number % 5 == 0 else f"{day:%d.%m.%Y %H:%M}" for number, day in enumerate(WHEN)]
    )
    found = infer_date_format(cells)
    assert found is not None and to_datetime(cells, found.pattern).notna().all()


def test_one_row_tells_day_first() -> None:
    open_ = [f"{1 + number % 12:02d}/{1 + number % 11:02d}/2021" for number in range(500)]
    found = infer_date_format(pd.Series(open_))
    assert found is not None and found.pattern == "%m/%d/%Y"
    assert [rival.pattern for rival in found.alternatives] == ["%d/%m/%Y"]
    found = infer_date_format(pd.Series([*open_, "31/10/2021"]))
    assert found is not None and found.pattern == "%d/%m/%Y" and not found.alternatives


@pytest.mark.parametrize(
    "cells",
    [
        ["10.0.0.1", "10.0.0.2"], ["1.2.3", "1.2.4"], ["A12", "B13"], ["555-1234", "555-9876"],
        ["Mar", "Apr"], ["May 5 apples", "x"], ["10-20", "20-30"], ["Room 12-13", "Room 1"], ["1/2", "3/4"],
    ],
)  # fmt: skip
def test_what_only_looks_like_dates_is_none(cells: list[str]) -> None:
    assert infer_date_format(pd.Series(cells * 10)) is None


def test_some_cells_may_be_something_else() -> None:
    days = list(WHEN.strftime("%Y-%m-%d"))
    assert infer_date_format(pd.Series(["unknown", "never", "0000-00-00", *days])) is not None
    assert infer_date_format(pd.Series(["0000-00-00"] * 60 + days)) is not None, "one word for many"
    many = [f"word {number}" for number in range(20)]
    assert infer_date_format(pd.Series(many + days)) is None
    assert infer_date_format(pd.Series(many + days), requested=True) is not None
