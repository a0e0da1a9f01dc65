"""The `LearningRateScheduler` callback, which computes the learning rate from the epoch."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from fitwell._callback import Logs
from fitwell._param_validation import CallableRule, validate_params
from fitwell._progress import CALLBACK_VERBOSE, print_message
from fitwell.callbacks.compilable_callback import CompilableCallback
from fitwell.callbacks.function_purity import is_pure
from fitwell.errors import InvalidArgument

__all__ = ["LearningRateScheduler"]


class LearningRateScheduler(CompilableCallback):
    """A callback that sets the learning rate to ``schedule(epoch)`` or ``schedule(epoch, rate)``.

    The function is called once per epoch, in order, when the epoch begins. If the function is pure, it is
    called a few epochs ahead instead, and its values are passed to the compiled loop as a table, so that one
    dispatch can run many epochs. If the function is not pure (for example, because it prints or reads a
    model), each dispatch contains only one epoch. This is also the case if `verbose` is 1.

    Args:
        schedule (Callable): A function that takes the 0-based epoch (int) and optionally the current rate
            (float), and returns the new rate.
        verbose (int): If 1, print each rate. Default: 0.

    Raises:
        InvalidArgument: if `schedule` returns a value that is not a number.

    Example:
        >>> import fitwell as fw, numpy as np
        >>> model = fw.Sequential([fw.layers.Dense(1, input_shape=(1,))])
        >>> model.compile("sgd", "mse")
        >>> scheduler = fw.callbacks.LearningRateScheduler(lambda epoch: 0.5**epoch)
        >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=3, verbose=0, callbacks=[scheduler])
        >>> history.learning_rate
        [1.0, 0.5, 0.25]

    Source: Keras `LearningRateScheduler`.
    """

    controlled_hyperparameter = "optimizer.learning_rate"

    @validate_params(schedule=CallableRule("a function of the epoch"), verbose=CALLBACK_VERBOSE)
    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose
        self._takes_rate = _count_positional_arguments(schedule) >= 2
        self._schedule_is_pure: bool | None = None

    @property
    def needs_host(self) -> bool:
        """Whether the function must be called when the epoch begins, not ahead of time."""
        if self._schedule_is_pure is None:
            self._schedule_is_pure = is_pure(self.schedule)
        return bool(self.verbose) or not self._schedule_is_pure

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the learning rate for `epoch`, if the compiled loop does not set it."""
        if not self.runs_on_host:
            return
        rate = self._rate(epoch)
        self.model.optimizer.learning_rate = rate
        if self.verbose:
            print_message(f"Epoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def epoch_values(self, epochs: range) -> dict[str, list[float]] | None:
        """Return the learning rates for `epochs`, and set the optimizer's rate to the last one."""
        if self.runs_on_host:
            return None
        rates = []
        for epoch in epochs:
            rate = self._rate(epoch)
            self.model.optimizer.learning_rate = rate
            rates.append(rate)
        return {self.controlled_hyperparameter: rates}

    def _rate(self, epoch: int) -> float:
        current = self.model.optimizer.learning_rate
        value: Any = self.schedule(epoch, float(current)) if self._takes_rate else self.schedule(epoch)
        try:
            return float(value)
        except (TypeError, ValueError):
            raise InvalidArgument(
                f"LearningRateScheduler: schedule({epoch}) must return a number, got {value!r}"
            ) from None


def _count_positional_arguments(function: Callable[..., Any]) -> int:
    """Return the number of positional arguments that `function` accepts."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(1 for p in parameters if p.kind in kinds)
