"""A folder that contains the two newest checkpoints of a run. A background thread writes them."""

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

# Number of checkpoints to keep.
_NUM_KEPT = 2
_NAME = re.compile(r"checkpoint-(\d{12})\.zip")


class CheckpointFolder:
    """A folder that contains the two newest checkpoints of one run. The files are named ``checkpoint-<updates>.zip``.

    The constructor creates the folder and writes a test file, so that errors occur before training. It locks the
    folder until the process ends, because two processes that resume the same run would overwrite each other's
    checkpoints.

    `submit` returns immediately, and a background thread writes the newest pending checkpoint. If a checkpoint is still
    pending when the next one is submitted, the pending one is never written. If the thread fails, the next call to
    `submit`, `wait` or `clear` raises the thread's error.
    """

    def __init__(self, folder: PathType) -> None:
        self.path = check_path(folder, "the checkpoint folder")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            check_writable(self.path)
        except OSError as error:
            raise FileError(
                f"cannot write checkpoints to the folder {str(self.path)!r}: {os_error_reason(error)}. "
                "Use a different folder."
            ) from None
        self._claim = lock_folder(self.path)
        remove_stale_temp_files(self.path, _NAME.pattern)
        self._writer = _LatestJobThread()
        # Damaged checkpoints do not count toward `_NUM_KEPT`, even if they are the newest.
        self._damaged: set[Path] = set()

    def files(self) -> list[Path]:
        """Return the paths of all checkpoints, sorted from newest to oldest."""
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise FileError(f"cannot read the folder {str(self.path)!r}: {os_error_reason(error)}") from None
        found = [self.path / name for name in sorted(filter(_NAME.fullmatch, names), reverse=True)]
        return [path for path in found if path.is_file()]  # reading a pipe would block

    def load_latest(self, form: Any = ANY) -> Any:
        """Return the newest checkpoint that is not damaged and matches the schema `form`.

        If newer checkpoints cannot be used, the method warns about each of them.

        Returns:
            The checkpoint, or None if the folder contains no checkpoints.

        Raises:
            FileError: if there are checkpoints but none can be used.
        """
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
                warn(f"{message}. Continuing from the previous checkpoint, {path.name}.")
            return checkpoint
        if damaged:
            raise FileError(
                f"no checkpoint in {str(self.path)!r} can be used ({'; '.join(damaged)}). "
                "Delete the checkpoints to start from scratch."
            )
        return None

    def submit(self, updates: int, tree: PyTree, before_rename: Callable[[], Any] = lambda: None) -> None:
        """Start writing a checkpoint in the background (see `write_checkpoint`).

        Args:
            updates: The number of weight updates so far, which becomes part of the file name.
            tree: The data.
            before_rename: A function that is called just before the temporary file is renamed.
        """
        self._writer.submit(lambda: self._write(updates, tree, before_rename))

    def wait(self) -> None:
        """Wait until the most recently submitted checkpoint has been written to disk."""
        self._writer.wait()

    def clear(self) -> None:
        """Remove every checkpoint, and then the folder if it is empty."""
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
                f"{error}. The training state and the previous checkpoint are unchanged. Free some disk space or use a "
                "different folder, and then resume training."
            ) from None
        self._damaged.discard(self.path / name)
        intact = [path for path in self.files() if path not in self._damaged]
        for path in intact[_NUM_KEPT:]:
            _remove(path)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise FileError(f"cannot remove the checkpoint {str(path)!r}: {os_error_reason(error)}") from None


class _LatestJobThread:
    """A background thread that runs the most recently submitted job and ends when no job is pending."""

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
