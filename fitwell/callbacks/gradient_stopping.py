"""`GradientStopping`: end a run when the gradient is small."""

from __future__ import annotations

from typing import Any

from fitwell._callback import Callback, Logs
from fitwell._param_validation import Integer, Real, validate_params
from fitwell._progress import CALLBACK_VERBOSE, print_message
from fitwell.callbacks.model_inspector import ModelInspector
from fitwell.optimizers.gradient_transforms import global_norm

__all__ = ["GradientStopping"]


class GradientStopping(Callback):
    r"""Stop at a minimum: when the norm of the whole gradient is below a threshold.

    The gradient :math:`\nabla L` is that of the loss of the training rows, including regularization losses, at the
    end of an epoch. Use it for training on all rows at once: the noise of small batches keeps the gradient from
    vanishing. It costs one more pass over `rows` rows per epoch.

    Args:
        threshold (float): The run stops when :math:`\|\nabla L\|_2` is smaller, > 0. Default: 1e-3.
        rows (int): Number of rows, from the first, that the gradient is computed on. Default: 4096.
        verbose (int): 1: print when the run stopped. Default: 0.

    Attributes:
        norm (float | None): The last norm.
        stopped_epoch (int): Epoch at which the run was stopped, from 0; 0 also if it was not stopped.

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
        """Compute the norm of the gradient."""
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
