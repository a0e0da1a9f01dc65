"""Heartbeats of workers that share a study, and detection of dead workers."""

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

from fitwell._schema import ANY_NUMBER
from fitwell.errors import FileError

__all__ = ["HEARTBEAT_GRACE_PERIOD", "HEARTBEAT_INTERVAL", "Worker", "is_alive"]

# Seconds between two heartbeats.
HEARTBEAT_INTERVAL = 10.0
# A worker on another machine counts as dead after this number of seconds without a heartbeat.
HEARTBEAT_GRACE_PERIOD = 120.0

_PREFIX = "worker "
# Names of finished workers in this process. Other workers may take over their trials even if the process is alive.
_FINISHED_WORKERS: set[str] = set()


class Worker:
    """A worker that trains trials of a shared study.

    Inside a ``with worker:`` block, the worker writes the current time to the study every ten seconds.

    Attributes:
        name: String that identifies the machine, the process and the run.
    """

    def __init__(self, write_heartbeat: Callable[[str, float], None]) -> None:
        self.name = _new_name()
        self._write_heartbeat = write_heartbeat
        self._done = threading.Event()

    def __enter__(self) -> Worker:
        self.name = _new_name()
        self._write_heartbeat(_PREFIX + self.name, time.time())
        self._done.clear()
        self._thread = threading.Thread(target=self._send_heartbeats, name="fitwell-worker", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()
        _FINISHED_WORKERS.add(self.name)

    def _send_heartbeats(self) -> None:
        while not self._done.wait(HEARTBEAT_INTERVAL):
            # If the error persists, the training thread raises it when it next uses the storage.
            with contextlib.suppress(FileError):
                self._write_heartbeat(_PREFIX + self.name, time.time())


def _new_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def is_alive(name: str, attributes: Mapping[str, Any], now: float | None = None) -> bool:
    """Return whether the worker `name` may still be running.

    Args:
        name: The worker's name.
        attributes: The study's user attributes, which contain the heartbeats.
        now: The current time in seconds since the epoch. Default: None, which reads the clock.
    """
    if name in _FINISHED_WORKERS:
        return False
    host, _, process = name.rpartition(":")[0].rpartition(":")
    if host == socket.gethostname() and os.name == "posix" and not _is_running(process):
        return False
    last_heartbeat: Any = attributes.get(_PREFIX + name)
    if not ANY_NUMBER.test(last_heartbeat):
        return False
    return (time.time() if now is None else now) - last_heartbeat < HEARTBEAT_GRACE_PERIOD


def _is_running(number: str) -> bool:
    process = int(number) if number.isdecimal() and len(number) < 10 else 0
    if process < 1:
        return False  # not a process id
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # the process exists and belongs to another user
        return True
    return not _is_zombie(process)


def _is_zombie(process: int) -> bool:
    """Return whether a process has ended but its parent has not read its exit status yet (Linux only)."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    # The program's name is in parentheses and may contain any characters, including parentheses.
    return status.rpartition(")")[2].split()[0] == "Z"
