"""`HoldoutJob`, the training of one network that is validated and tested on held-out rows."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any, Protocol

from fitwell._data.text_format import pluralize
from fitwell._history import History
from fitwell._progress import format_seconds
from fitwell.cli.baselines import Evaluation, evaluate
from fitwell.cli.prepared_data import PreparedData
from fitwell.cli.resume import CHECKPOINT_INTERVAL
from fitwell.cli.training_job import TrainResult
from fitwell.errors import DataError
from fitwell.utils import set_random_seed

__all__ = ["HoldoutJob", "HoldoutOptions"]


class HoldoutOptions(Protocol):
    """The options for a kind of network and its training."""

    @property
    def batch_size(self) -> int:
        """Rows per batch."""

    @property
    def epochs(self) -> int:
        """Maximum number of epochs."""

    @property
    def seed(self) -> int:
        """Seed for the weights, the order of the rows, and random layers."""

    @property
    def decays_to_zero(self) -> bool:
        """Whether the learning rate falls to zero in the last epoch, which is therefore often the best one."""

    def build(self, prepared: PreparedData) -> Any:
        """Build and compile the network."""

    def make_callbacks(self) -> list[Any]:
        """Return the callbacks that stop the training and change the learning rate."""

    def to_settings(self) -> dict[str, Any]:
        """Return the settings for ``run.json``."""

    def describe(self, prepared: PreparedData, model: Any) -> str:
        """Describe the network in a sentence before the training starts."""

    def describe_settings(self) -> list[tuple[str, str]]:
        """Return pairs of a setting and its value for the report."""


class HoldoutJob:
    """The training of one network. Early stopping or Ctrl-C may end it before the last epoch.

    Args:
        prepared: The data.
        options: The options for the network and its training.
    """

    def __init__(self, prepared: PreparedData, options: HoldoutOptions) -> None:
        self.prepared = prepared
        self.options = options
        set_random_seed(options.seed)
        self.model = options.build(prepared)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings for ``run.json``."""
        return self.options.to_settings()

    def describe(self) -> str:
        """Describe the network in a sentence."""
        return self.options.describe(self.prepared, self.model)

    def train(self, quiet: bool, checkpoints: Path) -> TrainResult:
        """Train the network. See `TrainingJob.train`."""
        from fitwell import callbacks

        prepared, settings, model = self.prepared, self.options, self.model
        backup = callbacks.BackupAndRestore(checkpoints, CHECKPOINT_INTERVAL)
        began = time.perf_counter()
        interrupted = False
        try:
            model.fit(
                prepared.train.x,
                prepared.train.y,
                validation_data=(prepared.validation.x, prepared.validation.y),
                epochs=settings.epochs,
                batch_size=settings.batch_size,
                callbacks=[*settings.make_callbacks(), backup],
                verbose=0 if quiet else 1,
            )
        except KeyboardInterrupt:
            # `fit` has already ended the epoch and restored the best weights.
            interrupted = True
        history: History = getattr(model, "history", None) or History()
        best = _best_epoch(history)
        if best is None and history.epoch:
            raise DataError(
                "training diverged: the validation loss was not finite in any epoch, so no model was kept; try a "
                "smaller --learning-rate"
            )
        return TrainResult(
            model if history.epoch else None,
            history,
            best,
            interrupted,
            time.perf_counter() - began,
            _describe_outcome(history, best, interrupted, settings),
        )

    def evaluate(self) -> Evaluation:
        """Score the network and the baselines."""
        return evaluate(self.model, self.prepared)

    def describe_settings(self, result: TrainResult) -> list[tuple[str, str]]:
        """Return pairs of a setting and its value for the report."""
        return [
            *self.options.describe_settings(),
            ("training", result.outcome),
            ("time", format_seconds(result.seconds)),
        ]

    def write_predictions(self, folder: Path) -> None:
        """Write nothing, because the network has trained on the rows."""


def _best_epoch(history: History) -> int | None:
    losses = history.history.get("val_loss", [])
    finite = [(loss, epoch) for loss, epoch in zip(losses, history.epoch) if math.isfinite(loss)]
    return min(finite)[1] if finite else None


def _describe_outcome(history: History, best: int | None, interrupted: bool, settings: HoldoutOptions) -> str:
    done = len(history.epoch)
    if not done:
        return "Interrupted by Ctrl-C before the end of the first epoch; no model was kept."
    kept = (
        ""
        if best is None
        else f" Kept the weights of epoch {best + 1}, which had the lowest validation loss."
    )
    if interrupted:
        return f"Interrupted by Ctrl-C after {pluralize(done, 'epoch')}; the model was kept.{kept}"
    if not math.isfinite(history.history["loss"][-1]):
        return f"Training diverged in epoch {done}.{kept}"
    if best is not None and best + 1 == settings.epochs and not settings.decays_to_zero:
        return (
            f"Trained for the maximum of {pluralize(done, 'epoch')}. The last epoch was the best, so more --epochs may "
            "improve the result."
        )
    if best is not None and done < settings.epochs:
        stalled = pluralize(done - 1 - best, "epoch")
        return (
            f"Stopped after {pluralize(done, 'epoch')} because the validation loss did not improve for "
            f"{stalled}.{kept}"
        )
    return f"Trained for {pluralize(done, 'epoch')}.{kept}"
