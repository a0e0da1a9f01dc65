"""Where a study is kept, and the lock under which workers that share it take trials.

A study is an ordinary one of Optuna, so its dashboard opens it: ``optuna-dashboard sqlite:///search.db``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fitwell.errors import FileError, FitwellError, InvalidArgument, MissingExtra
from fitwell.paths import path_of, reason
from fitwell.printable import printable, shortened
from fitwell.tuner.optional import import_optuna, quiet

DEFAULT = "search.db"
MEMORY = ":memory:"
SQLITE_SUFFIXES = (".db", ".sqlite", ".sqlite3")
JOURNAL_SUFFIXES = (".journal", ".log", ".jsonl")
# How long to wait for somebody who writes, in seconds.
PATIENCE = 20.0


class Storage:
    """An opened storage.

    backend: Optuna's storage object. name: for people. journal: what reads and writes it line by line, if it is one,
    whose `line` is the one read last. `locked` keeps the other workers out of it meanwhile.
    """

    def __init__(
        self,
        name: str,
        open_backend: Callable[[], Any],
        lock: Callable[[], contextlib.AbstractContextManager[Any]],
        file: Path | None = None,
        journal: Any = None,
    ) -> None:
        self.name = printable(name)
        self._journal = journal
        self._file = file
        self._lock = lock
        # Two workers that begin together would both make the tables.
        with self.guarded(), quiet(), lock():
            self.backend = open_backend()
        self._inode = _inode(file)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all other workers waiting; whoever dies inside lets go."""
        with contextlib.ExitStack() as held:
            with self.guarded():
                # What is written to a file that was deleted, or had another put in its place, is lost.
                if _inode(self._file) != self._inode:
                    raise FileError(
                        f"the storage {self.name} is gone: the file was there and is no more, or another one is in its "
                        "place. What was found so far is lost with it; start again, or put the file back"
                    )
                held.enter_context(quiet())
                held.enter_context(self._lock())
            yield

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn what databases and Optuna say into words, when they read what somebody else may have written.

        No function of the user's is called inside: its errors are its own.
        """
        told: tuple[type[Exception], ...] = (FitwellError, *_database_errors())
        with self.asked():
            try:
                yield
            except told:
                raise
            except Exception as error:
                said = printable(f"{type(error).__name__}: {shortened(str(error), 300, quote=False)}")
                raise FileError(
                    f"the storage {self.name} holds something that cannot be read{self._place()} ({said}): it was "
                    "changed, or written by another version of Optuna or fitwell. Give another file, or put back a "
                    "copy of this one"
                ) from error

    @contextlib.contextmanager
    def asked(self) -> Iterator[None]:
        """Turn what databases say into words; errors of other kinds pass."""
        try:
            yield
        except FileError:
            raise
        except OSError as error:
            raise FileError(f"the storage {self.name} cannot be used: {reason(error)}") from error
        except _database_errors() as error:
            raise FileError(self._explain(error)) from error

    def _place(self) -> str:
        line = getattr(self._journal, "line", 0)
        return f", in line {line}" if line else ""

    def _explain(self, error: BaseException) -> str:
        causes: list[str] = []
        cause: BaseException | None = error
        while cause is not None:
            causes.append(str(cause))
            cause = cause.__cause__ or cause.__context__
        said = " ".join(causes)
        if "is locked" in said:
            return (
                f"the storage {self.name} is locked: another program has been writing to it for {PATIENCE:g} seconds; "
                "close it (a database browser, a copy in progress), then start again: nothing is lost"
            )
        if "not a database" in said:
            return f"the storage {self.name} is no SQLite database; give another file"
        if "malformed" in said:
            return f"the storage {self.name} is damaged; give another file, or put back a copy of this one"
        if "unable to open" in said:
            return (
                f"the storage {self.name} cannot be opened: is there such a folder, and may you write to it?"
            )
        first = next(iter(causes[-1].splitlines()), type(error).__name__)
        return f"the storage {self.name} cannot be used: {printable(first)}"


def open_storage(given: str | Path | None) -> Storage:
    """Open a storage, and make it if there is none.

    given: a file for SQLite (``.db``, ``.sqlite``; ``search.db`` by default) for workers on one machine, a
        journal file (``.journal``, ``.log``) on a shared drive, or ``postgresql://…`` for workers on several,
        or ``":memory:"`` for a study that ends with the process.
    """
    text = DEFAULT if given is None else os.fspath(given) if isinstance(given, str | os.PathLike) else ""
    if text in (MEMORY, "sqlite://", "sqlite:///:memory:"):
        lock = threading.RLock()
        return Storage("in memory", lambda: import_optuna().storages.InMemoryStorage(), lambda: lock)
    if text.startswith("sqlite:///"):
        return _sqlite(Path(text.removeprefix("sqlite:///")))
    if text.startswith(("postgresql://", "postgresql+")):
        return _postgresql(text)
    path = Path(text)
    if "://" not in text and path.suffix.lower() in SQLITE_SUFFIXES:
        return _sqlite(path)
    if "://" not in text and path.suffix.lower() in JOURNAL_SUFFIXES:
        return _journal(path)
    raise InvalidArgument(
        f"storage: expected a file that ends in {', '.join(SQLITE_SUFFIXES)} (SQLite) or "
        f"{', '.join(JOURNAL_SUFFIXES)} (journal), a URL postgresql://user@host/database, or ':memory:', got {given!r}"
    )


def _sqlite(path: Path) -> Storage:
    storages = import_optuna().storages
    import sqlalchemy

    _check_file(path)
    # In an address, some characters of a name would mean something else.
    url = sqlalchemy.engine.URL.create("sqlite", database=str(path)).render_as_string()

    def open_backend() -> Any:
        return storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": PATIENCE}})

    return Storage(str(path), open_backend, lambda: _file_lock(path.with_name(path.name + ".lock")), path)


@contextlib.contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    import sqlite3

    # An empty database of its own: on every system SQLite locks a file so that the lock ends with its process.
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        connection.close()


def _journal(path: Path) -> Storage:
    from optuna.storages import JournalStorage, journal

    from fitwell.tuner.journal import WholeLines

    _check_file(path)
    # On network drives only the making of a file is sure to be exclusive.
    lock = journal.JournalFileOpenLock(f"{path}.workers")

    @contextlib.contextmanager
    def hold() -> Iterator[None]:
        lock.acquire()
        try:
            yield
        finally:
            # After half a minute of silence, as when a computer was asleep, others take the lock for left behind.
            with contextlib.suppress(RuntimeError):
                lock.release()

    lines = WholeLines(str(path))
    return Storage(str(path), lambda: JournalStorage(lines), hold, path, lines)


def _postgresql(url: str) -> Storage:
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
            f"the storage {shown} needs a driver, {error.name}, which is not installed: pip install {package}"
        ) from error
    key = int.from_bytes(hashlib.sha256(b"fitwell search").digest()[:7], "big")

    @contextlib.contextmanager
    def hold() -> Iterator[None]:
        # Ends with the connection, so also with the process.
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("SELECT pg_advisory_lock(:key)"), {"key": key})
            yield

    return Storage(shown, lambda: storages.RDBStorage(url), hold)


def _inode(file: Path | None) -> int | None:
    """Return what tells a file from another of its name; None where there is none."""
    return file.stat().st_ino if file is not None and file.exists() else None


def _check_file(path: Path) -> None:
    path_of(path, "storage")
    if not path.absolute().parent.is_dir():
        raise FileError(f"the storage {path} cannot be made: there is no folder {path.absolute().parent}")
    if path.exists() and not path.is_file():
        raise FileError(f"the storage {path} is no file; give another name")


def _database_errors() -> tuple[type[Exception], ...]:
    import sqlite3

    import sqlalchemy.exc

    return (
        import_optuna().exceptions.StorageInternalError,
        sqlalchemy.exc.SQLAlchemyError,
        sqlite3.Error,
        OSError,
    )
