"""Training of a run's network. Early stopping or Ctrl-C may end the training before the last epoch."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitwell._data.text_format import pluralize
from fitwell._history import History
from fitwell.cli.network_builder import TrainOptions
from fitwell.cli.prepared_data import PreparedData
from fitwell.cli.resume import CHECKPOINT_INTERVAL
from fitwell.errors import DataError

__all__ = [
    "TrainResult",
    "train_model",
]


@dataclass(frozen=True)
class TrainResult:
    """The result of training.

    Attributes:
        history: Losses and metrics of all epochs.
        best_epoch: 0-based index of the epoch whose weights were kept, or None if no validation loss was finite.
        interrupted: Whether Ctrl-C ended the training.
        seconds: Training time.
        outcome: Sentences that say how the training ended.
    """

    history: History
    best_epoch: int | None
    interrupted: bool
    seconds: float
    outcome: str


def train_model(
    model: Any, prepared: PreparedData, settings: TrainOptions, quiet: bool, checkpoints: Path
) -> TrainResult:
    """Train `model`, and resume from `checkpoints` if there are any. Ctrl-C ends the training but not the program.

    Raises:
        DataError: If the validation loss was not finite in any epoch.
    """
    from fitwell import callbacks

    policies = [
        callbacks.EarlyStopping(monitor="val_loss", patience=settings.patience, restore_best_weights=True),
        callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=settings.plateau_patience),
        callbacks.BackupAndRestore(checkpoints, CHECKPOINT_INTERVAL),
    ]
    began = time.perf_counter()
    interrupted = False
    try:
        model.fit(
            prepared.train.x,
            prepared.train.y,
            validation_data=(prepared.validation.x, prepared.validation.y),
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            callbacks=policies,
            verbose=0 if quiet else 1,
        )
    except KeyboardInterrupt:
        # `fit` has already ended the epoch and restored the best weights.
        interrupted = True
    history: History = getattr(model, "history", None) or History()
    best = _best_epoch(history)
    if best is None and history.epoch:
        raise DataError(
            "training diverged: the validation loss was not finite in any epoch, so no model was kept; try a smaller "
            "--learning-rate"
        )
    return TrainResult(
        history,
        best,
        interrupted,
        time.perf_counter() - began,
        _describe_outcome(history, best, interrupted, settings),
    )


def _best_epoch(history: History) -> int | None:
    losses = history.history.get("val_loss", [])
    finite = [(loss, epoch) for loss, epoch in zip(losses, history.epoch) if math.isfinite(loss)]
    return min(finite)[1] if finite else None


def _describe_outcome(history: History, best: int | None, interrupted: bool, settings: TrainOptions) -> str:
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
    if best is not None and best + 1 == settings.epochs:
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
