"""Files to save to and to load from, checked before anything else is done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fitwell._file_io import check_path
from fitwell.errors import FileError, InvalidArgument


def check_output_path(filepath: Any, suffixes: Sequence[str], overwrite: bool) -> Path:
    """Return the path to write to, whose name must end in one of `suffixes`."""
    path = check_path(filepath)
    if not path.name.endswith(tuple(suffixes)):
        raise _wrong_suffix_error(path, suffixes)
    check_overwrite(path, overwrite)
    return path


def check_overwrite(path: Path, overwrite: bool) -> None:
    """Refuse a `path` that a folder has, whose folder is missing, or that a file has which must not be replaced."""
    if path.is_dir():
        raise FileError(f"{str(path)!r} is a folder; give the name of a file")
    if path.exists() and not overwrite:
        raise FileError(f"{str(path)!r} exists already; pass overwrite=True or another name")
    if not path.parent.is_dir():
        raise FileError(f"there is no folder {str(path.parent)!r}: make it first")


def check_input_path(filepath: Any, suffixes: Sequence[str] | None = None) -> Path:
    """Return the path of a file that exists and whose name ends in one of `suffixes`, if there are any."""
    path = check_path(filepath)
    if path.is_dir():
        raise FileError(f"{str(path)!r} is a folder; give the name of a file")
    if not path.is_file():
        raise FileError(f"there is no file {str(path)!r}")
    if suffixes is not None and not path.name.endswith(tuple(suffixes)):
        raise _wrong_suffix_error(path, suffixes)
    return path


def _wrong_suffix_error(path: Path, suffixes: Sequence[str]) -> InvalidArgument:
    return InvalidArgument(
        f"filepath: expected a file name ending in {' or '.join(map(repr, suffixes))}, got {path.name!r}"
    )
