"""`TrainingJob`, the interface between a kind of network and the commands that train, score and report it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fitwell._history import History
from fitwell.cli.baselines import Evaluation
from fitwell.cli.prepared_data import PreparedData

__all__ = ["TrainResult", "TrainingJob"]


@dataclass(frozen=True)
class TrainResult:
    """The result of training.

    Attributes:
        model: The trained model, or None if Ctrl-C ended the training of every network before its first epoch ended.
        history: Losses and metrics of all epochs. For an ensemble, they are means over networks.
        best_epoch: 0-based index of the epoch whose weights were kept, or None if no validation loss was finite, or if
            there is more than one network.
        interrupted: Whether Ctrl-C ended the training.
        seconds: Training time.
        outcome: Sentences that say how the training ended.
    """

    model: Any
    history: History
    best_epoch: int | None
    interrupted: bool
    seconds: float
    outcome: str


class TrainingJob(Protocol):
    """A network or an ensemble that can be trained on a run's data."""

    prepared: PreparedData

    @property
    def settings(self) -> dict[str, Any]:
        """The settings for ``run.json``."""

    def describe(self) -> str:
        """Describe the network in a sentence before the training starts."""

    def train(self, quiet: bool, checkpoints: Path) -> TrainResult:
        """Train, and resume from `checkpoints` if there are any. Ctrl-C ends the training but not the program.

        Raises:
            DataError: If the training diverged.
        """

    def evaluate(self) -> Evaluation:
        """Score the trained network and the baselines."""

    def describe_settings(self, result: TrainResult) -> list[tuple[str, str]]:
        """Return pairs of a setting and its value for the report."""

    def write_predictions(self, folder: Path) -> None:
        """Write the predictions for training rows to `folder`, if there are any."""
