"""How the members of a population are laid out over the machine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import jax

from fitwell import random
from fitwell.engine import devices
from fitwell.engine.stacking import Request, answer
from fitwell.models.training import Outcome
from fitwell.population import choice
from fitwell.population.choice import LARGEST_STACK
from fitwell.population.fitting import MemberFit
from fitwell.population.members import Member
from fitwell.population.workers import Job, work_off

Start = tuple[Member, Callable[[], MemberFit]]


@contextmanager
def compiling_ahead() -> Iterator[Callable[[MemberFit], None]]:
    """Give a function that has the program of a fit compiled while its caller goes on.

    It does so for a fit per core: further programs are compiled by those who train their members. And on CPUs
    only, for elsewhere members are stacked, and how many are is not known before all are sorted.
    """
    left = devices.cores() if devices.here().platform == "cpu" else 0
    pool = ThreadPoolExecutor(max(left, 1), "fitwell-compiler")

    def ahead(fit: MemberFit) -> None:
        nonlocal left
        if left:
            left -= 1
            fit.compile_ahead(pool)

    try:
        yield ahead
    finally:
        pool.shutdown(wait=False)


def lay_out(
    groups: Sequence[tuple[MemberFit, Sequence[Start]]],
    tell: Callable[[int], None],
    interrupted: Callable[[], bool],
) -> None:
    """Train the members of each group in the layout that suits it, on all devices.

    groups: a fit like those of all its members, and for each of them what makes its fit. tell: is told how many
    members are done. interrupted: says that the user wants to end.
    """
    stacks: list[Sequence[Start]] = []
    others: list[Sequence[Start]] = []
    for like, starts in groups:
        (stacks if choice.stacks(like, len(starts)) else others).append(starts)
    slots = threads()
    jobs: list[list[Job]] = []
    for group in stacks:
        # Where there are fewer groups than devices, each is divided among several.
        jobs.append([Stack(pile) for pile in piles(group, -(-len(set(slots)) // len(stacks)))])
    jobs += [[Alone(start) for start in group] for group in others]
    work_off(jobs, slots, tell, interrupted)


def piles(group: Sequence[Start], least: int) -> list[Sequence[Start]]:
    """Divide a group into stacks of one size, at least so many where there are members enough."""
    size = math.ceil(len(group) / max(least, math.ceil(len(group) / LARGEST_STACK)))
    return [group[i : i + size] for i in range(0, len(group), size)]


def threads() -> list[jax.Device]:
    """Return for each thread of a population the device it works on.

    Every accelerator has a thread. On a CPU XLA runs beside Python, and one thread per core keeps both busy.
    Several CPU devices, which there are only when somebody asked for them, share the cores, and each would compile
    anew: for 32 networks 8-30-1 on 2 cores, two took about one and a half times as long as one. So one is used.
    """
    found = devices.available()
    return found if found[0].platform != "cpu" else found[:1] * devices.cores()


class Alone:
    """A member that is trained from beginning to end by itself, in the program of its group.

    Once it has stopped it costs nothing more, and one that goes NaN ends alone.
    """

    def __init__(self, start: Start) -> None:
        self.done = 0
        self._start = start
        self._fit: MemberFit | None = None

    def run(self) -> None:
        """Train."""
        member, start = self._start
        with random.drawing_from(member.stream):
            self._fit = start()
            self._fit.run()
        self._fit = None
        self.done = 1

    def stop(self) -> None:
        """End with the running dispatch."""
        fit = self._fit
        if fit is not None:
            fit.model.stop_training = True


class Stack:
    """Members that are trained side by side, as one program mapped over their states.

    Each fit goes on as it would alone, but the dispatches that members ask for are made together. A member
    that has stopped leaves its place idle, until a stack without the idle places is worth compiling.
    """

    def __init__(self, starts: Sequence[Start]) -> None:
        self.done = 0
        self._starts = starts
        self._stopping = False

    def stop(self) -> None:
        """End with the running dispatch."""
        self._stopping = True

    def run(self) -> None:
        """Train all."""
        runs = [_Run(member, start) for member, start in self._starts]
        asking = [run for run in runs if run.advance(None)]
        self._stopping |= any(run.error for run in runs)
        width, compiling = len(asking), math.inf
        while asking:
            key = asking[0].request.key
            together = [run for run in asking if run.request.key == key]
            began = time.perf_counter()
            answers = answer([run.request for run in together], max(width, len(together)))
            seconds = time.perf_counter() - began
            # The first dispatch is short; what it took was compiling.
            compiling = min(compiling, seconds)
            per_epoch = seconds / together[0].request.work.epochs
            for run, outcome in zip(together, answers, strict=True):
                if self._stopping:
                    run.fit.model.stop_training = True
                run.advance(outcome)
                # The others end like members trained alone when one of them fails: with all they learned.
                self._stopping |= run.error is not None
            asking = [run for run in asking if run.asks]
            self.done = len(runs) - len(asking)
            left = max((run.fit.epochs - run.fit.done for run in asking), default=0)
            if worth_compiling(per_epoch * left * (1 - len(asking) / width), compiling):
                width = len(asking)
        self.done = len(runs)
        for run in runs:
            if run.error is not None:
                raise run.error


def worth_compiling(spared: float, compiling: float) -> bool:
    """Return whether a program that spares so many seconds pays for those that compiling it takes."""
    return spared > compiling


class _Run:
    """A member of a stack: its fit, standing where it waits for a dispatch, its `request`."""

    request: Request

    def __init__(self, member: Member, start: Callable[[], MemberFit]) -> None:
        self.member = member
        with random.drawing_from(member.stream):
            self.fit = start()
        self._dispatches = self.fit.dispatches()
        self.asks = True
        self.error: Exception | None = None

    def advance(self, outcome: Outcome | None) -> bool:
        """Go on to the next dispatch; return whether there is one."""
        with random.drawing_from(self.member.stream):
            try:
                self.request = Request(self.fit.machine, *self._dispatches.send(outcome))
            except StopIteration:
                self.asks = False
            except Exception as error:
                self.asks, self.error = False, error
        return self.asks
