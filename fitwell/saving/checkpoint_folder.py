"""A folder of checkpoints: the newest and the one before it, written by a thread."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fitwell._file_io import check_path, check_writable, lock_folder, os_error_reason, remove_stale_temp_files
from fitwell._schema import ANY, check_schema
from fitwell._typing import PathType, PyTree
from fitwell.errors import FileError, warn
from fitwell.saving.checkpoint_file import read_checkpoint, write_checkpoint

__all__ = ["CheckpointFolder"]

_NUM_KEPT = 2
_NAME = re.compile(r"checkpoint-(\d{12})\.zip")


class CheckpointFolder:
    """The checkpoints of one run: the last two files ``checkpoint-<updates>.zip``.

    The constructor creates the folder and writes a test file, so that errors occur before training. It locks the
    folder until the process ends, because two processes that resume the same run would overwrite each other's
    checkpoints. `submit` returns immediately: a thread writes the newest pending checkpoint, and a checkpoint that is
    still pending when the next one arrives is never written. The next call raises an error of the thread.
    """

    def __init__(self, folder: PathType) -> None:
        self.path = check_path(folder, "the folder of checkpoints")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            check_writable(self.path)
        except OSError as error:
            raise FileError(
                f"no checkpoints can be written to the folder {str(self.path)!r}: {os_error_reason(error)}; "
                "name another one"
            ) from None
        self._claim = lock_folder(self.path)
        remove_stale_temp_files(self.path, _NAME.pattern)
        self._writer = _LatestJobThread()
        # Damaged checkpoints do not count among those that are kept, even if their names are the newest.
        self._damaged: set[Path] = set()

    def files(self) -> list[Path]:
        """Return the paths of the checkpoints, the newest first."""
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise FileError(
                f"the folder {str(self.path)!r} cannot be read: {os_error_reason(error)}"
            ) from None
        found = [self.path / name for name in sorted(filter(_NAME.fullmatch, names), reverse=True)]
        return [path for path in found if path.is_file()]  # reading a pipe would block

    def load_latest(self, form: Any = ANY) -> Any:
        """Return the newest complete checkpoint that matches the schema `form`, or None if there are no checkpoints."""
        damaged = []
        for path in self.files():
            try:
                checkpoint = read_checkpoint(path)
                check_schema(checkpoint, form, repr(str(path)))
            except FileError as error:
                damaged.append(str(error))
                self._damaged.add(path)
                continue
            for message in damaged:
                warn(f"{message}; continuing from the one before it, {path.name}")
            return checkpoint
        if damaged:
            raise FileError(
                f"no checkpoint in {str(self.path)!r} can be used ({'; '.join(damaged)}). "
                "Delete them to start again"
            )
        return None

    def submit(self, updates: int, tree: PyTree, before_rename: Callable[[], Any] = lambda: None) -> None:
        """Let the thread write `tree` as the checkpoint after `updates` updates (see `write_checkpoint`)."""
        self._writer.submit(lambda: self._write(updates, tree, before_rename))

    def wait(self) -> None:
        """Wait until every submitted checkpoint is on the disk."""
        self._writer.wait()

    def clear(self) -> None:
        """Remove every checkpoint, and the folder if it is empty then."""
        self.wait()
        for path in self.files():
            _remove(path)
        with contextlib.suppress(OSError):  # it is not empty, or does not exist
            self.path.rmdir()

    def _write(self, updates: int, tree: PyTree, before_rename: Callable[[], Any]) -> None:
        name = f"checkpoint-{updates:012d}.zip"
        try:
            write_checkpoint(self.path / name, tree, before_rename)
        except FileError as error:
            raise FileError(
                f"{error}. The training state and the checkpoint before are unchanged; free some space or name "
                "another folder, and resume"
            ) from None
        self._damaged.discard(self.path / name)
        whole = [path for path in self.files() if path not in self._damaged]
        for path in whole[_NUM_KEPT:]:
            _remove(path)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise FileError(f"the checkpoint {str(path)!r} cannot be removed: {os_error_reason(error)}") from None


class _LatestJobThread:
    """A thread that runs the latest submitted job, and ends when there is none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._job: Callable[[], None] | None = None
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def submit(self, job: Callable[[], None]) -> None:
        self._raise()
        with self._lock:
            self._job = job
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True, name="fitwell-checkpoints")
                self._thread.start()

    def wait(self) -> None:
        thread = self._thread
        if thread is not None:
            thread.join()
        self._raise()

    def _work(self) -> None:
        while True:
            with self._lock:
                job, self._job = self._job, None
                if job is None or self._error is not None:
                    self._thread = None
                    return
            try:
                job()
            except BaseException as error:
                self._error = error

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error
