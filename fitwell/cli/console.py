"""Where the command line writes: plain words, wrapped by the terminal and not by us."""

from __future__ import annotations

import sys
from typing import Any

from fitwell._escaping import escape_controls, escape_unencodable


class Console:
    """Prints text as it is: no markup in it, no colours guessed, lines not cut, control characters shown."""

    def __init__(self, stream: Any) -> None:
        from rich.console import Console as RichConsole

        self._stream = stream
        self._rich = RichConsole(file=stream, soft_wrap=True, markup=False, highlight=False, emoji=False)

    def print(self, text: str = "", style: str | None = None) -> None:
        """Print one paragraph."""
        self._rich.print(escape_unencodable(escape_controls(text), self._stream), style=style)


def stdout_console() -> Console:
    """Return the console on standard output, as it is now: tests and notebooks replace it."""
    return Console(sys.stdout)


def stderr_console() -> Console:
    """Return the console on standard error."""
    return Console(sys.stderr)
