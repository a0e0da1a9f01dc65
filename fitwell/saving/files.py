"""Writing files whole or not at all."""

from __future__ import annotations

import os
import tempfile
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
    """Give a file to write to that takes the place of `path` when the block ends well, all at once."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise FileError(f"cannot write to {str(path.parent)!r}: {error.strerror}") from None
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise FileError(f"cannot write {str(path)!r}: {error.strerror}") from None
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
