"""Keras's names for compiled policies: EarlyStopping, ReduceLROnPlateau, TerminateOnNaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from fitwell._deprecation import warn_deprecated
from fitwell._engine.policies import EarlyStoppingPolicy, Policy, ReduceLROnPlateauPolicy
from fitwell._param_validation import Boolean, Integer, Real, validate_params
from fitwell._progress import CALLBACK_VERBOSE, print_message
from fitwell.callbacks.callback import Callback, Logs
from fitwell.callbacks.metric_mode import MODE, MONITOR, resolve_mode
from fitwell.callbacks.monitor_callback import MonitorCallback


class EarlyStopping(MonitorCallback):
    """Stop when a monitored value has stopped improving.

    Parameters
    ----------
    monitor: name of a metric, ``"val_loss"`` by default, or of a value that a callback before this one puts into
        the logs at the end of an epoch.
    min_delta: smallest change that counts as an improvement, 0.
    patience: epochs with a monitored value, but without improvement, before stopping, 0. With ``validation_freq=10``
        a patience of 2 therefore waits 20 epochs.
    mode: ``"min"``, ``"max"``, or ``"auto"`` by the metric's name.
    baseline: value to beat; the wait is reset only by beating it.
    restore_best_weights: whether the weights of the best epoch are put back at the end. False, as in Keras.
    start_from_epoch: epochs to wait before anything is counted.
    verbose: 1 says when it stopped and which epoch was kept.

    The decision is compiled into the run. Afterwards `best`, `best_epoch` and `stopped_epoch` (counted from
    0; `stopped_epoch` is 0 when the run was not stopped) tell what happened, and `wait` how long it had waited.

    Where hooks of your own look at epochs, and in a subclass, it decides on the host when its turn comes, as in
    Keras: what a callback before it wrote into the logs counts, a subclass may override `on_epoch_end` or
    `get_monitor_value`, and hooks may read and set `wait` and `best`.
    """

    @validate_params(
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
        self.mode = resolve_mode(monitor, mode)
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.wait = 0
        self.best_epoch = 0
        self.stopped_epoch = 0
        self._stopped = False
        self._has_best = False

    def policy(self, first_epoch: int) -> Policy:
        """Return the compiled decision."""
        return EarlyStoppingPolicy(
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

    def on_policy_end(self, policy_state: Any) -> None:
        """Read off which epoch was best and whether the run was stopped."""
        best_epoch, stopped = int(policy_state["best_epoch"]), int(policy_state["stopped_epoch"])
        self._has_best, self._stopped = best_epoch >= 0, stopped >= 0
        self.best = float(policy_state["best"]) * self.sign if self._has_best else None
        self.best_epoch = max(best_epoch, 0)
        self.stopped_epoch = max(stopped, 0)
        self.wait = int(policy_state["wait"])

    def update_policy_state(self, policy_state: Any) -> Any:
        """Return `policy_state` with the best value and the wait that the attributes say."""
        return {**policy_state, "best": self.best_for_policy(), "wait": np.float32(self.wait)}

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Say what was decided."""
        if self.verbose and self._stopped:
            print_message(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.verbose and self.restore_best_weights and self._has_best:
            print_message(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")


class ReduceLROnPlateau(MonitorCallback):
    """Multiply the learning rate by `factor` when a monitored value has stopped improving.

    Parameters
    ----------
    monitor: ``"val_loss"``. factor: 0.1, between 0 and 1. patience: 10 epochs. min_delta: 1e-4.
    mode: as in `EarlyStopping`. cooldown: epochs to wait after a reduction, 0. min_lr: lower bound, 0.
    verbose: 1 says each reduction. epsilon: the older spelling of `min_delta`.

    Epochs without a monitored value (`validation_freq`) count neither for `patience` nor for `cooldown`, as in Keras.
    The decision is compiled into the run, or made in its turn, as `EarlyStopping` says;
    ``model.optimizer.learning_rate`` follows it.
    """

    controlled_hyperparameter = "optimizer.learning_rate"

    @validate_params(
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
            warn_deprecated("ReduceLROnPlateau(epsilon=)", "ReduceLROnPlateau(min_delta=)")
            min_delta = epsilon
        self.monitor = monitor
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.mode = resolve_mode(monitor, mode)
        self.min_delta = min_delta
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.wait = 0
        self.cooldown_counter = 0

    def policy(self, first_epoch: int) -> Policy:
        """Return the compiled decision."""
        return ReduceLROnPlateauPolicy(
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

    @property
    def needs_host(self) -> bool:
        """Whether reductions are said, each when its epoch ends."""
        return bool(self.verbose)

    def on_policy_end(self, policy_state: Any) -> None:
        """Read off how long it has waited."""
        self.wait, self.cooldown_counter = int(policy_state["wait"]), int(policy_state["cooling"])
        self.best = float(policy_state["best"]) * self.sign if np.isfinite(policy_state["best"]) else None

    def update_policy_state(self, policy_state: Any) -> Any:
        """Return `policy_state` with the best value, the wait and the cooldown that the attributes say."""
        counters = {"wait": np.float32(self.wait), "cooling": np.float32(self.cooldown_counter)}
        return {**policy_state, **counters, "best": self.best_for_policy()}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Decide, where the compiled run does not, and say a reduction."""
        before = float(self.model.optimizer.learning_rate) if self.runs_on_host else 0.0
        super().on_epoch_end(epoch, logs)
        if self.runs_on_host and self.verbose and float(self.model.optimizer.learning_rate) < before:
            rate = f"{self.model.optimizer.learning_rate:g}"
            print_message(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {rate}.")


class TerminateOnNaN(Callback):
    """Stop at the first loss that is not finite. Every run does that already; this name changes nothing more."""


class ProgbarLogger(Callback):
    """Show progress. Every run does that already, as `verbose` says; this name changes nothing more."""
