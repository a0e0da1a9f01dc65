"""CSVLogger: the logs of every epoch as a line of a table."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from typing import IO, Any

from fitwell.arguments import Boolean, FilePath, Suits, checked
from fitwell.callbacks.base import Callback, Logs
from fitwell.errors import FileError


class CSVLogger(Callback):
    """Write the logs of every epoch to a table of comma-separated values.

    filename: of the table. separator: one character, ``","``. append: go on with a file that exists, instead of
    replacing it; its columns must be the same.

    Columns: ``epoch`` (from 0), then every metric in alphabetical order, as in Keras. Numbers are written in
    full, so that reading them gives the very same floats; a value that an epoch did not measure is ``NA``, which
    pandas reads as missing. Each line is handed to the system when its epoch ends.

    A run that is resumed from a checkpoint cuts off the lines that came after it and goes on from there.
    """

    @checked(
        filename=FilePath(),
        separator=Suits(lambda value: isinstance(value, str) and len(value) == 1, "one character"),
        append=Boolean(),
    )
    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self._file: IO[str] | None = None
        self._columns: list[str] = []
        # Where the first line of this run goes; what lies behind it is cut off when that line is written.
        self._start = 0
        self._begun = False

    def get_state(self) -> dict[str, Any]:
        """Return where the next line begins."""
        if self._begun and self._file is not None:
            return {"position": self._file.tell()}
        return {"position": self._start}

    def set_state(self, state: Any) -> None:
        """Go back to where the next line began."""
        assert self._file is not None
        size = os.fstat(self._file.fileno()).st_size
        if size < state["position"]:
            raise FileError(
                f"CSVLogger: {self.filename!r} has {size} bytes, but {state['position']} when the checkpoint was "
                "made: it was changed or removed since. Put it back, or delete the checkpoint to start again"
            )
        self._start = state["position"]

    def make_durable(self) -> None:
        """Let the lines reach the disk, so that no checkpoint knows more than the log."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the file; its old content stays until there is something to write."""
        self._close()
        try:
            self._file = open(self.filename, "a+", newline="", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise FileError(f"CSVLogger: cannot write {self.filename!r}: {error.strerror or error}") from None
        self._start = os.fstat(self._file.fileno()).st_size if self.append else 0
        self._begun = False

    def _begin(self) -> None:
        """Cut off what this run does not go on from, and read the columns of what it does."""
        assert self._file is not None
        self._file.truncate(self._start)
        self._file.seek(0)
        self._columns = next(csv.reader(self._file, delimiter=self.separator), [])
        self._file.seek(0, os.SEEK_END)
        self._begun = True

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write one line."""
        logs = logs or {}
        names = {*self.params.get("metrics", []), *logs}
        try:
            if not self._begun:
                self._begin()
            if not self._columns:
                self._columns = ["epoch", *sorted(names)]
                self._write(self._columns)
            self._check_columns(names)
            self._write([epoch, *(_cell(logs.get(name, "NA")) for name in self._columns[1:])])
        except OSError as error:
            if isinstance(error, FileError):
                raise
            raise FileError(f"CSVLogger: cannot write {self.filename!r}: {error.strerror or error}") from None

    def _check_columns(self, names: set[str]) -> None:
        if self._columns[0] != "epoch" or not names <= set(self._columns):
            raise FileError(
                f"CSVLogger: {self.filename!r} has the columns {', '.join(self._columns)}, but this run logs "
                f"{', '.join(sorted(names))}: write to another file, or pass append=False to replace it"
            )

    def _write(self, cells: Iterable[Any]) -> None:
        assert self._file is not None
        csv.writer(self._file, delimiter=self.separator, lineterminator="\n").writerow(cells)
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the file."""
        self._close()

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _cell(value: Any) -> Any:
    """Return what to write for a logged value: numbers in full, sequences as ``[1, 2]``."""
    if isinstance(value, str):
        return value
    if getattr(value, "ndim", 0) or (isinstance(value, Iterable) and not hasattr(value, "ndim")):
        return f"[{', '.join(map(str, value))}]"
    return float(value)
