"""fitwell's errors and warnings, and helpers for their messages.

All errors derive from `FitwellError` and from the built-in class that a caller expects, so both
``except FitwellError`` and ``except ValueError`` work. A message says where the error occurred, what was
expected, what was received, and what to write instead.
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
# Packages that may be on the stack between the user's code and fitwell's, because of tracing, imports or
# `with`.
_TRANSPARENT_PACKAGES = ("jax", "jaxlib", "importlib", "contextlib", "functools")


class FitwellError(Exception):
    """Base class of all errors that fitwell raises deliberately.

    A message may quote an untrusted file, so control characters are escaped to protect the terminal.

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
    """Raised when an argument has an invalid value."""


class ShapeError(FitwellError, ValueError):
    """Raised when shapes do not match."""


class DataError(FitwellError, ValueError):
    """Raised when data cannot be used for training or prediction."""


class UnexpectedArgument(FitwellError, TypeError):
    """Raised when a function is called with an argument that it does not accept."""


class UnknownName(FitwellError, ValueError):
    """Raised when no registered object has the given name."""


class StateError(FitwellError, RuntimeError):
    """Raised when a method is called in the wrong state, such as `fit` before `compile`."""


class FileError(FitwellError, OSError):
    """Raised when a file or folder cannot be read or written."""


class WeightsMismatch(FileError, ShapeError):
    """Raised when the weights in a file do not match the model."""


class OutOfMemory(FitwellError, MemoryError):
    """Raised when an operation needs more memory than is available."""


class NotDefined(FitwellError, NotImplementedError):
    """Raised when a subclass does not define a required method."""


class MissingExtra(FitwellError, ImportError):
    """Raised when an optional library is not installed."""


class NonFiniteWarning(UserWarning):
    """Issued when the loss becomes NaN or infinite, and training stops with the last finite weights."""


class MistakeWarning(UserWarning):
    """Issued when the model or the data contains a likely mistake. The message suggests a fix."""


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Issue a warning at the line in the user's program that called fitwell, however deep the stack is.

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


def raise_if_out_of_memory(error: BaseException, operation: str, advice: str) -> None:
    """Raise `OutOfMemory` if `error` is an out-of-memory error from Python, NumPy or XLA.

    Args:
        error: The error to check.
        operation: The operation, for the message.
        advice: The suggested fix, for the message.
    """
    said = str(error).removeprefix("RESOURCE_EXHAUSTED: ")
    if isinstance(error, MemoryError) or said != str(error):
        first = said.partition("\n")[0][:200] or "no details"
        raise OutOfMemory(f"{operation} needs more memory than is available ({first}): {advice}") from error


class TracingWarning(UserWarning):
    """Issued when a side effect in compiled user code runs only once, or shapes are broadcast unexpectedly."""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ``". Did you mean 'x'?"`` with the valid name closest to `name`, or ``""`` if none is close."""
    closest = closest_name(name, names)
    return "" if closest is None else f". Did you mean {closest!r}?"


def closest_name(name: str, names: Iterable[str]) -> str | None:
    """Return the name in `names` that is closest to `name`, or None if none is close."""
    by_lower = {candidate.lower(): candidate for candidate in names}
    match = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[match[0]] if match else None


def unknown_name_error(
    kind: str, name: str, names: Iterable[str], spellings: Iterable[str] = ()
) -> UnknownName:
    """Return an error for an unknown name, with a message that suggests the closest valid name.

    Args:
        kind: The kind of object, such as ``"optimizer"``.
        name: The unknown name.
        names: All valid names.
        spellings: Alternative spellings of the valid names. If this is not empty, the suggestion is chosen from it
            instead of `names`.
    """
    known = sorted(set(names))
    hint = did_you_mean(name, [*spellings] or known) or "."
    return UnknownName(f"unknown {kind} {name!r}{hint} The known names are: {', '.join(known)}.")


def missing_extra_error(library: str, extra: str, purpose: str) -> MissingExtra:
    """Return an error saying that `purpose` requires `library`, which ``fitwell[extra]`` installs."""
    return MissingExtra(
        f"{purpose} requires {library}, which is not installed; run pip install 'fitwell[{extra}]'"
    )


@contextmanager
def add_error_note(note: str, kind: type[Exception] = Exception) -> Iterator[None]:
    """Add `note` to errors of class `kind` that are raised in the block."""
    try:
        yield
    except kind as error:
        error.add_note(escape_controls(note))
        raise


class ErrorCollector:
    """A collector for the errors in one call, which reports them together.

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
        """Add an error message."""
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
