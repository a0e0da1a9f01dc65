"""The `FlatStopping` callback, which ends a run when its learning curve has become flat."""

from __future__ import annotations

from typing import Any

from fitwell._callback import Logs
from fitwell._engine.policies import MEASURES, FlatCurvePolicy, Policy
from fitwell._param_validation import Integer, Options, Real, validate_params
from fitwell._progress import CALLBACK_VERBOSE, print_message
from fitwell.callbacks.metric_mode import MODE, MONITOR
from fitwell.callbacks.monitor_callback import MonitorCallback

__all__ = ["FlatStopping"]


class FlatStopping(MonitorCallback):
    """A callback that stops training when a monitored value v hardly changes anymore.

    The decision is made inside the compiled loop or on the host, as in `EarlyStopping`. Epochs without a
    monitored value (see `validation_freq`) do not count toward `epochs`.

    Args:
        monitor (str): Name of a metric. Default: ``"val_loss"``.
        threshold (float): Smallest change that counts, in the metric's units. It must be above 0. Default:
            1e-4.
        epochs (int): Number n of epochs over which the change is measured. Default: 1.
        measure (str): How to measure the change. The run stops when the result is below `threshold`. Default:
            ``"change"``.

            - ``"change"``: the largest of the last n differences ``|v_t - v_(t-1)|``.
            - ``"decrease"``: ``v_(t-n) - v_t``, or ``v_t - v_(t-n)`` for ``mode="max"``.
            - ``"mean change"``: the mean of ``|v_t - v_(t-1)|`` over the last n epochs.
        mode (str): ``"min"`` if smaller values are better, ``"max"`` if larger values are better, or ``"auto"`` to
            infer this from the metric. It is used only by the measure ``"decrease"``. Default: ``"auto"``.
        start_from_epoch (int): Number of initial epochs to ignore. Default: 0.
        verbose (int): If 1, print when the run stopped. Default: 0.

    Attributes:
        stopped_epoch (int): 0-based epoch at which the run was stopped, or 0 if it was not stopped.

    Example:
        >>> import fitwell as fw, numpy as np
        >>> model = fw.Sequential([fw.layers.Dense(1, input_shape=(1,))])
        >>> model.compile(fw.optimizers.SGD(0.0), "mse")
        >>> stopping = fw.callbacks.FlatStopping("loss", epochs=3)
        >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=10, verbose=0, callbacks=[stopping])
        >>> stopping.stopped_epoch
        3
    """

    @validate_params(
        monitor=MONITOR,
        threshold=Real(0, closed="right"),
        epochs=Integer(1),
        measure=Options(*MEASURES),
        mode=MODE,
        start_from_epoch=Integer(0),
        verbose=CALLBACK_VERBOSE,
    )
    def __init__(
        self,
        monitor: str = "val_loss",
        threshold: float = 1e-4,
        epochs: int = 1,
        measure: str = "change",
        mode: str = "auto",
        start_from_epoch: int = 0,
        verbose: int = 0,
    ) -> None:
        super().__init__(monitor, mode)
        self.threshold = threshold
        self.epochs = epochs
        self.measure = measure
        self.start_from_epoch = start_from_epoch
        self.verbose = verbose
        self.stopped_epoch = 0
        self._stopped = False

    def policy(self, first_epoch: int) -> Policy:
        """Return the policy that decides, inside the compiled loop, when to stop."""
        return FlatCurvePolicy(
            f"flat_stopping_{self.monitor}",
            self.monitor,
            measure=self.measure,
            threshold=self.threshold,
            epochs=self.epochs,
            mode=self.mode,
            start_from_epoch=self.start_from_epoch,
            first_epoch=first_epoch,
        )

    def on_policy_end(self, policy_state: Any) -> None:
        """Set the attributes from the policy's final state."""
        stopped = int(policy_state["stopped_epoch"])
        self.stopped_epoch, self._stopped = max(stopped, 0), stopped >= 0

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Print when the run stopped, if `verbose` is set."""
        if self.verbose and self._stopped:
            print_message(
                f"Epoch {self.stopped_epoch + 1}: {self.monitor} changes by less than {self.threshold:g}; stopping"
            )
