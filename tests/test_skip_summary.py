"""The summary of skipped tests."""

from __future__ import annotations

from tests.skip_summary import MAX_LINES, summarize


def test_reasons_are_counted_and_the_most_frequent_comes_first() -> None:
    assert summarize(["a", "Skipped: b", "b"]) == ["2 skipped: b", "1 skipped: a"]
    assert summarize([]) == []


def test_there_are_at_most_ten_lines() -> None:
    few = [f"reason {i}" for i in range(MAX_LINES)]
    assert len(summarize(few)) == MAX_LINES
    lines = summarize([*few, *few, "rare", "rarer"])
    assert len(lines) == MAX_LINES
    assert lines[-1] == "4 skipped for 3 other reasons (-rs lists them)"


def test_a_reason_takes_one_line() -> None:
    assert summarize(["not found. Looked in:\n  - here\n  - there"]) == ["1 skipped: not found. Looked in:"]
