"""LearningRateScheduler: the rate as a function of the epoch."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from fitwell._param_validation import CallableRule, validate_params
from fitwell._progress import CALLBACK_VERBOSE, print_message
from fitwell.callbacks.callback import CompilableCallback, Logs
from fitwell.callbacks.function_purity import is_pure
from fitwell.errors import InvalidArgument


class LearningRateScheduler(CompilableCallback):
    """Set the learning rate at the start of each epoch to ``schedule(epoch)`` or ``schedule(epoch, rate)``.

    schedule: a function of the epoch (from 0) and, if it takes a second argument, the rate before it.
    verbose: 1 prints every rate.

    The function is called once per epoch, in order, when the epoch begins. One that computes with numbers alone
    (`is_pure` says which do) is called a few epochs ahead: its values travel into the compiled run as a
    table, so runs of many epochs stay one dispatch. One that looks at a model, a list or anything else that may change
    meanwhile, or that has effects such as printing, ends each dispatch with its epoch, and so does `verbose`.
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
        """Whether the function must not be called ahead."""
        if self._schedule_is_pure is None:
            self._schedule_is_pure = is_pure(self.schedule)
        return bool(self.verbose) or not self._schedule_is_pure

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the rate of `epoch`, where the compiled run does not."""
        if not self.runs_on_host:
            return
        rate = self._rate(epoch)
        self.model.optimizer.learning_rate = rate
        if self.verbose:
            print_message(f"Epoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def epoch_values(self, epochs: range) -> dict[str, list[float]] | None:
        """Return the rates of `epochs`, and leave the last one set on the optimizer."""
        if self.runs_on_host:
            return None
        rates = []
        for epoch in epochs:
            rate = self._rate(epoch)
            self.model.optimizer.learning_rate = rate
            rates.append(rate)
        return {self.controlled_hyperparameter: rates}

    def _rate(self, epoch: int) -> float:
        before = self.model.optimizer.learning_rate
        value: Any = self.schedule(epoch, float(before)) if self._takes_rate else self.schedule(epoch)
        try:
            return float(value)
        except (TypeError, ValueError):
            raise InvalidArgument(
                f"LearningRateScheduler: schedule({epoch}) must return a number, got {value!r}"
            ) from None


def _count_positional_arguments(function: Callable[..., Any]) -> int:
    """Return how many arguments `function` takes by position and does not itself fill in."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(1 for p in parameters if p.kind in kinds)
