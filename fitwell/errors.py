"""Every error fitwell raises, and the words they share.

All derive from `FitwellError` and from the built-in class that a caller would expect, so both
``except FitwellError`` and ``except ValueError`` work. A message says what was expected, what came,
where, and what to write instead.
"""

from __future__ import annotations

import difflib
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from fitwell._escaping import escape_controls

_package = f"{Path(__file__).parent}{os.sep}"
# What may stand between a user's line and the one of ours that warns: a program being traced, an import, a `with`.
_TRANSPARENT_PACKAGES = ("jax", "jaxlib", "importlib", "contextlib", "functools")


class FitwellError(Exception):
    """Base class of all errors raised on purpose by fitwell.

    Its text may name what a stranger's file holds: control characters are shown, so that no terminal obeys them.
    """

    def __str__(self) -> str:
        return escape_controls(super().__str__())


class InvalidArgument(FitwellError, ValueError):
    """An argument that cannot be honoured."""


class ShapeError(FitwellError, ValueError):
    """Two shapes that do not fit each other."""


class DataError(FitwellError, ValueError):
    """Data that cannot be trained on or predicted from."""


class UnexpectedArgument(FitwellError, TypeError):
    """An argument that a call does not have."""


class UnknownName(FitwellError, ValueError):
    """A name that no registered object has."""


class StateError(FitwellError, RuntimeError):
    """A call made too early or too late, such as `fit` before `compile`."""


class FileError(FitwellError, OSError):
    """A file or folder that cannot be read or written as asked."""


class WeightsMismatch(FileError, ShapeError):
    """Weights in a file that do not fit the model they are read into."""


class OutOfMemory(FitwellError, MemoryError):
    """More memory was asked for than there is."""


class NotDefined(FitwellError, NotImplementedError):
    """A method that a subclass must define."""


class MissingExtra(FitwellError, ImportError):
    """An optional library that is not installed."""


class NonFiniteWarning(UserWarning):
    """The loss became NaN or infinite; training stopped at the last good weights."""


class MistakeWarning(UserWarning):
    """What is about to be trained is nearly always meant otherwise; the text says what to write."""


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line of the user's program that called fitwell, however deep inside the reason is found.

    As of an error's, the control characters of the text are shown.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_internal_frame(frame):
        frame = frame.f_back
    names = frame.f_globals
    warnings.warn_explicit(
        escape_controls(message),
        category,
        frame.f_code.co_filename,
        frame.f_lineno,
        module=names.get("__name__"),
        registry=names.setdefault("__warningregistry__", {}),
    )


def _is_internal_frame(frame: FrameType) -> bool:
    room = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    return frame.f_code.co_filename.startswith(_package) or room in _TRANSPARENT_PACKAGES


def raise_if_out_of_memory(error: BaseException, what: str, advice: str) -> None:
    """Raise `OutOfMemory` if `error` says so, in Python's, NumPy's or XLA's words; return otherwise.

    what: who asked for it. advice: what to write instead.
    """
    said = str(error).removeprefix("RESOURCE_EXHAUSTED: ")
    if isinstance(error, MemoryError) or said != str(error):
        first = said.partition("\n")[0][:200] or "nothing more is known"
        raise OutOfMemory(f"{what} needs more memory than there is ({first}): {advice}") from error


class TracingWarning(UserWarning):
    """The user's code does not do what it seems to once it is compiled: it happens one time, or with other shapes."""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ``", did you mean 'x'?"`` for the valid name closest to `name`, else an empty string."""
    by_lower = {candidate.lower(): candidate for candidate in names}
    match = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f", did you mean {by_lower[match[0]]!r}?" if match else ""


def unknown_name_error(
    kind: str, name: str, names: Iterable[str], spellings: Iterable[str] = ()
) -> UnknownName:
    """Build the error for a `name` that no `kind` has, with the nearest valid one.

    spellings: the names as they may also be written, to choose the nearest from.
    """
    known = sorted(set(names))
    hint = did_you_mean(name, [*spellings] or known) or "."
    return UnknownName(f"unknown {kind} {name!r}{hint} Known: {', '.join(known)}.")


def missing_extra_error(library: str, extra: str, purpose: str) -> MissingExtra:
    """Build the error for a `library` that `purpose` needs and that comes with ``fitwell[extra]``."""
    return MissingExtra(f"{purpose} needs {library}, which is not installed: pip install 'fitwell[{extra}]'")


@contextmanager
def add_error_note(note: str, kind: type[Exception] = Exception) -> Iterator[None]:
    """Add `note` to errors of that kind that leave the block."""
    try:
        yield
    except kind as error:
        error.add_note(escape_controls(note))
        raise


class ErrorCollector:
    """Collects several mistakes in one call, so that a user sees them all at once.

    >>> problems = ErrorCollector("compile")
    >>> problems.add("loss is missing")
    >>> problems.raise_any()
    Traceback (most recent call last):
    fitwell.errors.InvalidArgument: compile: loss is missing
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.found: list[str] = []

    def add(self, message: str) -> None:
        """Note one mistake."""
        self.found.append(message)

    def raise_if_any(self, error: type[FitwellError] = InvalidArgument) -> None:
        """Raise `error` naming every mistake noted so far; return when there is none."""
        if self.found:
            self._raise(error)

    def _raise(self, error: type[FitwellError]) -> NoReturn:
        if len(self.found) == 1:
            raise error(f"{self.where}: {self.found[0]}")
        lines = "".join(f"\n  - {problem}" for problem in self.found)
        raise error(f"{self.where}: {len(self.found)} problems:{lines}")
