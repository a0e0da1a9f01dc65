"""The `GradientStopping` callback, which ends a run when the gradient is small."""

from __future__ import annotations

from typing import Any

from fitwell._callback import Callback, Logs
from fitwell._param_validation import Integer, Real, validate_params
from fitwell._progress import CALLBACK_VERBOSE, print_message
from fitwell.callbacks.model_inspector import ModelInspector
from fitwell.optimizers.gradient_transforms import global_norm

__all__ = ["GradientStopping"]


class GradientStopping(Callback):
    r"""A callback that stops training when the norm of the loss gradient falls below a threshold.

    At the end of each epoch, the callback computes the gradient :math:`\nabla L` of the training loss,
    including regularization losses. Use it if each batch contains all training rows, because the noise in
    small batches keeps the gradient from vanishing. The callback costs one more pass over
    `rows` rows per epoch.

    Args:
        threshold (float): The run stops when :math:`\|\nabla L\|_2` is below this value, which must be above
            0. Default: 1e-3.
        rows (int): Number of training rows, starting with the first, that the gradient is computed on.
            Default: 4096.
        verbose (int): If 1, print when the run stopped. Default: 0.

    Attributes:
        norm (float | None): The most recent gradient norm.
        stopped_epoch (int): 0-based epoch at which the run was stopped, or 0 if it was not stopped.

    Example:
        >>> import fitwell as fw, numpy as np
        >>> model = fw.Sequential([fw.layers.Dense(1, kernel_initializer="zeros", input_shape=(1,))])
        >>> model.compile(fw.optimizers.SGD(0.25), "mse")
        >>> stopping = fw.callbacks.GradientStopping(1e-3)
        >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=50, verbose=0, callbacks=[stopping])
        >>> len(history.epoch), stopping.norm
        (1, 0.0)
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
        """Store the rows that the gradient is computed on."""
        self._example = batch

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Reset the attributes."""
        self.norm, self.stopped_epoch = None, 0
        self._inspector = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compute the gradient's norm, and stop the run if the norm is below the threshold."""
        session = self.model._session
        if self._inspector is None:
            self._inspector = ModelInspector(session.program, self.rows)
        gradients = self._inspector.gradients(session.pull(), self._example)
        self.norm = float(global_norm(gradients))
        if self.norm < self.threshold:
            self.stopped_epoch = epoch
            self.model.stop_training = True
            if self.verbose:
                print_message(f"Epoch {epoch + 1}: the gradient's norm is {self.norm:.3g}; stopping")
