"""Check the paths of files to save and to load, before any other work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fitwell._file_io import check_path
from fitwell.errors import FileError, InvalidArgument

__all__ = ["check_input_path", "check_output_path", "check_overwrite"]


def check_output_path(filepath: Any, suffixes: Sequence[str], overwrite: bool) -> Path:
    """Return the path of a file to write; raise unless its name ends in one of `suffixes` and it can be written."""
    path = check_path(filepath)
    if not path.name.endswith(tuple(suffixes)):
        raise _wrong_suffix_error(path, suffixes)
    check_overwrite(path, overwrite)
    return path


def check_overwrite(path: Path, overwrite: bool) -> None:
    """Raise if `path` is a folder, its folder is missing, or it is an existing file and `overwrite` is False."""
    if path.is_dir():
        raise FileError(f"{str(path)!r} is a folder; give the name of a file")
    if path.exists() and not overwrite:
        raise FileError(f"{str(path)!r} exists already; pass overwrite=True or another name")
    if not path.parent.is_dir():
        raise FileError(f"there is no folder {str(path.parent)!r}: make it first")


def check_input_path(filepath: Any, suffixes: Sequence[str] | None = None) -> Path:
    """Return the path of a file to read; raise unless it exists and its name ends in one of `suffixes`, if given."""
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
