"""Scheduling of jobs over threads and devices."""

from __future__ import annotations

import threading

import jax
import pytest

from fitwell.population.job_queue import _JobQueue, run_jobs
from fitwell.population.scheduling import MAX_VMAP_SIZE, chunk_members

HERE = jax.local_devices()[0]


def test_a_device_stays_with_the_groups_it_compiled_and_then_helps_with_the_longest():
    queue = _JobQueue(["aaa", "bbbbb", "cc"])
    first = [queue.next_for(device) for device in ("one", "two", "one")]
    assert first == ["a", "b", "c"]  # the first of each group, so that programs compile side by side
    assert [queue.next_for("two") for _ in range(4)] == ["b"] * 4
    assert queue.next_for("two") == "a"  # of three groups, its own is used up and this is the longest
    assert [queue.next_for("one") for _ in range(3)] == ["a", "c", None]


@pytest.mark.parametrize(
    ("members", "least", "sizes"),
    [(8, 4, [2, 2, 2, 2]), (5, 2, [3, 2]), (3, 8, [1, 1, 1]), (1, 1, [1])],
)
def test_piles_are_even(members, least, sizes):
    assert [len(chunk) for chunk in chunk_members(range(members), least)] == sizes


def test_no_pile_is_larger_than_the_largest_stack():
    sizes = [len(chunk) for chunk in chunk_members(range(2 * MAX_VMAP_SIZE + 2), 1)]
    assert len(sizes) == 3
    assert max(sizes) - min(sizes) <= 2


class Recorded:
    """A job that waits until it is stopped, fails, or finishes immediately."""

    def __init__(self, what="done"):
        self.done = 0
        self.begun = False
        self.what = what
        self.stopped = threading.Event()

    def run(self):
        self.begun = True
        if self.what == "fails":
            raise ValueError("this one")
        if self.what == "waits":
            assert self.stopped.wait(30)
        self.done = 1

    def stop(self):
        self.stopped.set()


def test_all_jobs_are_done_and_counted():
    jobs, counts = [Recorded() for _ in range(5)], []
    run_jobs([jobs[:2], jobs[2:]], [HERE, HERE], counts.append, lambda: False)
    assert counts[-1] == 5


def test_a_job_that_fails_stops_those_that_run_and_the_others_do_not_begin():
    waits, fails, after = Recorded("waits"), Recorded("fails"), Recorded()
    with pytest.raises(ValueError, match="this one"):
        run_jobs([[waits], [fails, after]], [HERE, HERE], lambda done: None, lambda: False)
    assert waits.done
    assert not after.begun


def test_an_interruption_stops_what_runs():
    jobs = [Recorded("waits"), Recorded("waits"), Recorded("waits")]
    run_jobs([jobs], [HERE, HERE], lambda done: None, lambda: jobs[0].begun and jobs[1].begun)
    assert [job.done for job in jobs] == [1, 1, 0]
