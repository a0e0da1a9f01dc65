"""Writing files whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from fitwell.errors import FileError, InvalidArgument


def check_target(filepath: Any, suffixes: Sequence[str], overwrite: bool) -> Path:
    """Return the path to write to, whose name must end in one of `suffixes`."""
    path = Path(os.fspath(filepath))
    if not path.name.endswith(tuple(suffixes)):
        raise InvalidArgument(
            f"expected a file name ending in {' or '.join(map(repr, suffixes))}, got {path.name!r}"
        )
    if path.exists() and not overwrite:
        raise FileError(f"{str(path)!r} exists already; pass overwrite=True or another name")
    if not path.parent.is_dir():
        raise FileError(f"there is no folder {str(path.parent)!r}: make it first")
    return path


def check_source(filepath: Any, suffixes: Sequence[str]) -> Path:
    """Return the path of a file that exists and whose name ends in one of `suffixes`."""
    path = Path(os.fspath(filepath))
    if not path.is_file():
        raise FileError(f"there is no file {str(path)!r}")
    if not path.name.endswith(tuple(suffixes)):
        raise InvalidArgument(
            f"expected a file name ending in {' or '.join(map(repr, suffixes))}, got {path.name!r}"
        )
    return path


@contextmanager
def written_beside(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write to that takes the place of `path` when the block ends well, all at once.

    A link stays a link, and what is there keeps its permissions; a new file gets those that others get.
    """
    path = Path(os.path.realpath(path))
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        file = beside.open("x+b")
    except OSError as error:
        raise FileError(f"cannot write to {str(path.parent)!r}: {error.strerror or error}") from None
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, beside)
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        if isinstance(error, FileError):
            raise
        raise FileError(f"cannot write {str(path)!r}: {error.strerror or error}") from None
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
