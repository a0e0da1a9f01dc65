"""The command ``fitwell``: train on a table or a data set, predict with what was trained."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from fitwell.cli.arguments import parse
from fitwell.errors import FitwellError

INTERRUPTED = 130
MISTAKE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the arguments `argv`, by default the process's own.

    Returns the exit code: 0; 2 after a mistake, which is told in one message on standard error; 130 after
    Ctrl-C, also when what was learned until then was kept and reported.
    """
    from fitwell.cli.console import errors

    options = parse(argv)
    try:
        with _warnings_in_one_line():
            return int(options.run(options))
    except KeyboardInterrupt:
        errors().print("fitwell: interrupted")
        return INTERRUPTED
    except FitwellError as error:
        errors().print(f"fitwell: error: {error}")
        return MISTAKE
    except MemoryError as error:
        errors().print(f"fitwell: error: there is not enough memory ({error or 'nothing more is known'})")
        return MISTAKE
    except OSError as error:
        # A full disk, a file that vanished: no fault of the program either.
        place = f"{error.filename}: " if error.filename else ""
        errors().print(f"fitwell: error: {place}{error.strerror or error}")
        return MISTAKE


@contextlib.contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    from fitwell.cli.console import errors

    def show(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
        if not issubclass(category, DeprecationWarning):
            errors().print(f"fitwell: warning: {message}")

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = show
        yield


__all__ = ["main"]
