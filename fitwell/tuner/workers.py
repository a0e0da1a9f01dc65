"""Who trains a trial, and whether that process is still there."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fitwell.errors import FileError
from fitwell.forms import ANY_NUMBER

BEAT_SECONDS = 10.0
# A worker on another machine that has not been heard of for so long is taken for dead.
SILENCE_SECONDS = 120.0

_PREFIX = "worker "
# Workers of this process that are done, as after an error: the process lives on, and what they had may be taken.
_DONE: set[str] = set()


class Worker:
    """This process as one of those that share a study.

    `name` tells the machine, the process and the run apart. While it works (``with worker:``) it notes the
    time in the study every ten seconds.
    """

    def __init__(self, note: Callable[[str, float], None]) -> None:
        self.name = _new_name()
        self._note = note
        self._done = threading.Event()

    def __enter__(self) -> Worker:
        self.name = _new_name()
        self._note(_PREFIX + self.name, time.time())
        self._done.clear()
        self._thread = threading.Thread(target=self._beat, name="fitwell-worker", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()
        _DONE.add(self.name)

    def _beat(self) -> None:
        while not self._done.wait(BEAT_SECONDS):
            # Whether this was for once only, the thread that trains finds out when it next needs the storage.
            with contextlib.suppress(FileError):
                self._note(_PREFIX + self.name, time.time())


def _new_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def is_alive(name: str, notes: Mapping[str, Any], now: float | None = None) -> bool:
    """Return whether the worker `name` may still be at work; `notes`: the attributes of the study."""
    if name in _DONE:
        return False
    host, _, process = name.rpartition(":")[0].rpartition(":")
    if host == socket.gethostname() and os.name == "posix" and not _runs(process):
        return False
    heard: Any = notes.get(_PREFIX + name)
    if not ANY_NUMBER.test(heard):
        return False
    return (time.time() if now is None else now) - heard < SILENCE_SECONDS


def _runs(number: str) -> bool:
    process = int(number) if number.isdecimal() and len(number) < 10 else 0
    if process < 1:
        return False  # no number that a process has
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, but there
        return True
    return not _is_zombie(process)


def _is_zombie(process: int) -> bool:
    """Return whether a process has ended and only waits for its parent to ask how; known on Linux alone."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    # The name of the program, in brackets, may hold anything.
    return status.rpartition(")")[2].split()[0] == "Z"
