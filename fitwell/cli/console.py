"""Consoles that print the command line's output as plain text and let the terminal wrap it."""

from __future__ import annotations

import sys
from typing import Any

from fitwell._escaping import escape_controls, escape_unencodable

__all__ = [
    "Console",
    "stderr_console",
    "stdout_console",
]


class Console:
    """A console that prints text without markup, highlighting or line wrapping, and escapes control characters."""

    def __init__(self, stream: Any) -> None:
        from rich.console import Console as RichConsole

        self._stream = stream
        self._rich = RichConsole(file=stream, soft_wrap=True, markup=False, highlight=False, emoji=False)

    def print(self, text: str = "", style: str | None = None) -> None:
        """Print one paragraph."""
        self._rich.print(escape_unencodable(escape_controls(text), self._stream), style=style)


def stdout_console() -> Console:
    """Return a console for the current standard output, which tests and notebooks may replace."""
    return Console(sys.stdout)


def stderr_console() -> Console:
    """Return a console for the current standard error."""
    return Console(sys.stderr)
