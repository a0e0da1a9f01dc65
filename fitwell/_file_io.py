"""Path checks, atomic file writes and folder locks."""

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

__all__ = [
    "FolderLock",
    "atomic_write",
    "atomic_writer",
    "check_path",
    "check_writable",
    "lock_folder",
    "os_error_reason",
    "remove_stale_temp_files",
]

# A temporary file's name contains at most this many bytes of the final file's name. The rest is omitted, because
# the temporary file's name is longer than the final file's name and must not exceed the system's limit.
_MAX_PREFIX_BYTES = 200


def check_path(value: Any, argument: str = "filepath") -> Path:
    """Convert `value` to a path and check that the system accepts it, whether or not the file exists.

    Args:
        value: A string or path object.
        argument: The argument's name in error messages.

    Raises:
        InvalidArgument: if `value` is not a path.
        FileError: if the path cannot be used because the name is too long, contains a null character, or is in a
            folder that is not accessible.
    """
    if not isinstance(value, str | os.PathLike) or not isinstance(os.fspath(value), str):
        raise InvalidArgument(f"{argument}: expected a path, got {type(value).__name__} {short_repr(value)}")
    path = Path(os.fspath(value))
    if "\0" in str(path):
        raise FileError(
            f"{argument}: {short_repr(str(path))} contains a null character, which is not allowed in a file name"
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
    """Return the operating system's reason for an error, without the file name.

    The caller's message already includes the file name.

    >>> os_error_reason(FileNotFoundError(2, "No such file or directory", "x.keras"))
    'No such file or directory'
    """
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


@contextmanager
def atomic_writer(path: Path) -> Iterator[IO[bytes]]:
    """Yield a temporary file that replaces `path` atomically when the block succeeds.

    If the block fails, the process is killed or the disk is full, `path` keeps its old content. The new content is
    flushed to the disk before the file is renamed. Symbolic links are followed, and an existing file keeps its
    permissions. Temporary files that killed processes left behind are removed first. A device or a pipe cannot be
    replaced, so the content is written to it when the block ends.
    """
    shown = repr(str(check_path(path)))
    path = Path(os.path.realpath(path))
    if path.is_dir():
        raise FileError(f"cannot write {shown}: it is a folder. Pass the path of a file.")
    try:
        if path.exists() and not path.is_file():
            with io.BytesIO() as buffer:
                yield buffer
                path.write_bytes(buffer.getvalue())
            return
        if path.exists() and not os.access(
            path, os.W_OK, effective_ids=os.access in os.supports_effective_ids
        ):
            raise FileError(f"cannot write {shown}: the file is read-only")
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
    """Write `content` to `path` atomically (see `atomic_writer`). A string is encoded as UTF-8.

    Lone surrogates, which UTF-8 cannot encode, are escaped as in JSON and Python.
    """
    with atomic_writer(check_path(path)) as file:
        file.write(content.encode(errors="backslashreplace") if isinstance(content, str) else content)


@contextmanager
def _locked_temp_file(path: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """Yield a new temporary file in the same folder as `path`. It stays locked inside the block and is then removed."""
    while True:  # this almost never repeats
        temp_path = path.with_name(f"{_temp_prefix(path.name)}{secrets.token_hex(4)}.tmp")
        file = temp_path.open("x+b")
        if _is_locked(temp_path, file):
            break
        # After the file was created and before it was locked, another process treated it as stale and removed it.
        file.close()
    try:
        yield temp_path, file
    finally:
        # Remove the file before it is unlocked, so that no other process finds it.
        with contextlib.suppress(OSError):
            temp_path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # closing the file flushes it, which fails if the disk is full
            file.close()


def _is_locked(temp_path: Path, file: IO[bytes]) -> bool:
    try:
        return _lock(file) and temp_path.exists()
    except OSError:  # the file system has no locks, so no process removes stale files either
        return True


def _rename(temp_path: Path, file: IO[bytes], path: Path) -> None:
    if os.name != "posix":
        file.close()  # other systems cannot rename an open file
    os.replace(temp_path, path)
    if os.name == "posix":
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _temp_prefix(name: str) -> str:
    """Return the prefix that all temporary files for a file called `name` share."""
    if len(os.fsencode(name)) > _MAX_PREFIX_BYTES:
        name = f"{name[:20]}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}"
    return f".{name}."


def remove_stale_temp_files(folder: Path, pattern: str) -> None:
    """Remove the temporary files that killed processes left in `folder`.

    Locked files are kept, because a process is still writing them.

    Args:
        folder: The folder to clean up.
        pattern: A regular expression that matches the names of the final files.
    """
    written = re.compile(rf"\.{pattern}\.(?:[0-9a-f]{{8}}\.)?tmp")
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(".") and written.fullmatch(name):
                _remove_unlocked(folder / name)


def _remove_unlocked(leftover: Path) -> None:
    with contextlib.suppress(OSError):
        if os.name != "posix":
            leftover.unlink()  # fails if a process has the file open
            return
        with leftover.open("r+b") as file:
            if _lock(file):
                leftover.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Check that files can be written to `folder`.

    Raises:
        OSError: if a test file cannot be written.
    """
    probe = folder / f".probe.{secrets.token_hex(4)}"
    try:
        probe.write_bytes(b"x")
    finally:
        probe.unlink(missing_ok=True)


class FolderLock:
    """A folder lock that this process holds until the object is deleted or `release` is called."""

    def __init__(self, handle: int) -> None:
        self.release = weakref.finalize(self, os.close, handle)


_folder_locks: WeakValueDictionary[tuple[int, int], FolderLock] = WeakValueDictionary()


def _release_all() -> None:
    for held in list(_folder_locks.values()):
        held.release()


if hasattr(os, "register_at_fork"):
    # The parent process does the training. A forked child releases its copy of the lock, because it does not need the
    # lock and may outlive its parent.
    os.register_at_fork(after_in_child=_release_all)


def lock_folder(folder: Path) -> FolderLock | None:
    """Lock `folder` for this process. The same process may lock a folder more than once.

    Returns:
        The lock, or None if the system does not support such locks.

    Raises:
        FileError: if another process holds the lock.
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
                    f"another process is using the folder {str(folder)!r}. Wait until it ends, or use a different "
                    "folder."
                ) from None
            return None
        held = _folder_locks[key] = FolderLock(handle)
    return held


def _lock(file: IO[bytes]) -> bool:
    """Lock an open file until it is closed or the process ends. Return False if another process holds the lock."""
    if os.name != "posix":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
