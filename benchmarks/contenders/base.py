"""What every contender offers to the measurements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from benchmarks.workloads import Data, Workload

Device = Literal["cpu", "gpu"]
Settings = Mapping[str, int | str]


@dataclass(frozen=True)
class Job:
    """What is to be trained, on what, and where."""

    workload: Workload
    data: Data
    seed: int
    device: Device


@dataclass(frozen=True)
class Score:
    """Loss and, for classification, accuracy over the validation rows."""

    loss: float
    accuracy: float | None


class Training(Protocol):
    """A network in training."""

    def train(self, epochs: int) -> Score | None:
        """Train on for `epochs` epochs, evaluating the validation rows after each; return the last evaluation.

        Returns only when the work is done, not merely queued; None where nothing is learned.
        """


class Contender(ABC):
    """A way to train a workload; `settings` are the choices among which the best is taken."""

    name: ClassVar[str]
    title: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]

    def obstacle(self, workload: Workload) -> str | None:
        """Why this contender cannot run the workload, or None if it can."""
        return None

    def settings(self, workload: Workload, device: Device) -> tuple[Settings, ...]:
        """Settings to choose from."""
        return ({},)

    @abstractmethod
    def prepare(self) -> None:
        """Import what is needed, so that imports are not timed as training."""

    @abstractmethod
    def start(self, job: Job, settings: Settings) -> Training:
        """Build the network, with fresh weights drawn from the job's seed."""
