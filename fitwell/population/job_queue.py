"""A queue that runs a population's jobs in threads. Each thread uses one device."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Protocol

import jax

from fitwell._engine import devices

__all__ = ["Job", "run_jobs"]

# The interval in seconds at which Ctrl-C is checked and progress is updated.
_POLL_SECONDS = 0.1


class Job(Protocol):
    """A job that trains one member, or multiple members under `vmap`.

    Attributes:
        done: The number of finished members.
    """

    done: int

    def run(self) -> None:
        """Train the members on this thread's device."""

    def stop(self) -> None:
        """Stop after the current dispatch. This method is called from a different thread, possibly more than once."""


def run_jobs(
    groups: Sequence[Sequence[Job]],
    slots: Sequence[jax.Device],
    report_done: Callable[[int], None],
    interrupted: Callable[[], bool],
) -> None:
    """Run the jobs of all groups in threads, and return when all jobs are done.

    If the user presses Ctrl-C or a job fails, running jobs are stopped and no further jobs are started.

    Args:
        groups: Groups of jobs. The jobs of a group share one compiled program.
        slots: The device of each thread. There is one thread per entry.
        report_done: A function that is called regularly with the number of finished members.
        interrupted: A function that returns whether the user pressed Ctrl-C.
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
                    # Stop the jobs at every poll, because a member that starts training resets `stop_training`.
                    for job in jobs:
                        job.stop()
                report_done(sum(job.done for job in jobs))
        finally:
            ending.set()
    for thread in threads:
        thread.result()


class _JobQueue:
    """A queue of the jobs that have not started, which assigns jobs to devices."""

    def __init__(self, groups: Sequence[Sequence[Job]]) -> None:
        self._groups = [_GroupQueue(deque(group), set()) for group in groups]
        self._lock = threading.Lock()

    def next_for(self, device: jax.Device) -> Job | None:
        """Return the next job for a thread on `device`, or None if no jobs are left.

        The first job of each group compiles the group's program, so the first jobs of all groups start before the other
        jobs and compile concurrently. Each device needs a separately compiled program. A device therefore prefers
        groups whose program it has already compiled. If there are none, it takes a job from the group with the most
        remaining jobs.
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
        """Return the group's sort key for `device`. The group with the smallest key is served first."""
        if not self.devices:
            return 0, 0
        return (1, 0) if device in self.devices else (2, -len(self.jobs))
