"""CSVLogger and History: the logs of every epoch, as lines of a table and in memory."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from io import FileIO
from typing import Any

from fitwell._escaping import escape_formula
from fitwell._file_io import check_path, os_error_reason
from fitwell._param_validation import Boolean, FilePath, Predicate, validate_params
from fitwell._schema import COUNT, check_schema
from fitwell.callbacks.callback import Callback, Logs
from fitwell.errors import FileError, warn


class History(Callback):
    """Hold the logs of every epoch, which `fit` does by itself: ``history = model.fit(...)``.

    For code that passes one: `history`, `epoch` and `learning_rate` are those of the run, as soon as it begins.
    """

    @property
    def history(self) -> dict[str, list[float]]:
        """The values of the loss and every metric after each epoch, by name."""
        return {} if self.model is None or self.model.history is None else self.model.history.history

    @property
    def epoch(self) -> list[int]:
        """The epochs, counted from 0."""
        return [] if self.model is None or self.model.history is None else self.model.history.epoch

    @property
    def learning_rate(self) -> list[float]:
        """The learning rate of each epoch."""
        return [] if self.model is None or self.model.history is None else self.model.history.learning_rate


class CSVLogger(Callback):
    """Write the logs of every epoch to a table of comma-separated values.

    filename: of the table. separator: one character, ``","``. append: go on with a file that exists, instead of
    replacing it; its columns must be the same.

    Columns: ``epoch`` (from 0), then every metric in alphabetical order, as in Keras. Numbers are written in
    full, so that reading them gives the very same floats; a value that an epoch did not measure is ``NA``, which
    pandas reads as missing. Each line is handed to the system when its epoch ends, whole or not at all. Names and
    texts that a spreadsheet would run as formulas get an apostrophe before (``'=total``). Values that callbacks before
    this one put into the logs have columns too, if the first epoch has them; one that begins later is warned of.

    A run that is resumed from a checkpoint cuts off the lines that came after it and goes on from there.
    """

    @validate_params(
        filename=FilePath(),
        separator=Predicate(
            lambda value: isinstance(value, str) and len(value) == 1 and value not in '"\r\n\0',
            "one character, which is no quote and no line break",
        ),
        append=Boolean(),
    )
    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self._file: FileIO | None = None
        self._columns: list[str] = []
        # Where the first line of this run goes; what lies behind it is cut off when that line is written.
        self._next_offset = 0
        self._started = False
        self._omitted: set[str] = set()

    def get_state(self) -> dict[str, Any]:
        """Return where the next line begins."""
        if self._started and self._file is not None:
            return {"position": self._file.tell()}
        return {"position": self._next_offset}

    def set_state(self, state: Any) -> None:
        """Go back to where the next line began."""
        assert self._file is not None
        check_schema(state, {"position": COUNT}, "CSVLogger: what the checkpoint remembers of it")
        size = os.fstat(self._file.fileno()).st_size
        if size < state["position"]:
            raise FileError(
                f"CSVLogger: {self.filename!r} has {size} bytes, but {state['position']} when the checkpoint was "
                "made: it was changed or removed since. Put it back, or delete the checkpoint to start again"
            )
        self._next_offset = state["position"]

    def flush_to_disk(self) -> None:
        """Let the lines reach the disk, so that no checkpoint knows more than the log."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the file; its old content stays until there is something to write."""
        self._close()
        path = check_path(self.filename, "CSVLogger: filename")
        try:
            self._file = path.open("ab+", buffering=0)
        except OSError as error:
            raise FileError(f"CSVLogger: cannot write {self.filename!r}: {os_error_reason(error)}") from None
        self._next_offset = os.fstat(self._file.fileno()).st_size if self.append else 0
        self._started = False
        self._omitted = set()

    def _start_table(self) -> None:
        """Cut off what this run does not go on from, and read the columns of what it does."""
        assert self._file is not None
        self._file.truncate(self._next_offset)
        self._file.seek(0)
        lines = io.TextIOWrapper(
            io.BufferedReader(io.FileIO(self._file.fileno(), closefd=False)), "utf-8-sig", "replace"
        )
        try:
            self._columns = next(csv.reader(lines, delimiter=self.separator), [])
        except csv.Error as error:
            raise FileError(f"CSVLogger: {self.filename!r} is no table with such lines: {error}") from None
        self._terminate_last_line()
        self._started = True

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write one line."""
        logs = logs or {}
        names = {*self.params.get("metrics", []), *logs}
        try:
            begins = not self._started
            if begins:
                self._start_table()
            if not self._columns:
                self._columns = ["epoch", *map(escape_formula, sorted(names))]
                self._write(self._columns)
            if begins:
                self._check_columns(names)
            else:
                self._warn_missing_columns(
                    {name for name in names if escape_formula(name) not in self._columns}, epoch
                )
            values = {escape_formula(name): value for name, value in logs.items()}
            self._write([epoch, *(_format_cell(values.get(name, "NA")) for name in self._columns[1:])])
        except OSError as error:
            if isinstance(error, FileError):
                raise
            raise FileError(f"CSVLogger: cannot write {self.filename!r}: {os_error_reason(error)}") from None

    def _terminate_last_line(self) -> None:
        """Begin a line of its own after one that another program left open."""
        assert self._file is not None
        if self._file.seek(0, os.SEEK_END):
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._append(b"\n")

    def _check_columns(self, names: set[str]) -> None:
        if self._columns[0] != "epoch" or not set(map(escape_formula, names)) <= set(self._columns):
            raise FileError(
                f"CSVLogger: {self.filename!r} has the columns {', '.join(self._columns)}, but this run logs "
                f"{', '.join(sorted(names))}: write to another file, or pass append=False to replace it"
            )

    def _warn_missing_columns(self, missing: set[str], epoch: int) -> None:
        """Say which values have no column, because lines were written before the first of them was logged."""
        late = sorted(missing - self._omitted)
        self._omitted |= missing
        if late:
            warn(
                f"CSVLogger: {', '.join(map(repr, late))} was first logged in epoch {epoch + 1}, when "
                f"{self.filename!r} had its columns already, and is left out; the history has it. Log it from the "
                "first epoch on (NaN where there is no value) to have it in the table",
            )

    def _write(self, cells: Iterable[Any]) -> None:
        line = io.StringIO()
        csv.writer(line, delimiter=self.separator, lineterminator="\n").writerow(cells)
        self._append(line.getvalue().encode(errors="backslashreplace"))

    def _append(self, line: bytes) -> None:
        assert self._file is not None
        end = os.fstat(self._file.fileno()).st_size
        try:
            while line:
                line = line[self._file.write(line) :]
        except OSError:
            # A disk that is full may have taken a part.
            self._file.truncate(end)
            raise

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the file."""
        self._close()

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _format_cell(value: Any) -> Any:
    """Return what to write for a logged value: numbers in full, sequences as ``[1, 2]``."""
    if isinstance(value, str):
        return escape_formula(value)
    if getattr(value, "ndim", 0) or (isinstance(value, Iterable) and not hasattr(value, "ndim")):
        return f"[{', '.join(map(str, value))}]"
    return float(value)
