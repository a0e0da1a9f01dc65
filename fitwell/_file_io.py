"""Names of files as users give them, and files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import secrets
import shutil
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from weakref import WeakValueDictionary

from fitwell._escaping import short_repr
from fitwell.errors import FileError, InvalidArgument

# Of a name, so that the one of the file beside it, which is longer, is not too long for the system.
_MAX_PREFIX_BYTES = 200


def check_path(given: Any, argument: str = "filepath") -> Path:
    """Return a path that the system can have, whether something is there or not.

    given: a text or path object. Raises `InvalidArgument` for what is no path, and `FileError` for one that cannot be:
    too long a name, a null character, a folder that may not be looked into. argument: the name of what was given.
    """
    if not isinstance(given, str | os.PathLike) or not isinstance(os.fspath(given), str):
        raise InvalidArgument(f"{argument}: expected a path, got {type(given).__name__} {short_repr(given)}")
    path = Path(os.fspath(given))
    if "\0" in str(path):
        raise FileError(
            f"{argument}: {short_repr(str(path))} has a null character, which no file name may have"
        )
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, UnicodeError) as error:
        raise FileError(
            f"{argument}: {short_repr(str(path))} cannot be used: {os_error_reason(error)}"
        ) from None
    return path


def os_error_reason(error: BaseException) -> str:
    """Return what the system says about an error, without the file, which the message around it names.

    >>> reason(FileNotFoundError(2, "No such file or directory", "x.keras"))
    'No such file or directory'
    """
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


@contextmanager
def atomic_writer(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write to that takes the place of `path` when the block ends well, all at once.

    Until then `path` is what it was, also when the process is killed or the disk is full. The new content is on the
    disk before it gets the name. A link stays a link, and what is there keeps its permissions; a new file gets those
    that others get. What processes left that were killed meanwhile is removed first. A device or a pipe, which cannot
    be replaced, gets everything at the end.
    """
    shown = repr(str(check_path(path)))
    path = Path(os.path.realpath(path))
    if path.is_dir():
        raise FileError(f"cannot write {shown}: there is a folder of that name; give the name of a file")
    try:
        if path.exists() and not path.is_file():
            with io.BytesIO() as buffer:
                yield buffer
                path.write_bytes(buffer.getvalue())
            return
        if path.exists() and not os.access(
            path, os.W_OK, effective_ids=os.access in os.supports_effective_ids
        ):
            raise FileError(f"cannot write {shown}: it may only be read")
        remove_stale_temp_files(path.parent, re.escape(_temp_prefix(path.name)[1:-1]))
        with _locked_temp_file(path) as (temp_path, file):
            yield file
            file.flush()
            os.fsync(file.fileno())
            if path.exists():
                shutil.copymode(path, temp_path)
            _rename(temp_path, file, path)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"cannot write {shown}: {os_error_reason(error)}") from None


def atomic_write(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Write `content`, a text as UTF-8, to `path`: whole or not at all (see `atomic_writer`).

    Halves of characters, which UTF-8 does not have, are written as JSON and Python write them.
    """
    with atomic_writer(check_path(path)) as file:
        file.write(content.encode(errors="backslashreplace") if isinstance(content, str) else content)


@contextmanager
def _locked_temp_file(path: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """Give a new file in the folder of `path`, locked for as long as this process writes it; gone at the end."""
    while True:  # hardly ever twice
        temp_path = path.with_name(f"{_temp_prefix(path.name)}{secrets.token_hex(4)}.tmp")
        file = temp_path.open("x+b")
        if _is_locked(temp_path, file):
            break
        # Another process took it for a leftover, between its making and its locking.
        file.close()
    try:
        yield temp_path, file
    finally:
        # Removed before it is unlocked, so that nobody else finds it.
        with contextlib.suppress(OSError):
            temp_path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # what cannot be flushed to a full disk
            file.close()


def _is_locked(temp_path: Path, file: IO[bytes]) -> bool:
    try:
        return _lock(file) and temp_path.exists()
    except OSError:  # a file system without locks: nothing is removed there either
        return True


def _rename(temp_path: Path, file: IO[bytes], path: Path) -> None:
    if os.name != "posix":
        file.close()  # elsewhere no file is renamed that is open
    os.replace(temp_path, path)
    if os.name == "posix":
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _temp_prefix(name: str) -> str:
    """Return how the names of files beside one of that `name` begin."""
    if len(os.fsencode(name)) > _MAX_PREFIX_BYTES:
        name = f"{name[:20]}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}"
    return f".{name}."


def remove_stale_temp_files(folder: Path, pattern: str) -> None:
    """Remove what processes that are no more wrote beside the files of a `folder`; what is locked is being written.

    pattern: a regular expression for the names of those files, without the dot before and what comes behind.
    """
    written = re.compile(rf"\.{pattern}\.(?:[0-9a-f]{{8}}\.)?tmp")
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(".") and written.fullmatch(name):
                _remove_unlocked(folder / name)


def _remove_unlocked(leftover: Path) -> None:
    with contextlib.suppress(OSError):
        if os.name != "posix":
            leftover.unlink()  # which fails for a file that a process has open
            return
        with leftover.open("r+b") as file:
            if _lock(file):
                leftover.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Raise `OSError` when nothing can be written to a `folder`."""
    probe = folder / f".probe.{secrets.token_hex(4)}"
    try:
        probe.write_bytes(b"x")
    finally:
        probe.unlink(missing_ok=True)


class FolderLock:
    """A folder that this process alone has, for as long as somebody keeps the object."""

    def __init__(self, handle: int) -> None:
        self.release = weakref.finalize(self, os.close, handle)


_folder_locks: WeakValueDictionary[tuple[int, int], FolderLock] = WeakValueDictionary()


def _release_all() -> None:
    for held in list(_folder_locks.values()):
        held.release()


if hasattr(os, "register_at_fork"):
    # What a process becomes by forking trains nothing, and may outlive the one that does.
    os.register_at_fork(after_in_child=_release_all)


def lock_folder(folder: Path) -> FolderLock | None:
    """Take a `folder` for this process, which may take it more than once; raises `FileError` when another has it.

    None where the system has no such locks.
    """
    if os.name != "posix":
        return None
    import fcntl

    found = folder.stat()
    key = found.st_dev, found.st_ino
    held = _folder_locks.get(key)
    if held is None:
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            if isinstance(error, BlockingIOError):
                raise FileError(
                    f"another process is using the folder {str(folder)!r}: wait for its end, or name another folder"
                ) from None
            return None
        held = _folder_locks[key] = FolderLock(handle)
    return held


def _lock(file: IO[bytes]) -> bool:
    """Lock an open file until it is closed, which the end of its process does too; False when another has it."""
    if os.name != "posix":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
