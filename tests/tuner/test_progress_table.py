"""Progress output of a search."""

from __future__ import annotations

import io
import sys

import pytest

from tests.tuner.search_worker import search


class Terminal(io.StringIO):
    """Standard output as a terminal."""

    def isatty(self) -> bool:
        return True


def test_it_is_quiet_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    search(":memory:", 2, verbose="auto")
    assert capsys.readouterr() == ("", "")


def test_asked_to_it_says_a_line_for_each_batch(capsys: pytest.CaptureFixture[str]) -> None:
    best = search(":memory:", 4, verbose=1, batch=2).trials["value"]
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"2 of 4 trials, best val_loss {best[:2].min():.5g}, ")
    assert second.startswith(f"4 of 4 trials, best val_loss {best.min():.5g}, ")


def test_in_a_terminal_it_is_a_table_of_the_best_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("TERM", "xterm")
    table = search(":memory:", 3, verbose="auto").trials.sort_values("value")
    shown = stream.getvalue()[stream.getvalue().rindex("3 of 3 trials") :]
    places = [shown.index(f"{rate:.4g} ") for rate in table["learning_rate"]]
    assert places == sorted(places) and "val_loss" in shown
