"""Path checks that run before any other work when a file is saved or loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fitwell._file_io import check_path
from fitwell.errors import FileError, InvalidArgument

__all__ = ["check_input_path", "check_output_path", "check_overwrite"]


def check_output_path(filepath: Any, suffixes: Sequence[str], overwrite: bool) -> Path:
    """Check that a file can be written, and return its path.

    Args:
        filepath: The path that the user passed.
        suffixes: The allowed suffixes of the file name.
        overwrite: Whether the file may already exist.

    Raises:
        InvalidArgument: if the file name has none of the suffixes.
        FileError: if the file cannot be written.
    """
    path = check_path(filepath)
    if not path.name.endswith(tuple(suffixes)):
        raise _wrong_suffix_error(path, suffixes)
    check_overwrite(path, overwrite)
    return path


def check_overwrite(path: Path, overwrite: bool) -> None:
    """Check that a file may be written to `path`.

    Raises:
        FileError: if `path` is a folder, if its parent folder does not exist, or if the file exists and `overwrite` is
            False.
    """
    if path.is_dir():
        raise FileError(f"{str(path)!r} is a folder. Pass the path of a file.")
    if path.exists() and not overwrite:
        raise FileError(f"{str(path)!r} already exists. Pass overwrite=True, or use a different name.")
    if not path.parent.is_dir():
        raise FileError(
            f"cannot write {str(path)!r}: the folder {str(path.parent)!r} does not exist. Create it first."
        )


def check_input_path(filepath: Any, suffixes: Sequence[str] | None = None) -> Path:
    """Check that a file can be read, and return its path.

    Args:
        filepath: The path that the user passed.
        suffixes: The allowed suffixes of the file name. Defaults to None, which allows any name.

    Raises:
        FileError: if the file does not exist or is a folder.
        InvalidArgument: if the file name has none of the suffixes.
    """
    path = check_path(filepath)
    if path.is_dir():
        raise FileError(f"{str(path)!r} is a folder. Pass the path of a file.")
    if not path.is_file():
        raise FileError(f"the file {str(path)!r} does not exist")
    if suffixes is not None and not path.name.endswith(tuple(suffixes)):
        raise _wrong_suffix_error(path, suffixes)
    return path


def _wrong_suffix_error(path: Path, suffixes: Sequence[str]) -> InvalidArgument:
    return InvalidArgument(
        f"filepath: expected a file name that ends with {' or '.join(map(repr, suffixes))}, got {path.name!r}"
    )
