"""The `CSVLogger` callback, which writes the logs of every epoch to a CSV file."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from io import FileIO
from typing import Any

from fitwell._callback import Callback, Logs
from fitwell._escaping import escape_formula
from fitwell._file_io import check_path, os_error_reason
from fitwell._param_validation import Boolean, FilePath, Predicate, validate_params
from fitwell._schema import COUNT, check_schema
from fitwell._typing import PathType
from fitwell.errors import FileError, warn

__all__ = ["CSVLogger"]


class CSVLogger(Callback):
    """A callback that writes the logs of every epoch to a CSV file.

    The columns are ``epoch`` (0-based) and all metrics in alphabetical order, as in Keras. Values that earlier
    callbacks add to the logs also have columns if they are logged in the first epoch. A value that is first logged
    later is omitted with a warning. Numbers are written with full precision, so reading them gives the same floats.
    A value that was not measured in an epoch is ``NA``, which pandas reads as missing. Names and strings that a
    spreadsheet would run as formulas are prefixed with an apostrophe (``'=total``).

    Each line is written when its epoch ends, either completely or not at all. A run that is resumed from a
    checkpoint removes the lines that were written after the checkpoint and continues from there.

    Args:
        filename (str | PathLike): Path of the file.
        separator (str): Column separator, which is one character. Default: ``","``.
        append (bool): Whether to append to an existing file, which must have the same columns, instead of
            replacing it. Default: False.

    Raises:
        FileError: if the file cannot be written or has different columns.

    Example:
        >>> import fitwell as fw, numpy as np, pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "log.csv")
        >>> model = fw.Sequential([fw.layers.Dense(1, kernel_initializer="zeros", input_shape=(1,))])
        >>> model.compile(fw.optimizers.SGD(0.5), "mae")
        >>> logger = fw.callbacks.CSVLogger(path)
        >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=1, verbose=0, callbacks=[logger])
        >>> print(path.read_text().strip())
        epoch,loss
        0,1.0

    Source: Keras `CSVLogger`.
    """

    @validate_params(
        filename=FilePath(),
        separator=Predicate(
            lambda value: isinstance(value, str) and len(value) == 1 and value not in '"\r\n\0',
            "one character other than a quotation mark, a line break or a null character",
        ),
        append=Boolean(),
    )
    def __init__(self, filename: PathType, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self._file: FileIO | None = None
        self._columns: list[str] = []
        # File offset where this run's first line begins. Everything after it is removed when that line is
        # written.
        self._next_offset = 0
        self._started = False
        self._omitted: set[str] = set()

    def get_state(self) -> dict[str, Any]:
        """Return the file offset where the next line begins."""
        if self._started and self._file is not None:
            return {"position": self._file.tell()}
        return {"position": self._next_offset}

    def set_state(self, state: Any) -> None:
        """Restore the file offset where the next line begins."""
        assert self._file is not None
        check_schema(state, {"position": COUNT}, "CSVLogger: its state in the checkpoint")
        size = os.fstat(self._file.fileno()).st_size
        if size < state["position"]:
            raise FileError(
                f"CSVLogger: {self.filename!r} has {size} bytes, but had {state['position']} when the checkpoint was "
                "written, so it has been changed or removed since then. Restore it, or delete the checkpoint to start "
                "again"
            )
        self._next_offset = state["position"]

    def flush_to_disk(self) -> None:
        """Write the lines to the disk, so that no checkpoint is newer than the log."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the file. Its old content remains until the first line is written."""
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
        """Remove the lines that this run replaces, and read the column names from the remaining table."""
        assert self._file is not None
        self._file.truncate(self._next_offset)
        self._file.seek(0)
        lines = io.TextIOWrapper(
            io.BufferedReader(io.FileIO(self._file.fileno(), closefd=False)), "utf-8-sig", "replace"
        )
        try:
            self._columns = next(csv.reader(lines, delimiter=self.separator), [])
        except csv.Error as error:
            raise FileError(f"CSVLogger: {self.filename!r} cannot be read as a CSV file: {error}") from None
        self._terminate_last_line()
        self._started = True

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the epoch's line."""
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
        """Terminate the last line if another program left it without a line break."""
        assert self._file is not None
        if self._file.seek(0, os.SEEK_END):
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._append(b"\n")

    def _check_columns(self, names: set[str]) -> None:
        if self._columns[0] != "epoch" or not set(map(escape_formula, names)) <= set(self._columns):
            raise FileError(
                f"CSVLogger: {self.filename!r} has the columns {', '.join(self._columns)}, but this run logs "
                f"{', '.join(sorted(names))}; write to a different file, or pass append=False to replace it"
            )

    def _warn_missing_columns(self, missing: set[str], epoch: int) -> None:
        """Warn about values without a column, which were first logged after the header was written."""
        late = sorted(missing - self._omitted)
        self._omitted |= missing
        if late:
            warn(
                f"CSVLogger: {self.filename!r} has no column for {', '.join(map(repr, late))} (first logged in epoch "
                f"{epoch + 1}), so only the history contains these values. To include a value in the file, log it in "
                "every epoch, starting with the first (as NaN if there is no value)",
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
            # If the disk is full, a part of the line may have been written.
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
    """Format a logged value, with full precision for numbers and sequences as ``[1, 2]``."""
    if isinstance(value, str):
        return escape_formula(value)
    if getattr(value, "ndim", 0) or (isinstance(value, Iterable) and not hasattr(value, "ndim")):
        return f"[{', '.join(map(str, value))}]"
    return float(value)
