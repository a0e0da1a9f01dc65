"""Untrusted strings are shown and never executed."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

import fitwell as fw
from fitwell._escaping import escape_controls, short_repr
from fitwell.cli.console import Console
from fitwell.errors import DataError, FileError, FitwellError, add_error_note


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("é 日本 👩‍👩‍👧 a\xa0b", "é 日本 👩‍👩‍👧 a\xa0b"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b2J", r"\x9b2J"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("over\rwritten", r"over\rwritten"),
        ("\x00\x08\x7f", r"\x00\x08\x7f"),
        ("a\u202egpj.exe", r"a\u202egpj.exe"),
        ("a\u2028b", r"a\u2028b"),
        ("half \ud83d", r"half \ud83d"),
        ("[red]not markup[/red]", "[red]not markup[/red]"),
    ],
)
def test_control_characters_are_shown(text: str, shown: str) -> None:
    assert escape_controls(text) == shown
    escape_controls(text).encode()


def test_what_is_shortened_stays_short_and_readable() -> None:
    assert short_repr("name") == "'name'"
    assert short_repr("name", quote=False) == "name"
    for value in (
        "x" * 10**6,
        ["y" * 1000] * 1000,
        10**5000,
        {"a": {"b": [1] * 1000}},
        np.zeros(10**6),
        "\x1b" * 99,
    ):
        assert len(short_repr(value)) <= 80
        assert "\x1b" not in short_repr(value)


@pytest.mark.parametrize("kind", [FitwellError, DataError, FileError])
def test_no_error_sends_control_characters_to_a_terminal(kind: type[FitwellError]) -> None:
    with pytest.raises(kind) as caught, add_error_note("noted \x1b[31m"):
        raise kind("the column \x1b[2J is odd")
    assert str(caught.value) == r"the column \x1b[2J is odd"
    assert caught.value.__notes__ == [r"noted \x1b[31m"]


def test_an_error_keeps_what_the_system_told() -> None:
    error = FileError(28, "No space left on device", "x\x1b")
    assert error.errno == 28
    assert str(error) == r"[Errno 28] No space left on device: 'x\x1b'"


def test_the_summary_of_a_stranger_s_model_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    model = fw.Sequential([fw.Input((2,)), fw.layers.Dense(1, name="\x1b[31mred")], name="\x1b[2Jcleared")
    model.summary()
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    for text in (capsys.readouterr().out, "\n".join(lines)):
        assert "\x1b" not in text
        assert r"\x1b[31mred" in text
        assert r"\x1b[2Jcleared" in text


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_terminals_of_few_characters_are_written_to(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    held = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(held, encoding=encoding))
    model = fw.Sequential([fw.Input((2,)), fw.layers.Dense(1, name="größe→")])
    model.compile("sgd", "mse", metrics=[fw.metrics.MeanAbsoluteError(name="größe→")])
    model.summary()
    model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=1, verbose=2)
    Console(sys.stdout).print("the column größe→")
    sys.stdout.flush()
    shown = held.getvalue().decode(encoding)
    name = {"ascii": r"gr\xf6\xdfe\u2192", "cp1252": r"größe\u2192", "utf-8": "größe→"}[encoding]
    assert shown.count(name) == 3, shown
    assert ("━━" if encoding == "utf-8" else "==") in shown
