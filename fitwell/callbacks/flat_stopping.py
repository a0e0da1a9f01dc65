"""Other reasons to stop than `EarlyStopping`'s: a flat curve, a small gradient."""

from __future__ import annotations

from typing import Any

from fitwell._engine.flat_curve_policy import MEASURES, FlatCurvePolicy
from fitwell._engine.policies import Policy
from fitwell._param_validation import Integer, Options, Real, validate_params
from fitwell._progress import CALLBACK_VERBOSE, print_message
from fitwell.callbacks.callback import Callback, Logs
from fitwell.callbacks.metric_mode import MODE, MONITOR, resolve_mode
from fitwell.callbacks.model_inspector import ModelInspector
from fitwell.callbacks.monitor_callback import MonitorCallback
from fitwell.optimizers.gradient_transforms import global_norm


class FlatStopping(MonitorCallback):
    """Stop when a monitored value v hardly changes any more.

    Parameters
    ----------
    monitor: name of a metric, ``"val_loss"`` by default.
    threshold: smallest change that counts, in units of the metric. 1e-4.
    epochs: over how many epochs n the change is measured. 1.
    measure: ``"change"``: stop when none of the last n steps ``|v_t - v_(t-1)|`` reaches the threshold;
        ``"decrease"``: when ``v_(t-n) - v_t`` (for a metric that should rise, ``v_t - v_(t-n)``) does not;
        ``"mean change"``: when the mean of ``|v_t - v_(t-1)|`` over the last n epochs does not.
    mode: ``"min"``, ``"max"``, or ``"auto"`` by the metric's name; it matters to ``"decrease"`` only.
    start_from_epoch: epochs whose values do not count.
    verbose: 1 says when it stopped.

    Epochs without a value (`validation_freq`) are left out of the n. The decision is compiled into the run, or made
    in its turn, as `EarlyStopping` says. `stopped_epoch` (from 0) is 0 when the run was not stopped.
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
        super().__init__()
        self.monitor = monitor
        self.threshold = threshold
        self.epochs = epochs
        self.measure = measure
        self.mode = resolve_mode(monitor, mode)
        self.start_from_epoch = start_from_epoch
        self.verbose = verbose
        self.stopped_epoch = 0
        self._stopped = False

    def policy(self, first_epoch: int) -> Policy:
        """Return the compiled decision."""
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
        """Read off whether the run was stopped."""
        stopped = int(policy_state["stopped_epoch"])
        self.stopped_epoch, self._stopped = max(stopped, 0), stopped >= 0

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Say whether the run was stopped."""
        if self.verbose and self._stopped:
            print_message(
                f"Epoch {self.stopped_epoch + 1}: {self.monitor} no longer changes by {self.threshold:g}; stopping"
            )


class GradientStopping(Callback):
    """Stop at a minimum: when the norm of the whole gradient is below a threshold.

    threshold: for ``‖∇L‖₂``, L being the loss of the training rows, penalties included, at the end of an epoch. 1e-3.
    rows: at most so many rows, the first ones, are looked at. 4096.
    verbose: 1 says when it stopped.

    Made for training on all rows at once; the noise of small batches keeps the gradient from vanishing. Looking costs
    one more pass over these rows an epoch. `norm` is the last norm, `stopped_epoch` (from 0) 0 when it did not stop.
    """

    @validate_params(threshold=Real(0, closed="right"), rows=Integer(1), verbose=CALLBACK_VERBOSE)
    def __init__(self, threshold: float = 1e-3, rows: int = 4096, verbose: int = 0) -> None:
        super().__init__()
        self.threshold = threshold
        self.rows = rows
        self.verbose = verbose
        self.norm: float | None = None
        self.stopped_epoch = 0
        self._example: Any = None
        self._inspector: ModelInspector | None = None

    def set_example(self, batch: Any) -> None:
        """Keep the rows to look at."""
        self._example = batch

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start afresh."""
        self.norm, self.stopped_epoch = None, 0
        self._inspector = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Measure the gradient."""
        session = self.model._session
        if self._inspector is None:
            self._inspector = ModelInspector(session.program, self.rows)
        gradients = self._inspector.gradients(session.pull_variables(session.train_state), self._example)
        self.norm = float(global_norm(gradients))
        if self.norm < self.threshold:
            self.stopped_epoch = epoch
            self.model.stop_training = True
            if self.verbose:
                print_message(f"Epoch {epoch + 1}: the gradient's norm is {self.norm:.3g}; stopping")
