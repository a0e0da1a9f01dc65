"""The command ``fitwell``: train on a table or a data set, predict with what was trained."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from fitwell.cli.parser import parse
from fitwell.errors import FitwellError

EXIT_INTERRUPTED = 130
EXIT_ERROR = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the arguments `argv`, by default the process's own.

    Returns the exit code: 0; 2 after a mistake, which is told in one message on standard error; 130 after
    Ctrl-C, also when what was learned until then was kept and reported.
    """
    from fitwell.cli.console import stderr_console

    options = parse(argv)
    try:
        with _one_line_warnings():
            return int(options.run(options))
    except KeyboardInterrupt:
        stderr_console().print("fitwell: interrupted")
        return EXIT_INTERRUPTED
    except FitwellError as error:
        stderr_console().print(f"fitwell: error: {error}")
        return EXIT_ERROR
    except MemoryError as error:
        stderr_console().print(
            f"fitwell: error: there is not enough memory ({error or 'nothing more is known'})"
        )
        return EXIT_ERROR
    except OSError as error:
        # A full disk, a file that vanished: no fault of the program either.
        place = f"{error.filename}: " if error.filename else ""
        stderr_console().print(f"fitwell: error: {place}{error.strerror or error}")
        return EXIT_ERROR


@contextlib.contextmanager
def _one_line_warnings() -> Iterator[None]:
    from fitwell.cli.console import stderr_console

    def show(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
        if not issubclass(category, DeprecationWarning):
            stderr_console().print(f"fitwell: warning: {message}")

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = show
        yield


__all__ = ["main"]
