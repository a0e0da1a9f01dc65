"""A journal storage that recovers from an incomplete last line. A full disk can cause such a line."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from fitwell._file_io import os_error_reason
from fitwell.errors import FileError, warn

__all__ = ["RepairingJournalBackend"]

_BLOCK_SIZE = 2**16


class RepairingJournalBackend(JournalFileBackend):
    """An Optuna journal file that can be opened even if its last line is incomplete.

    Attributes:
        line: 1-based number of the line that is being read, or 0 if no line is being read.
    """

    def __init__(self, file_path: str) -> None:
        self.line = 0
        try:
            self._path = file_path
            self._file_lock = JournalFileSymlinkLock(file_path)
            super().__init__(file_path, self._file_lock)
            with self._locked():
                cut = self._truncate_partial_line()
        except OSError as error:
            raise FileError(f"the storage {file_path} cannot be used: {os_error_reason(error)}") from None
        if cut:
            warn(
                f"the storage {file_path} ended in an incomplete line of {cut:,} bytes, probably because of a full "
                "disk or a power failure; the line was removed, so the operation that it recorded will be repeated"
            )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._file_lock.acquire()
        try:
            yield
        finally:
            self._file_lock.release()

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """Yield the records, starting with number `log_number_from`."""
        self.line = log_number_from
        logs = iter(super().read_logs(log_number_from))
        while True:
            try:
                log = next(logs)
            except StopIteration:
                break
            except (ValueError, RecursionError):
                self.line += 1
                raise
            self.line += 1
            yield log
        self.line = 0

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append all records, or none of them if there is an error."""
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with self._locked():
            self._truncate_partial_line()
            with open(self._path, "ab", buffering=0) as file:
                end = file.seek(0, os.SEEK_END)
                left = memoryview(lines.encode())
                try:
                    while left:
                        left = left[file.write(left) :]
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(end)
                    raise

    def _truncate_partial_line(self) -> int:
        """Remove an incomplete last line, and return the number of bytes that were removed.

        If only the last line's line break is missing, the line break is added instead.
        """
        with open(self._path, "r+b") as file:
            end = file.seek(0, os.SEEK_END)
            begin, last = end, b""
            while begin and b"\n" not in last:
                begin = max(0, begin - _BLOCK_SIZE)
                file.seek(begin)
                last = file.read(min(_BLOCK_SIZE, end - begin)) + last
            half = last.rpartition(b"\n")[2]
            if not half:
                return 0
            if _is_record(half):
                file.seek(0, os.SEEK_END)
                file.write(b"\n")
                return 0
            file.truncate(end - len(half))
            return len(half)


def _is_record(line: bytes) -> bool:
    """Return whether the file's last line is a complete record that lacks only its line break.

    A truncated record is never valid JSON.
    """
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
