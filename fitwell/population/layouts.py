"""How the members of a population are laid out over the machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from fitwell import random
from fitwell.population.fitting import MemberFit
from fitwell.population.members import Member

# Between two looks at Ctrl-C and at how many members are done, in seconds.
_LOOK = 0.1

Start = Callable[[], MemberFit]


def in_turn(
    starts: Sequence[tuple[Member, Start]],
    threads: int,
    tell: Callable[[int], None],
    interrupted: Callable[[], bool],
) -> None:
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
            running[number].train()
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
