"""The storage of a study, and the lock that workers hold while they claim trials.

A study is an ordinary Optuna study, which you can open with ``optuna-dashboard sqlite:///search.db``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fitwell._escaping import escape_controls, short_repr
from fitwell._file_io import check_path, os_error_reason
from fitwell.errors import FileError, FitwellError, InvalidArgument, MissingExtra
from fitwell.tuner.optuna_utils import import_optuna, silence_optuna

__all__ = [
    "DEFAULT_FILE",
    "JOURNAL_SUFFIXES",
    "LOCK_TIMEOUT",
    "MEMORY",
    "SQLITE_SUFFIXES",
    "Storage",
    "open_storage",
]

DEFAULT_FILE = "search.db"
MEMORY = ":memory:"
SQLITE_SUFFIXES = (".db", ".sqlite", ".sqlite3")
JOURNAL_SUFFIXES = (".journal", ".log", ".jsonl")
# Number of seconds to wait for another writer.
LOCK_TIMEOUT = 20.0


class Storage:
    """An open storage, which can contain any number of studies.

    Args:
        name: Human-readable name.
        open_backend: Function that opens and returns the Optuna storage.
        lock: Function that returns a context manager that excludes other workers.
        file: The file's path, or None if the storage is not a file.
        journal: The journal backend, or None for databases. Its attribute `line` is the number of the line that is
            being read.
    """

    def __init__(
        self,
        name: str,
        open_backend: Callable[[], Any],
        lock: Callable[[], contextlib.AbstractContextManager[Any]],
        file: Path | None = None,
        journal: Any = None,
    ) -> None:
        self.name = escape_controls(name)
        self._journal = journal
        self._file = file
        self._lock = lock
        # Without the lock, two workers that start at the same time would both try to create the tables.
        with self.translate_errors(), silence_optuna(), lock():
            self.backend = open_backend()
        self._inode = _inode(file)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Exclude other workers inside the block.

        If the process is killed, the lock of a database is released immediately. The lock of a journal file expires
        after 30 seconds.
        """
        with contextlib.ExitStack() as held:
            with self.translate_errors():
                # Anything written to a file that was deleted or replaced would be lost.
                if _inode(self._file) != self._inode:
                    raise FileError(
                        f"the file of the storage {self.name} was deleted or replaced, so its trials are lost; "
                        "restore the file, or start again"
                    )
                held.enter_context(silence_optuna())
                held.enter_context(self._lock())
            yield

    @contextlib.contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Convert database and Optuna errors to `FileError` inside a block that reads a possibly damaged study.

        Errors that fitwell itself raises are not converted, because the storage did not cause them. The block must not
        call user functions, because their errors could be mistaken for storage errors and converted.
        """
        passed: tuple[type[Exception], ...] = (FitwellError, *_database_errors())
        with self.translate_database_errors():
            try:
                yield
            except passed:
                raise
            except Exception as error:
                if not _raised_by_optuna(error):
                    raise
                text = escape_controls(f"{type(error).__name__}: {short_repr(str(error), 300, quote=False)}")
                raise FileError(
                    f"the storage {self.name} contains data that cannot be read{self._location()} ({text}), probably "
                    "because it was changed, or was written by a different version of Optuna or fitwell. Use a "
                    "different file, or restore a backup of this one"
                ) from error

    @contextlib.contextmanager
    def translate_database_errors(self) -> Iterator[None]:
        """Convert database and file errors to `FileError` inside the block. Other errors are not converted."""
        try:
            yield
        except FileError:
            raise
        except OSError as error:
            raise FileError(f"the storage {self.name} cannot be used: {os_error_reason(error)}") from error
        except _database_errors() as error:
            raise FileError(self._explain(error)) from error

    def _location(self) -> str:
        line = getattr(self._journal, "line", 0)
        return f", in line {line}" if line else ""

    def _explain(self, error: BaseException) -> str:
        causes: list[str] = []
        cause: BaseException | None = error
        while cause is not None:
            causes.append(str(cause))
            cause = cause.__cause__ or cause.__context__
        text = " ".join(causes)
        if "is locked" in text:
            return (
                f"the storage {self.name} is locked because another program has been writing to it for "
                f"{LOCK_TIMEOUT:g} seconds; close that program (such as a database browser or a backup), and start "
                "again. No trials are lost"
            )
        if "not a database" in text:
            return f"the storage {self.name} is not a SQLite database; use a different file"
        if "malformed" in text:
            return (
                f"the storage {self.name} is damaged; use a different file, or restore a backup of this one"
            )
        if "unable to open" in text:
            return f"the storage {self.name} cannot be opened; check that the folder exists and is writable"
        first = next(iter(causes[-1].splitlines()), type(error).__name__)
        return f"the storage {self.name} cannot be used: {escape_controls(first)}"


def open_storage(storage: str | Path | None) -> Storage:
    """Open a storage, or create it if it does not exist.

    Args:
        storage: For workers on one machine, a SQLite file (``.db`` or ``.sqlite``). For workers on different machines,
            a journal file on a shared drive (``.journal`` or ``.log``), or a URL ``postgresql://…``. For a study that
            is lost when the process ends, ``":memory:"``. None means ``search.db``.
    """
    text = (
        DEFAULT_FILE
        if storage is None
        else os.fspath(storage)
        if isinstance(storage, str | os.PathLike)
        else ""
    )
    if text in (MEMORY, "sqlite://", "sqlite:///:memory:"):
        lock = threading.RLock()
        return Storage(":memory:", lambda: import_optuna().storages.InMemoryStorage(), lambda: lock)
    if text.startswith("sqlite:///"):
        return _open_sqlite(Path(text.removeprefix("sqlite:///")))
    if text.startswith(("postgresql://", "postgresql+")):
        return _open_postgresql(text)
    path = Path(text)
    if "://" not in text and path.suffix.lower() in SQLITE_SUFFIXES:
        return _open_sqlite(path)
    if "://" not in text and path.suffix.lower() in JOURNAL_SUFFIXES:
        return _open_journal(path)
    raise InvalidArgument(
        f"storage: expected a file name that ends in {', '.join(SQLITE_SUFFIXES)} (SQLite) or "
        f"{', '.join(JOURNAL_SUFFIXES)} (journal), a URL postgresql://user@host/database, or ':memory:', "
        f"got {storage!r}"
    )


def _open_sqlite(path: Path) -> Storage:
    storages = import_optuna().storages
    import sqlalchemy

    _check_file(path)
    # Let SQLAlchemy create the URL, because a file name may contain characters that must be escaped in a URL.
    url = sqlalchemy.engine.URL.create("sqlite", database=str(path)).render_as_string()

    def open_backend() -> Any:
        return storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": LOCK_TIMEOUT}})

    return Storage(str(path), open_backend, lambda: _file_lock(path.with_name(path.name + ".lock")), path)


@contextlib.contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    import sqlite3

    # Lock a separate empty database, because SQLite's lock ends with the process on every system.
    connection = sqlite3.connect(path, timeout=LOCK_TIMEOUT, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        connection.close()


def _open_journal(path: Path) -> Storage:
    from optuna.storages import JournalStorage, journal

    from fitwell.tuner.journal_backend import RepairingJournalBackend

    _check_file(path)
    # On network drives, creating a file is the only operation that is reliably exclusive.
    lock = journal.JournalFileOpenLock(f"{path}.workers")

    @contextlib.contextmanager
    def hold() -> Iterator[None]:
        lock.acquire()
        try:
            yield
        finally:
            # Releasing the lock fails if another worker broke it after 30 seconds, for example because this computer
            # was asleep.
            with contextlib.suppress(RuntimeError):
                lock.release()

    lines = RepairingJournalBackend(str(path))
    return Storage(str(path), lambda: JournalStorage(lines), hold, path, lines)


def _open_postgresql(url: str) -> Storage:
    import sqlalchemy

    storages = import_optuna().storages
    shown = sqlalchemy.engine.make_url(url).render_as_string(hide_password=True)
    try:
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool)
    except ImportError as error:
        package = {"psycopg": "'psycopg[binary]'", "psycopg2": "psycopg2-binary"}.get(
            str(error.name), error.name
        )
        raise MissingExtra(
            f"the storage {shown} needs a driver, {error.name}, which is not installed; run pip install {package}"
        ) from error
    key = int.from_bytes(hashlib.sha256(b"fitwell search").digest()[:7], "big")

    @contextlib.contextmanager
    def hold() -> Iterator[None]:
        # The lock ends when the connection is closed, which also happens when the process ends.
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("SELECT pg_advisory_lock(:key)"), {"key": key})
            yield

    return Storage(shown, lambda: storages.RDBStorage(url), hold)


def _raised_by_optuna(error: BaseException) -> bool:
    """Return whether an error was raised by Optuna or by a library that it calls, and not by fitwell."""
    packages = [
        str(frame.f_globals.get("__name__")).partition(".")[0]
        for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    return "optuna" in packages and packages[-1] != "fitwell"


def _inode(file: Path | None) -> int | None:
    """Return the inode of a file, or None if it does not exist."""
    return file.stat().st_ino if file is not None and file.exists() else None


def _check_file(path: Path) -> None:
    check_path(path, "storage")
    if not path.absolute().parent.is_dir():
        raise FileError(
            f"cannot create the storage {path}: the folder {path.absolute().parent} does not exist"
        )
    if path.exists() and not path.is_file():
        raise FileError(f"the storage {path} is not a file; use a different name")


def _database_errors() -> tuple[type[Exception], ...]:
    import sqlite3

    import sqlalchemy.exc

    return (
        import_optuna().exceptions.StorageInternalError,
        sqlalchemy.exc.SQLAlchemyError,
        sqlite3.Error,
        OSError,
    )
