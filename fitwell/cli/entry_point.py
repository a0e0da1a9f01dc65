"""The function that ``fitwell`` and ``python -m fitwell`` run."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from fitwell._file_io import os_error_reason
from fitwell.cli.exit_codes import EXIT_ERROR, EXIT_INTERRUPTED
from fitwell.cli.parser import parse
from fitwell.errors import FitwellError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv (Sequence[str] | None): Arguments without the program name. Default: None, which uses `sys.argv`.

    Returns:
        int: The exit code. It is 0 on success, and 2 after an error, whose message is printed to standard error. After
            Ctrl-C it is 130, even if the model trained so far was kept and reported.

    Example:
        >>> from fitwell.cli import main
        >>> main(["train", "digits", "--epochs", "5"])  # doctest: +SKIP
        0
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
        message = str(error)
    except MemoryError as error:
        message = f"out of memory ({error or 'no further details'})"
    except OSError as error:
        # A full disk or a deleted file is not a bug in fitwell, so print a message instead of a traceback.
        place = f"{error.filename}: " if error.filename else ""
        message = f"{place}{os_error_reason(error)}"
    stderr_console().print(f"fitwell: error: {message}")
    return EXIT_ERROR


@contextlib.contextmanager
def _one_line_warnings() -> Iterator[None]:
    """Print each warning on one line, without its position in the source code."""
    from fitwell.cli.console import stderr_console

    def show(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
        if not issubclass(category, DeprecationWarning):
            stderr_console().print(f"fitwell: warning: {message}")

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = show
        yield
