"""`MLPJob`, the training of one plain network on held-out rows."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from fitwell._data.text_format import pluralize
from fitwell._history import History
from fitwell._progress import format_seconds
from fitwell.cli.baselines import Evaluation, evaluate
from fitwell.cli.network_builder import TrainOptions, build_network
from fitwell.cli.prepared_data import PreparedData
from fitwell.cli.resume import CHECKPOINT_INTERVAL
from fitwell.cli.training_job import TrainResult
from fitwell.errors import DataError
from fitwell.utils import set_random_seed

__all__ = ["MLPJob"]


class MLPJob:
    """The training of one plain network. Early stopping or Ctrl-C may end it before the last epoch.

    Args:
        prepared: The data.
        options: The options for the network and its training.
    """

    def __init__(self, prepared: PreparedData, options: TrainOptions) -> None:
        self.prepared = prepared
        self.options = options
        set_random_seed(options.seed)
        self.model = build_network(prepared, options)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings for ``run.json``."""
        return vars(self.options) | {"hidden": list(self.options.hidden)}

    def describe(self) -> str:
        """Describe the network in a sentence."""
        options = self.options
        inputs = int(np.prod(self.prepared.train.x.shape[1:]))
        outputs = int(self.model.output_shape[-1])
        sizes = " - ".join(map(str, (inputs, *options.hidden, outputs)))
        extras = [options.activation, options.optimizer, f"batches of {options.batch_size}"]
        extras += ["batch normalization"] if options.batch_norm else []
        extras += [f"dropout {options.dropout:g}"] if options.dropout else []
        extras += [f"l2 {options.l2:g}"] if options.l2 else []
        count = f"{self.model.count_params():,} parameters"
        return f"Training a network of {sizes} units with {count} ({', '.join(extras)})."

    def train(self, quiet: bool, checkpoints: Path) -> TrainResult:
        """Train the network. See `TrainingJob.train`."""
        from fitwell import callbacks

        prepared, settings, model = self.prepared, self.options, self.model
        policies = [
            callbacks.EarlyStopping(
                monitor="val_loss", patience=settings.patience, restore_best_weights=True
            ),
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
        options = self.options
        rate = "optimizer default" if options.learning_rate is None else f"{options.learning_rate:g}"
        return [
            ("optimizer", options.optimizer),
            ("learning rate", rate),
            ("batch size", str(options.batch_size)),
            ("dropout", f"{options.dropout:g}"),
            ("l2 penalty", f"{options.l2:g}"),
            (
                "learning rate halved",
                f"after {pluralize(options.plateau_patience, 'epoch')} without a better validation loss",
            ),
            (
                "early stopping",
                f"after {pluralize(options.patience, 'epoch')} without a better validation loss",
            ),
            ("training", result.outcome),
            ("time", format_seconds(result.seconds)),
        ]

    def write_predictions(self, folder: Path) -> None:
        """Write nothing, because the network has trained on the rows."""


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
