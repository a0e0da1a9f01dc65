"""Scheduling of a population's members on CPU cores and accelerators, in threads or under `vmap`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import jax

from fitwell import random
from fitwell._data.loaders import Dispatch
from fitwell._engine import devices
from fitwell._engine.dispatch_result import DispatchResult
from fitwell._engine.train_state import TrainState
from fitwell._engine.vmapped import DispatchRequest, run_vmapped
from fitwell.models.train_loop import EpochValues
from fitwell.population import vmap_rule
from fitwell.population.job_queue import Job, run_jobs
from fitwell.population.member_train_loop import MemberTrainLoop
from fitwell.population.members import Member
from fitwell.population.vmap_rule import MAX_VMAP_SIZE

__all__ = [
    "MemberStart",
    "SingleJob",
    "VmappedJob",
    "async_compiler",
    "chunk_members",
    "run_groups",
    "thread_devices",
    "worth_compiling",
]

MemberStart = tuple[Member, Callable[[], MemberTrainLoop]]


@contextmanager
def async_compiler() -> Iterator[Callable[[MemberTrainLoop], None]]:
    """Return a context manager that yields a function for compiling a train loop's program in the background.

    The function compiles at most one program per core, and the training threads compile the other programs. On
    accelerators, the function does nothing, because members run under `vmap` there, and the size of each group is not
    known until all members are grouped.
    """
    left = devices.cpu_count() if devices.current_device().platform == "cpu" else 0
    pool = ThreadPoolExecutor(max(left, 1), "fitwell-compiler")

    def ahead(fit: MemberTrainLoop) -> None:
        nonlocal left
        if left:
            left -= 1
            fit.compile_ahead(pool)

    try:
        yield ahead
    finally:
        pool.shutdown(wait=False)


def run_groups(
    groups: Sequence[tuple[MemberTrainLoop, Sequence[MemberStart]]],
    report_done: Callable[[int], None],
    interrupted: Callable[[], bool],
) -> None:
    """Train all groups on all devices, either under `vmap` or in threads.

    Args:
        groups: For each group, its first train loop, and its members with functions that create their train loops.
        report_done: A function that is called with the number of finished members.
        interrupted: A function that returns whether the user pressed Ctrl-C.
    """
    vmapped: list[Sequence[MemberStart]] = []
    threaded: list[Sequence[MemberStart]] = []
    for like, starts in groups:
        (vmapped if vmap_rule.should_vmap(like, len(starts)) else threaded).append(starts)
    slots = thread_devices()
    jobs: list[list[Job]] = []
    for group in vmapped:
        # If there are fewer groups than devices, divide each group among multiple devices.
        jobs.append(
            [VmappedJob(chunk) for chunk in chunk_members(group, -(-len(set(slots)) // len(vmapped)))]
        )
    jobs += [[SingleJob(start) for start in group] for group in threaded]
    run_jobs(jobs, slots, report_done, interrupted)


def chunk_members(group: Sequence[MemberStart], least: int) -> list[Sequence[MemberStart]]:
    """Split a group into chunks of about equal size.

    Args:
        group: The members of the group.
        least: The minimum number of chunks, if there are enough members.

    Returns:
        The chunks, which contain at most `MAX_VMAP_SIZE` members each.
    """
    size = math.ceil(len(group) / max(least, math.ceil(len(group) / MAX_VMAP_SIZE)))
    return [group[i : i + size] for i in range(0, len(group), size)]


def thread_devices() -> list[jax.Device]:
    """Return a list with the device of each training thread.

    Each accelerator has one thread. On a CPU, XLA runs concurrently with Python, and one thread per core keeps both
    busy. Only one CPU device is used, because multiple CPU devices share the cores but compile separately. For 32
    networks of shape 8-30-1 on 2 cores, two devices took about 1.5 times as long as one device.
    """
    found = devices.local_devices()
    return found if found[0].platform != "cpu" else found[:1] * devices.cpu_count()


class SingleJob:
    """A job that trains one member alone, with the compiled program of its group.

    If the member stops early or diverges, it does not use any more computation time.
    """

    def __init__(self, start: MemberStart) -> None:
        self.done = 0
        self._start = start
        self._fit: MemberTrainLoop | None = None

    def run(self) -> None:
        """Train the member."""
        member, start = self._start
        with random.use_seed_generator(member.stream):
            self._fit = start()
            self._fit.run()
        self._fit = None
        self.done = 1

    def stop(self) -> None:
        """Stop after the current dispatch."""
        fit = self._fit
        if fit is not None:
            fit.halt()


class VmappedJob:
    """A job that trains multiple members under `vmap`, with one program that is mapped over their states.

    Each member has a separate train loop, but their dispatches are executed together. When a member stops, its slot in
    the program stays idle until compiling a program with fewer slots is worthwhile.
    """

    def __init__(self, starts: Sequence[MemberStart]) -> None:
        self.done = 0
        self._starts = starts
        self._stopping = False

    def stop(self) -> None:
        """Stop after the current dispatch."""
        self._stopping = True

    def run(self) -> None:
        """Train all members."""
        runs = [_MemberRun(member, start) for member, start in self._starts]
        waiting = [run for run in runs if run.advance(None)]
        self._stopping |= any(run.error for run in runs)
        width, compiling = len(waiting), math.inf
        while waiting:
            key = waiting[0].request.key
            together = [run for run in waiting if run.request.key == key]
            began = time.perf_counter()
            results = run_vmapped([run.request for run in together], max(width, len(together)))
            seconds = time.perf_counter() - began
            # The first dispatch is short, so most of its time is compilation.
            compiling = min(compiling, seconds)
            per_epoch = seconds / together[0].request.dispatch.epochs
            for run, outcome in zip(together, results, strict=True):
                if self._stopping:
                    run.fit.halt()
                run.advance(outcome)
                # If one member fails, the other members stop and keep their progress, as they do in threads.
                self._stopping |= run.error is not None
            waiting = [run for run in waiting if run.is_waiting]
            self.done = len(runs) - len(waiting)
            left = max((run.fit.epochs_left for run in waiting), default=0)
            if worth_compiling(per_epoch * left * (1 - len(waiting) / width), compiling):
                width = len(waiting)
        self.done = len(runs)
        for run in runs:
            if run.error is not None:
                raise run.error


def worth_compiling(spared: float, compiling: float) -> bool:
    """Return whether a smaller program saves more seconds than it takes to compile."""
    return spared > compiling


class _MemberRun:
    """The training of one member under `vmap`.

    Attributes:
        request: The request for the member's next dispatch.
        is_waiting: Whether the member is waiting for its next dispatch.
        error: The exception that stopped the member, or None.
    """

    request: DispatchRequest

    def __init__(self, member: Member, start: Callable[[], MemberTrainLoop]) -> None:
        self.member = member
        with random.use_seed_generator(member.stream):
            self.fit = start()
        self._training = ExitStack()
        self._dispatches: Iterator[tuple[Dispatch, EpochValues]] | None = None
        self.is_waiting = True
        self.error: Exception | None = None

    def advance(self, outcome: tuple[TrainState, DispatchResult] | None) -> bool:
        """Process the outcome of a dispatch and prepare the next request.

        Args:
            outcome: The state and the result after the dispatch, or None before the first dispatch.

        Returns:
            Whether there is another request.
        """
        with random.use_seed_generator(self.member.stream):
            try:
                self.is_waiting = self._advance(outcome)
            except Exception as error:
                self.is_waiting, self.error = False, error
        return self.is_waiting

    def _advance(self, outcome: tuple[TrainState, DispatchResult] | None) -> bool:
        fit = self.fit
        with self._training.pop_all() as training:
            if self._dispatches is None:
                self._dispatches = fit.dispatches(training.enter_context(fit.training()))
            else:
                assert outcome is not None
                fit.after(self.request.dispatch, self.request.epoch_values, *outcome)
            for dispatch, values in self._dispatches:
                self.request = DispatchRequest(fit.plan.runner, fit.session.pull(), dispatch, values)
                # Keep the training context open until the next call.
                self._training = training.pop_all()
                return True
        return False
