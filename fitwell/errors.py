"""Errors and warnings of fitwell, and helpers for their messages.

All errors derive from `FitwellError` and from the built-in class that a caller expects, so both
``except FitwellError`` and ``except ValueError`` work. A message gives the place, the expected and the received
value, and what to write instead.
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

__all__ = [
    "DataError",
    "FileError",
    "FitwellError",
    "InvalidArgument",
    "MissingExtra",
    "MistakeWarning",
    "NonFiniteWarning",
    "NotDefined",
    "OutOfMemory",
    "ShapeError",
    "StateError",
    "TracingWarning",
    "UnexpectedArgument",
    "UnknownName",
    "WeightsMismatch",
]

_package = f"{Path(__file__).parent}{os.sep}"
# Packages between the user's line and ours on the stack: tracing, an import, a `with`.
_TRANSPARENT_PACKAGES = ("jax", "jaxlib", "importlib", "contextlib", "functools")


class FitwellError(Exception):
    """Base class of all errors that fitwell raises deliberately.

    A message may quote an untrusted file, so control characters are escaped before a terminal sees them.

    Example:
        >>> import fitwell as fw
        >>> try:
        ...     fw.layers.Dense(0)
        ... except fw.errors.FitwellError as error:
        ...     print(error)
        Dense: units must be an integer of at least 1, got 0
    """

    def __str__(self) -> str:
        return escape_controls(super().__str__())


class InvalidArgument(FitwellError, ValueError):
    """An argument has an invalid value."""


class ShapeError(FitwellError, ValueError):
    """Shapes do not match."""


class DataError(FitwellError, ValueError):
    """The data cannot be used for training or prediction."""


class UnexpectedArgument(FitwellError, TypeError):
    """A call has no argument of this name."""


class UnknownName(FitwellError, ValueError):
    """No registered object has this name."""


class StateError(FitwellError, RuntimeError):
    """A method was called in the wrong state, such as `fit` before `compile`."""


class FileError(FitwellError, OSError):
    """A file or folder cannot be read or written."""


class WeightsMismatch(FileError, ShapeError):
    """The weights in a file do not match the model."""


class OutOfMemory(FitwellError, MemoryError):
    """An operation needs more memory than is available."""


class NotDefined(FitwellError, NotImplementedError):
    """A subclass does not define a required method."""


class MissingExtra(FitwellError, ImportError):
    """An optional library is not installed."""


class NonFiniteWarning(UserWarning):
    """The loss became NaN or infinite, so training stopped at the last finite weights."""


class MistakeWarning(UserWarning):
    """The model or the data contains a likely mistake. The message names the usual remedy."""


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line of the user's program that called fitwell, at any depth of the stack.

    Control characters in the message are escaped, as in errors.
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
    package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    return frame.f_code.co_filename.startswith(_package) or package in _TRANSPARENT_PACKAGES


def raise_if_out_of_memory(error: BaseException, what: str, advice: str) -> None:
    """Raise `OutOfMemory` if `error` is an out-of-memory error of Python, NumPy or XLA, and return otherwise.

    what: the operation, for the message.
    advice: the remedy, for the message.
    """
    said = str(error).removeprefix("RESOURCE_EXHAUSTED: ")
    if isinstance(error, MemoryError) or said != str(error):
        first = said.partition("\n")[0][:200] or "no details"
        raise OutOfMemory(f"{what} needs more memory than is available ({first}): {advice}") from error


class TracingWarning(UserWarning):
    """Compiled user code does not do what it seems to: a side effect happens only once, or shapes broadcast."""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ``", did you mean 'x'?"`` for the valid name closest to `name`, else an empty string."""
    by_lower = {candidate.lower(): candidate for candidate in names}
    match = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f", did you mean {by_lower[match[0]]!r}?" if match else ""


def unknown_name_error(
    kind: str, name: str, names: Iterable[str], spellings: Iterable[str] = ()
) -> UnknownName:
    """Return the error for an unknown `name` of a `kind`, with the closest valid name.

    spellings: other spellings of the names, from which the closest is chosen.
    """
    known = sorted(set(names))
    hint = did_you_mean(name, [*spellings] or known) or "."
    return UnknownName(f"unknown {kind} {name!r}{hint} Known: {', '.join(known)}.")


def missing_extra_error(library: str, extra: str, purpose: str) -> MissingExtra:
    """Return the error for a `library` that is missing for `purpose` and is installed by ``fitwell[extra]``."""
    return MissingExtra(f"{purpose} needs {library}, which is not installed: pip install 'fitwell[{extra}]'")


@contextmanager
def add_error_note(note: str, kind: type[Exception] = Exception) -> Iterator[None]:
    """Add `note` to errors of the class `kind` that leave the block."""
    try:
        yield
    except kind as error:
        error.add_note(escape_controls(note))
        raise


class ErrorCollector:
    """Collects the errors of one call and reports them together.

    >>> problems = ErrorCollector("compile")
    >>> problems.add("loss is missing")
    >>> problems.raise_if_any()
    Traceback (most recent call last):
    fitwell.errors.InvalidArgument: compile: loss is missing
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.found: list[str] = []

    def add(self, message: str) -> None:
        """Add the message of one error."""
        self.found.append(message)

    def raise_if_any(self, error: type[FitwellError] = InvalidArgument) -> None:
        """Raise `error` with all collected messages, or return if there are none."""
        if self.found:
            self._raise(error)

    def _raise(self, error: type[FitwellError]) -> NoReturn:
        if len(self.found) == 1:
            raise error(f"{self.where}: {self.found[0]}")
        lines = "".join(f"\n  - {problem}" for problem in self.found)
        raise error(f"{self.where}: {len(self.found)} problems:{lines}")


def __dir__() -> list[str]:
    return sorted(__all__)
