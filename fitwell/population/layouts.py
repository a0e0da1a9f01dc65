"""How the members of a population are laid out over the machine."""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from fitwell import random
from fitwell.engine.stacking import Request, answer
from fitwell.models.training import Outcome
from fitwell.population import choice
from fitwell.population.choice import LARGEST_STACK
from fitwell.population.fitting import MemberFit
from fitwell.population.members import Member

# Between two looks at Ctrl-C and at how many members are done, in seconds.
_LOOK = 0.1

Start = tuple[Member, Callable[[], MemberFit]]
Tell = Callable[[int], None]


def lay_out(
    groups: Sequence[Sequence[Start]],
    begin: Callable[[], None],
    tell: Tell,
    interrupted: Callable[[], bool],
) -> None:
    """Train the members of each group in the layout that suits it.

    groups: members of one program each, with what makes their fits. begin: is called when all settings are found
    to be right. tell: is told how many members are done. interrupted: says that the user wants to end.
    """
    piles, others = [], []
    for group in groups:
        member, start = group[0]
        # Settings are checked here, before anything has begun.
        with random.drawing_from(member.stream):
            first = start()
        if choice.stacks(first, len(group)):
            piles += [group[i : i + LARGEST_STACK] for i in range(0, len(group), LARGEST_STACK)]
        else:
            others.append(group)
    begin()
    done = 0
    for pile in piles:
        if not interrupted():
            stacked(pile, functools.partial(_after, done, tell), interrupted)
            done += len(pile)
    # The first of each group compiles for all: those go first, so that programs compile side by side.
    in_line = [group[0] for group in others] + [start for group in others for start in group[1:]]
    in_turn(in_line, cores(), functools.partial(_after, done, tell), interrupted)


def _after(done: int, tell: Tell, count: int) -> None:
    tell(done + count)


def in_turn(starts: Sequence[Start], threads: int, tell: Tell, interrupted: Callable[[], bool]) -> None:
    """Train member after member, each from beginning to end in the program of its group, on several threads.

    What XLA runs, runs beside Python: one thread per core keeps them busy. A member that has stopped costs
    nothing more, and one that goes NaN ends alone. When `interrupted`, running members stop at the end of
    their dispatch and the others do not begin.
    """
    running: dict[int, MemberFit] = {}

    def train(number: int) -> None:
        member, start = starts[number]
        with random.drawing_from(member.stream):
            running[number] = start()
            running[number].run()
        del running[number]

    with ThreadPoolExecutor(threads, "fitwell-member") as pool:
        waiting = {pool.submit(train, number) for number in range(len(starts))}
        while waiting:
            done, waiting = wait(waiting, timeout=_LOOK, return_when=FIRST_EXCEPTION)
            failed = any(future.exception() for future in done if not future.cancelled())
            if failed or interrupted():
                for future in waiting:
                    future.cancel()
                # Again at every look: a member that has only just begun forgets what it was told before.
                for fit in list(running.values()):
                    fit.model.stop_training = True
            tell(len(starts) - len(waiting))
            for future in done:
                if not future.cancelled():
                    future.result()


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def stacked(starts: Sequence[Start], tell: Tell, interrupted: Callable[[], bool]) -> None:
    """Train members side by side, as one program mapped over their states.

    Each fit goes on as it would alone, but the dispatches that members ask for are made together. A member
    that has stopped leaves its place idle, until a stack without the idle places is worth compiling.
    """
    runs = [_Run(member, start) for member, start in starts]
    asking = [run for run in runs if run.advance(None)]
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
            if interrupted():
                run.fit.model.stop_training = True
            run.advance(outcome)
        asking = [run for run in asking if run.asks]
        tell(len(starts) - len(asking))
        left = max((run.fit.epochs - run.fit.done for run in asking), default=0)
        if worth_compiling(per_epoch * left * (1 - len(asking) / width), compiling):
            width = len(asking)


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

    def advance(self, outcome: Outcome | None) -> bool:
        """Go on to the next dispatch; return whether there is one."""
        with random.drawing_from(self.member.stream):
            try:
                self.request = Request(self.fit.machine, *self._dispatches.send(outcome))
            except StopIteration:
                self.asks = False
        return self.asks
