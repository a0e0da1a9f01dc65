"""Threads that do the jobs of a population, each on the device it was given."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Protocol

import jax

from fitwell.engine import devices

# Between two looks at Ctrl-C and at how many members are done, in seconds.
_LOOK = 0.1


class Job(Protocol):
    """One member to train from beginning to end, or a stack of them. done: how many are."""

    done: int

    def run(self) -> None:
        """Train, on the device of this thread."""

    def stop(self) -> None:
        """Let what is running end with its dispatch; called from another thread, perhaps more than once."""


def work_off(
    groups: Sequence[Sequence[Job]],
    slots: Sequence[jax.Device],
    tell: Callable[[int], None],
    interrupted: Callable[[], bool],
) -> None:
    """Do the jobs of all groups on one thread per slot, and return when all are done.

    groups: jobs that run one compiled program each. slots: for each thread its device. tell: is told now and
    then how many members are done. When `interrupted`, or when one fails, running jobs are stopped, and the
    others do not begin.
    """
    jobs = [job for group in groups for job in group]
    queue = _Queue(groups)
    ending = threading.Event()

    def work(device: jax.Device) -> None:
        with devices.on(device):
            while not ending.is_set() and (job := queue.next_for(device)) is not None:
                job.run()

    with ThreadPoolExecutor(len(slots), "fitwell-member") as pool:
        threads = [pool.submit(work, device) for device in slots]
        waiting = set(threads)
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=_LOOK, return_when=FIRST_EXCEPTION)
                if interrupted() or any(thread.exception() for thread in done):
                    ending.set()
                if ending.is_set():
                    # Again at every look: a member that has only just begun forgets what it was told before.
                    for job in jobs:
                        job.stop()
                tell(sum(job.done for job in jobs))
        finally:
            ending.set()
    for thread in threads:
        thread.result()


class _Queue:
    """The jobs that nobody has begun, and who should do which."""

    def __init__(self, groups: Sequence[Sequence[Job]]) -> None:
        self._groups = [_Line(deque(group), set()) for group in groups]
        self._lock = threading.Lock()

    def next_for(self, device: jax.Device) -> Job | None:
        """Return the next job for a thread of `device`, or None when there are none left.

        The first of each group compiles for the others: those go first, so that programs compile side by side.
        A program is compiled for each device it runs on, so a device goes on with the groups it has begun, and
        helps with the longest of the others when there are no more of these.
        """
        with self._lock:
            left = [line for line in self._groups if line.jobs]
            if not left:
                return None
            line = min(left, key=lambda line: line.reluctance(device))
            line.devices.add(device)
            return line.jobs.popleft()


class _Line:
    """The jobs of one group that are left, and the devices that have compiled its program."""

    def __init__(self, jobs: deque[Job], devices: set[jax.Device]) -> None:
        self.jobs = jobs
        self.devices = devices

    def reluctance(self, device: jax.Device) -> tuple[int, int]:
        """Return what is smaller for the line to serve first."""
        if not self.devices:
            return 0, 0
        return (1, 0) if device in self.devices else (2, -len(self.jobs))
