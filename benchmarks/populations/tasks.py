"""The populations to train: W6, W7 and W8. A member is a workload with its own numbers, seed and rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.contenders.base import Job
from benchmarks.workloads import WORKLOADS, Data, Dense, Workload


@dataclass(frozen=True)
class Member:
    """One network: what is particular to it. fold: the part of the rows it is validated with, or None."""

    learning_rate: float
    l2: float
    seed: int
    fold: int | None = None


@dataclass(frozen=True)
class Task:
    """A population. `workload` is what all members share; `folds` divide the rows of `load` when not 0."""

    name: str
    title: str
    workload: Workload
    load: Callable[[], Data]
    members: tuple[Member, ...]
    folds: int = 0

    def splits(self, rows: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Rows to learn from and to validate with, for each fold; equally many in all."""
        parts = np.random.default_rng(0).permutation(rows).reshape(self.folds, -1)
        everything = np.arange(rows)
        return [(np.setdiff1d(everything, part), np.sort(part)) for part in parts]

    def job(self, member: Member, data: Data) -> Job:
        """One member as a job of its own."""
        workload = dataclasses.replace(self.workload, learning_rate=member.learning_rate, l2=member.l2)
        if member.fold is not None:
            train, valid = self.splits(len(data.x))[member.fold]
            data = Data(data.x[train], data.y[train], data.x[valid], data.y[valid])
        return Job(workload, data, member.seed, "cpu")


def _digits() -> Data:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    # 1795 of the 1797 rows, so that five folds are equal; the validation rows are those of the folds.
    x, y = (x[:1795] / 16).astype(np.float32), y[:1795].astype(np.int32)
    return Data(x, y, x[:0], y[:0])


_DIGITS = Workload(
    name="digits",
    title="",
    load=_digits,
    inputs=64,
    layers=(Dense(100, relu=True), Dense(10)),
    loss="sparse_categorical_crossentropy",
    optimizer="adam",
    learning_rate=0.001,
    batch_size=32,
    epochs=20,
    epochs_per_fit=20,
    epochs_per_dispatch=20,
    fuse_loop=False,
    score_seeds=1,
)
_MOONS = dataclasses.replace(WORKLOADS["W5"], epochs=1000, epochs_per_dispatch=500)

TASKS = {
    task.name: task
    for task in (
        Task(
            name="W6",
            title="32 networks 8-30-1 on California housing, 32 learning rates, 20 epochs",
            workload=dataclasses.replace(WORKLOADS["W3"], epochs=20),
            load=WORKLOADS["W3"].load,
            members=tuple(Member(float(rate), 0.0, 0) for rate in np.geomspace(1e-4, 3e-2, 32)),
        ),
        Task(
            name="W7",
            title="100 networks 2-500-1 on two moons (30 rows), 20 seeds × 5 penalties, 1,000 epochs",
            workload=_MOONS,
            load=_MOONS.load,
            members=tuple(
                Member(0.001, l2, seed) for l2 in (1e-6, 1e-5, 1e-4, 1e-3, 1e-2) for seed in range(20)
            ),
        ),
        Task(
            name="W8",
            title="80 networks 64-100-10 on digits, 5 folds × 4 learning rates × 4 penalties, 20 epochs",
            workload=_DIGITS,
            load=_digits,
            members=tuple(
                Member(rate, l2, 0, fold)
                for rate in (3e-4, 1e-3, 3e-3, 1e-2)
                for l2 in (1e-6, 1e-5, 1e-4, 1e-3)
                for fold in range(5)
            ),
            folds=5,
        ),
    )
}
