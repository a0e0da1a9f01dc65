"""Runs the jobs of a population in threads, one device per thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Protocol

import jax

from fitwell._engine import devices

__all__ = ["Job", "run_jobs"]

# Polling interval for Ctrl-C and progress, in seconds.
_POLL_SECONDS = 0.1


class Job(Protocol):
    """Trains one member, or several under `vmap`.

    done: number of finished members.
    """

    done: int

    def run(self) -> None:
        """Train on the device of this thread."""

    def stop(self) -> None:
        """Stop after the running dispatch. Called from another thread, possibly more than once."""


def run_jobs(
    groups: Sequence[Sequence[Job]],
    slots: Sequence[jax.Device],
    report_done: Callable[[int], None],
    interrupted: Callable[[], bool],
) -> None:
    """Run the jobs of all groups with one thread per slot, and return when all are done.

    groups: jobs that share one compiled program each.
    slots: device of each thread.
    report_done: called regularly with the number of finished members.
    interrupted: returns whether the user pressed Ctrl-C.

    If `interrupted`, or if a job fails, running jobs are stopped and no others start.
    """
    jobs = [job for group in groups for job in group]
    queue = _JobQueue(groups)
    ending = threading.Event()

    def work(device: jax.Device) -> None:
        with devices.use_device(device):
            while not ending.is_set() and (job := queue.next_for(device)) is not None:
                job.run()

    with ThreadPoolExecutor(len(slots), "fitwell-member") as pool:
        threads = [pool.submit(work, device) for device in slots]
        waiting = set(threads)
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=_POLL_SECONDS, return_when=FIRST_EXCEPTION)
                if interrupted() or any(thread.exception() for thread in done):
                    ending.set()
                if ending.is_set():
                    # At every poll: a member that starts training resets `stop_training`.
                    for job in jobs:
                        job.stop()
                report_done(sum(job.done for job in jobs))
        finally:
            ending.set()
    for thread in threads:
        thread.result()


class _JobQueue:
    """The jobs that have not started, and their assignment to devices."""

    def __init__(self, groups: Sequence[Sequence[Job]]) -> None:
        self._groups = [_GroupQueue(deque(group), set()) for group in groups]
        self._lock = threading.Lock()

    def next_for(self, device: jax.Device) -> Job | None:
        """Return the next job for a thread of `device`, or None if no jobs are left.

        The first job of each group compiles for the others, so these start first and compile concurrently. A program
        is compiled for each device, so a device prefers the groups that it has compiled, and otherwise helps with
        the longest group.
        """
        with self._lock:
            left = [group_queue for group_queue in self._groups if group_queue.jobs]
            if not left:
                return None
            group_queue = min(left, key=lambda group_queue: group_queue.priority(device))
            group_queue.devices.add(device)
            return group_queue.jobs.popleft()


class _GroupQueue:
    """The remaining jobs of one group, and the devices that have compiled its program."""

    def __init__(self, jobs: deque[Job], devices: set[jax.Device]) -> None:
        self.jobs = jobs
        self.devices = devices

    def priority(self, device: jax.Device) -> tuple[int, int]:
        """Return the sort key of the group; the smallest is served first."""
        if not self.devices:
            return 0, 0
        return (1, 0) if device in self.devices else (2, -len(self.jobs))
