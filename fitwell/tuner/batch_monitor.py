"""A monitor for batches of trials. It handles pruning, progress, and the time limit during training."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fitwell._callback import Callback, Logs
from fitwell.population import Population
from fitwell.population.members import Member
from fitwell.tuner.objective import Objective
from fitwell.tuner.scoring import LearningCurve

__all__ = ["TRIAL_INDEX", "BatchMonitor", "BatchOutcome", "ReportFunction", "stop_at_deadline"]

# Key in a member's setting that stores the index of its trial in the batch.
TRIAL_INDEX = "trial"

# A function that takes the index of a trial in the batch, the number of finished epochs, and the best value so far. It
# returns whether to prune the trial.
ReportFunction = Callable[[int, int, float], bool]


@dataclass
class BatchOutcome:
    """The results of training a batch of trials.

    Attributes:
        curves: For each trial, the learning curves of its members.
        pruned: Indices of the pruned trials.
        infeasible: Reasons why the build function rejected trials, keyed by the index of the trial.
        interrupted: Whether Ctrl-C or the time limit ended the training.
    """

    curves: list[list[LearningCurve]]
    pruned: set[int] = field(default_factory=set)
    infeasible: dict[int, str] = field(default_factory=dict)
    interrupted: bool = False


@contextmanager
def stop_at_deadline(deadline: float | None, population: Population) -> Iterator[threading.Event]:
    """Stop all members at the first dispatch boundary after `deadline`.

    Args:
        deadline: A time as returned by `time.monotonic`, or None if there is no time limit.
        population: The population that is being trained inside the block.

    Yields:
        An event that is set when the deadline has passed.
    """
    late, done = threading.Event(), threading.Event()

    def wait() -> None:
        assert deadline is not None
        if not done.wait(max(deadline - time.monotonic(), 0.0)):
            late.set()
        # Set the flag repeatedly, because a member that starts training resets it.
        while not done.wait(0.05):
            for member in population.members:
                member.model.stop_training = True

    clock = threading.Thread(target=wait, name="fitwell-clock", daemon=True)
    if deadline is not None:
        clock.start()
    try:
        yield late
    finally:
        done.set()
        if deadline is not None:
            clock.join()


class BatchMonitor:
    """A monitor that reports a population's training progress to the pruner and to the progress table."""

    def __init__(
        self,
        population: Population,
        batch: BatchOutcome,
        objective: Objective,
        report: ReportFunction | None,
        rungs: Sequence[int],
        on_member_end: Callable[[], None],
    ) -> None:
        self.population = population
        self.batch = batch
        self.objective = objective
        self.report = report
        self.rungs = frozenset(rungs)
        self.on_member_end = on_member_end

    def callback(self) -> Callback:
        """Return a new callback for one member.

        Epoch hooks force each dispatch to end after one epoch, so the callback has epoch hooks only if the pruner needs
        them.
        """
        return _MonitorCallback(self) if self.report is None else _PruningCallback(self)

    def member_of(self, model: Any) -> Member:
        """Return the member that trains this model."""
        return next(member for member in self.population.members if member.model is model)


class _MonitorCallback(Callback):
    def __init__(self, monitor: BatchMonitor) -> None:
        super().__init__()
        self.monitor = monitor

    def __deepcopy__(self, memo: Any) -> _MonitorCallback:
        # A population copies its callbacks for each member, but all of these callbacks must share one monitor.
        return self

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.monitor.on_member_end()


class _PruningCallback(_MonitorCallback):
    def on_train_begin(self, logs: Logs | None = None) -> None:
        member = self.monitor.member_of(self.model)
        self.trial = member.setting[TRIAL_INDEX]
        # Only the first member of a trial reports, so that the pruner compares values with the same seed and rows.
        self.reports_for_trial = member.seed == self.monitor.population.members[0].seed and not member.fold
        self._values: list[float] = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        monitor = self.monitor
        if self.trial in monitor.batch.pruned:
            self.model.stop_training = True
            return
        self._values.append((logs or {}).get(monitor.objective.name, math.nan))
        if self.reports_for_trial and monitor.report is not None and epoch + 1 in monitor.rungs:
            best = monitor.objective.best(self._values)
            if monitor.report(self.trial, epoch + 1, best):
                monitor.batch.pruned.add(self.trial)
                self.model.stop_training = True
