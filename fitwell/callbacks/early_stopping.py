"""The `EarlyStopping` callback, which ends a run when a monitored value has stopped improving."""

from __future__ import annotations

from typing import Any

import numpy as np

from fitwell._callback import Logs
from fitwell._engine.policies import EarlyStoppingPolicy, Policy
from fitwell._param_validation import Boolean, Integer, Real, validate_params
from fitwell._progress import CALLBACK_VERBOSE, print_message
from fitwell.callbacks.metric_mode import MODE, MONITOR
from fitwell.callbacks.monitor_callback import MonitorCallback

__all__ = ["EarlyStopping"]


class EarlyStopping(MonitorCallback):
    """A callback that stops training when a monitored value has stopped improving.

    The decision is normally part of the compiled loop. In a subclass, or if the run has user-defined epoch
    hooks, the decision is made on the host when `on_epoch_end` is called, as in Keras. It then uses the
    values that earlier callbacks added to the logs. A subclass may override `on_epoch_end` or
    `get_monitor_value`, and hooks may read and set `wait` and `best`.

    Args:
        monitor (str): Name of a metric, or of a value that an earlier callback adds to the logs at the end of
            an epoch. Default: ``"val_loss"``.
        min_delta (float): Smallest change that counts as an improvement. Default: 0.
        patience (int): Number of epochs without improvement after which the run stops. Only epochs with a
            monitored value count, so with ``validation_freq=10`` a patience of 2 waits for 20 epochs.
            Default: 0.
        verbose (int): If 1, print when the run stopped and which epoch was restored. Default: 0.
        mode (str): ``"min"`` if smaller values are better, ``"max"`` if larger values are better, or ``"auto"`` to
            infer this from the metric. Default: ``"auto"``.
        baseline (float | None): Value to improve on. The wait is reset only by values that are better than
            this one. Default: None.
        restore_best_weights (bool): Whether to restore the weights of the best epoch at the end. Default: False.
        start_from_epoch (int): Number of initial epochs to ignore. Default: 0.

    Attributes:
        best (float | None): The best value.
        best_epoch (int): 0-based epoch with the best value.
        stopped_epoch (int): 0-based epoch at which the run was stopped, or 0 if it was not stopped.
        wait (int): Number of epochs since the last improvement.

    Example:
        >>> import fitwell as fw, numpy as np
        >>> model = fw.Sequential([fw.layers.Dense(1, input_shape=(1,))])
        >>> model.compile(fw.optimizers.SGD(0.0), "mse")
        >>> stopping = fw.callbacks.EarlyStopping("loss", patience=2)
        >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=10, verbose=0, callbacks=[stopping])
        >>> len(history.epoch), stopping.stopped_epoch, stopping.wait
        (3, 2, 2)

    Source: Keras `EarlyStopping`.
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
        super().__init__(monitor, mode)
        self.min_delta = abs(min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.wait = 0
        self.best_epoch = 0
        self.stopped_epoch = 0
        self._stopped = False
        self._has_best = False

    def policy(self, first_epoch: int) -> Policy:
        """Return the policy that decides, inside the compiled loop, when to stop. See `EarlyStoppingPolicy.update`."""
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
        """Set the attributes from the policy's final state."""
        best_epoch, stopped = int(policy_state["best_epoch"]), int(policy_state["stopped_epoch"])
        self._has_best, self._stopped = best_epoch >= 0, stopped >= 0
        self.best = float(policy_state["best"]) * self.sign if self._has_best else None
        self.best_epoch = max(best_epoch, 0)
        self.stopped_epoch = max(stopped, 0)
        self.wait = int(policy_state["wait"])

    def update_policy_state(self, policy_state: Any) -> Any:
        """Return a copy of `policy_state` with the current values of `best` and `wait`."""
        return {**policy_state, "best": self.best_for_policy(), "wait": np.float32(self.wait)}

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Print when the run stopped and which epoch was restored, if `verbose` is set."""
        if self.verbose and self._stopped:
            print_message(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.verbose and self.restore_best_weights and self._has_best:
            print_message(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
