"""Keras's names for compiled policies: EarlyStopping, ReduceLROnPlateau, TerminateOnNaN."""

from __future__ import annotations

from typing import Any

from fitwell.arguments import Boolean, Integer, Real, checked
from fitwell.callbacks.base import Callback
from fitwell.callbacks.directions import MODE, MONITOR, direction
from fitwell.engine.policies import Policy, ReduceWhenStalled, StopWhenStalled
from fitwell.progress import CALLBACK_VERBOSE, say
from fitwell.spellings import warn_older


class EarlyStopping(Callback):
    """Stop when a monitored value has stopped improving.

    Parameters
    ----------
    monitor: name of a metric, ``"val_loss"`` by default.
    min_delta: smallest change that counts as an improvement, 0.
    patience: epochs without improvement before stopping, 0.
    mode: ``"min"``, ``"max"``, or ``"auto"`` by the metric's name.
    baseline: value to beat; the wait is reset only by beating it.
    restore_best_weights: whether the weights of the best epoch are put back at the end. False, as in Keras.
    start_from_epoch: epochs to wait before anything is counted.
    verbose: 1 says when it stopped and which epoch was kept.

    The decision is compiled into the run. Afterwards `best`, `best_epoch` and `stopped_epoch` (counted from
    0; `stopped_epoch` is 0 when the run was not stopped) tell what happened.
    """

    @checked(
        monitor=MONITOR,
        min_delta=Real(),
        patience=Integer(0),
        verbose=CALLBACK_VERBOSE,
        mode=MODE,
        baseline=Real() | None,
        restore_best_weights=Boolean(),
        start_from_epoch=Integer(0),
    )
    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__()
        self.monitor = monitor
        self.min_delta = abs(min_delta)
        self.patience = patience
        self.verbose = verbose
        self.mode = direction(monitor, mode)
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.best: float | None = None
        self.best_epoch = 0
        self.stopped_epoch = 0

    def policy(self, first_epoch: int) -> Policy:
        """Return the compiled decision."""
        return StopWhenStalled(
            f"early_stopping_{self.monitor}",
            self.monitor,
            mode=self.mode,
            min_delta=self.min_delta,
            patience=self.patience,
            baseline=self.baseline,
            start_from_epoch=self.start_from_epoch,
            keep_best=self.restore_best_weights,
            first_epoch=first_epoch,
        )

    def absorb(self, memory: Any) -> None:
        """Read off which epoch was best and whether the run was stopped."""
        best_epoch, stopped = int(memory["best_epoch"]), int(memory["stopped_epoch"])
        self.best = float(memory["best"]) * (1 if self.mode == "min" else -1) if best_epoch >= 0 else None
        self.best_epoch = max(best_epoch, 0)
        self.stopped_epoch = max(stopped, 0)
        if self.verbose and stopped >= 0:
            say(f"Epoch {stopped + 1}: early stopping")
        if self.verbose and self.restore_best_weights and best_epoch >= 0:
            say(f"Restoring model weights from the end of the best epoch: {best_epoch + 1}.")


class ReduceLROnPlateau(Callback):
    """Multiply the learning rate by `factor` when a monitored value has stopped improving.

    Parameters
    ----------
    monitor: ``"val_loss"``. factor: 0.1, between 0 and 1. patience: 10 epochs. min_delta: 1e-4.
    mode: as in `EarlyStopping`. cooldown: epochs to wait after a reduction, 0. min_lr: lower bound, 0.
    epsilon: the older spelling of `min_delta`.

    The decision is compiled into the run; ``model.optimizer.learning_rate`` follows it.
    """

    @checked(
        monitor=MONITOR,
        factor=Real(0, 1, closed="neither"),
        patience=Integer(0),
        verbose=CALLBACK_VERBOSE,
        mode=MODE,
        min_delta=Real(0),
        cooldown=Integer(0),
        min_lr=Real(0),
        epsilon=Real(0) | None,
    )
    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        epsilon: float | None = None,
    ) -> None:
        super().__init__()
        if epsilon is not None:
            warn_older("ReduceLROnPlateau(epsilon=)", "ReduceLROnPlateau(min_delta=)")
            min_delta = epsilon
        self.monitor = monitor
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.mode = direction(monitor, mode)
        self.min_delta = min_delta
        self.cooldown = cooldown
        self.min_lr = min_lr

    def policy(self, first_epoch: int) -> Policy:
        """Return the compiled decision."""
        return ReduceWhenStalled(
            f"reduce_on_plateau_{self.monitor}",
            self.monitor,
            target="optimizer.learning_rate",
            mode=self.mode,
            factor=self.factor,
            patience=self.patience,
            min_delta=self.min_delta,
            cooldown=self.cooldown,
            minimum=self.min_lr,
        )

    def absorb(self, memory: Any) -> None:
        """Say what became of the rate."""
        if self.verbose:
            say(f"ReduceLROnPlateau: the learning rate is now {self.model.optimizer.learning_rate:g}.")


class TerminateOnNaN(Callback):
    """Stop at the first loss that is not finite. Every run does that already; this name changes nothing more."""


class ProgbarLogger(Callback):
    """Show progress. Every run does that already, as `verbose` says; this name changes nothing more."""
