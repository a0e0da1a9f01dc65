"""The `ReduceLROnPlateau` callback, which reduces the learning rate when a value stops improving."""

from __future__ import annotations

from typing import Any

import numpy as np

from fitwell._callback import Logs
from fitwell._deprecation import warn_deprecated
from fitwell._engine.policies import Policy, ReduceLROnPlateauPolicy
from fitwell._param_validation import Integer, Real, validate_params
from fitwell._progress import CALLBACK_VERBOSE, print_message
from fitwell.callbacks.metric_mode import MODE, MONITOR
from fitwell.callbacks.monitor_callback import MonitorCallback

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(MonitorCallback):
    """A callback that multiplies the learning rate by `factor` when a monitored value stops improving.

    The decision is made inside the compiled loop or on the host, as in `EarlyStopping`.
    ``model.optimizer.learning_rate`` is the current rate. Epochs without a monitored value (see
    `validation_freq`) count toward neither `patience` nor `cooldown`, as in Keras.

    Args:
        monitor (str): Name of a metric, or of a value that an earlier callback adds to the logs at the end of
            an epoch. Default: ``"val_loss"``.
        factor (float): Factor in (0, 1) by which each reduction multiplies the rate. Default: 0.1.
        patience (int): Number of epochs without improvement before a reduction. Default: 10.
        verbose (int): If 1, print each reduction. Default: 0.
        mode (str): ``"min"`` if smaller values are better, ``"max"`` if larger values are better, or ``"auto"`` to
            infer this from the metric. Default: ``"auto"``.
        min_delta (float): Smallest change that counts as an improvement. Default: 1e-4.
        cooldown (int): Number of epochs after a reduction before waiting starts again. Default: 0.
        min_lr (float): Lower bound for the learning rate. Default: 0.
        epsilon (float | None): Deprecated name for `min_delta`. Default: None.

    Attributes:
        best (float | None): The best value.
        wait (int): Number of epochs since the last improvement or reduction.
        cooldown_counter (int): Number of remaining cooldown epochs.

    Example:
        >>> import fitwell as fw, numpy as np
        >>> model = fw.Sequential([fw.layers.Dense(1, kernel_initializer="ones", input_shape=(1,))])
        >>> model.compile(fw.optimizers.SGD(1.0), "mae")
        >>> plateau = fw.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=10)
        >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=3, verbose=0, callbacks=[plateau])
        >>> model.optimizer.learning_rate
        0.25

    Source: Keras `ReduceLROnPlateau`.
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
        super().__init__(monitor, mode)
        if epsilon is not None:
            warn_deprecated("ReduceLROnPlateau(epsilon=)", "ReduceLROnPlateau(min_delta=)")
            min_delta = epsilon
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.min_delta = min_delta
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.wait = 0
        self.cooldown_counter = 0

    def policy(self, first_epoch: int) -> Policy:
        """Return the policy that decides, inside the compiled loop, when to reduce the learning rate."""
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
        """Whether each reduction must be printed when its epoch ends."""
        return bool(self.verbose)

    def on_policy_end(self, policy_state: Any) -> None:
        """Set the attributes from the policy's final state."""
        self.wait, self.cooldown_counter = int(policy_state["wait"]), int(policy_state["cooling"])
        self.best = float(policy_state["best"]) * self.sign if np.isfinite(policy_state["best"]) else None

    def update_policy_state(self, policy_state: Any) -> Any:
        """Return a copy of `policy_state` with the current best value and counters."""
        counters = {"wait": np.float32(self.wait), "cooling": np.float32(self.cooldown_counter)}
        return {**policy_state, **counters, "best": self.best_for_policy()}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Make the decision on the host, if the compiled loop does not make it, and print a reduction."""
        before = float(self.model.optimizer.learning_rate) if self.runs_on_host else 0.0
        super().on_epoch_end(epoch, logs)
        if self.runs_on_host and self.verbose and float(self.model.optimizer.learning_rate) < before:
            rate = f"{self.model.optimizer.learning_rate:g}"
            print_message(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {rate}.")
