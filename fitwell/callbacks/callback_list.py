"""`CallbackList`, which calls the hooks of a run's callbacks.

Two properties decide what a run does on the host. If `CallbackList.runs_on_host` is True, the hooks of
compilable callbacks are called, and their policies are not compiled. If `CallbackList.returns_each_epoch` is
True, a callback observes epochs or batches, so each dispatch contains at most one epoch. (Validation on the
host has the same effect. See `TrainPlan.returns_each_epoch`.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fitwell._callback import BATCH_HOOKS, EPOCH_HOOKS, Logs, overrides
from fitwell.callbacks.compilable_callback import CompilableCallback
from fitwell.callbacks.learning_rate_scheduler import LearningRateScheduler
from fitwell.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from fitwell.errors import InvalidArgument

__all__ = [
    "CallbackList",
    "check_learning_rate_conflicts",
    "flatten_callbacks",
    "is_fitwell_code",
    "has_user_defined_hooks",
]


def flatten_callbacks(callbacks: Any) -> list[Any]:
    """Return a flat list of callbacks. As in Keras, `callbacks` may be one callback or nested lists."""
    if callbacks is None:
        return []
    if isinstance(callbacks, list | tuple):
        return [callback for part in callbacks for callback in flatten_callbacks(part)]
    _check_callback(callbacks)
    return [callbacks]


def _check_callback(callback: Any) -> None:
    if isinstance(callback, type) or not hasattr(callback, "set_model"):
        raise InvalidArgument(
            f"callbacks: expected Callback objects, got {callback!r}"
            + (
                ", which is a class; add parentheses to create an object"
                if isinstance(callback, type)
                else ""
            )
        )


class CallbackList:
    """A container that calls callbacks' hooks and knows which hooks are overridden and when they are due.

    Args:
        callbacks (Iterable[Callback]): The callbacks, in the order in which they are called.
        model (Model | None): The model that the callbacks observe. If it is None, the list can be used only
            to find out which hooks are overridden.
        params (dict): The run's settings, which are passed to `Callback.set_params`.

    Attributes:
        has_user_hooks (bool): Whether a user-defined hook observes epochs or batches.
        runs_on_host (bool): Whether the hooks of compilable callbacks are called. This is the case if there
            is a user-defined hook, if a compilable callback needs the host, or if one callback sets a
            hyperparameter for each epoch and another callback changes the same hyperparameter.
        returns_each_epoch (bool): Whether each dispatch ends with an epoch, because a callback observes
            epochs or every batch.

    Example:
        >>> from fitwell.callbacks import CallbackList, CSVLogger, EarlyStopping
        >>> callbacks = CallbackList([EarlyStopping("loss"), CSVLogger("log.csv")], None, {})
        >>> callbacks.has_hook("on_epoch_end"), callbacks.has_batch_hooks, callbacks.runs_on_host
        (True, False, False)

    Source: Keras `CallbackList`.
    """

    def __init__(self, callbacks: Iterable[Any], model: Any, params: dict[str, Any]) -> None:
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            _check_callback(callback)
        self.has_user_hooks = any(has_user_defined_hooks(callback) for callback in self.callbacks)
        must_run_on_host = any(_must_run_on_host(callback) for callback in self.callbacks)
        self.runs_on_host = (
            self.has_user_hooks or must_run_on_host or _has_overlapping_schedules(self.callbacks)
        )
        if model is not None:
            self._set_up_callbacks(model, params)
        watchers = [c for c in self.callbacks if any(overrides(c, hook) for hook in BATCH_HOOKS)]
        self._scheduled_watchers = [
            c
            for c in watchers
            if hasattr(c, "steps_until_next_call") and overrides(c, "steps_until_next_call")
        ]
        self._batch_watchers = [c for c in watchers if c not in self._scheduled_watchers]

    def _set_up_callbacks(self, model: Any, params: dict[str, Any]) -> None:
        """Pass the model, the run's settings, and the earlier callbacks to each callback."""
        for index, callback in enumerate(self.callbacks):
            callback.set_params(params)
            callback.set_model(model)
            if hasattr(callback, "set_previous_callbacks"):
                callback.set_previous_callbacks(self.callbacks[:index])
            if isinstance(callback, CompilableCallback):
                callback.runs_on_host = self.runs_on_host

    def may_have_extra_logs(self, callback: Any) -> bool:
        """Return whether the logs that `callback` receives may contain values that are not metrics."""
        before = self.callbacks[: self.callbacks.index(callback)]
        return not is_fitwell_code(type(callback)) or any(map(has_user_defined_hooks, before))

    @property
    def has_batch_hooks(self) -> bool:
        """Whether a callback observes every batch."""
        return bool(self._batch_watchers)

    @property
    def returns_each_epoch(self) -> bool:
        """Whether each dispatch contains at most one epoch, because a callback observes epochs or every batch.

        If `runs_on_host` is True, this includes the hooks of compilable callbacks.
        """
        return self.has_batch_hooks or self.has_hook("on_epoch_begin", "on_epoch_end")

    def has_hook(self, *hooks: str) -> bool:
        """Return whether any callback overrides one of these hooks and uses it in `fit`."""
        return any(
            overrides(callback, hook)
            and hook not in getattr(callback, "evaluate_only_hooks", ())
            and (self.runs_on_host or not isinstance(callback, CompilableCallback) or hook not in EPOCH_HOOKS)
            for callback in self.callbacks
            for hook in hooks
        )

    def call_hook(self, hook: str, *arguments: Any) -> None:
        """Call `hook` on every callback."""
        for callback in self.callbacks:
            getattr(callback, hook)(*arguments)

    def set_example(self, batch: Any) -> None:
        """Pass some training rows to the callbacks that accept them."""
        for callback in self.callbacks:
            if hasattr(callback, "set_example"):
                callback.set_example(batch)

    def steps_until_next_call(self, batches_seen: int) -> int | None:
        """Return the number of batches until the next callback is due, or None if no callback is due again.

        Args:
            batches_seen (int): Number of batches that the run has completed.
        """
        candidates = [callback.steps_until_next_call(batches_seen) for callback in self._scheduled_watchers]
        if self._batch_watchers:
            candidates.append(1)
        return min((steps for steps in candidates if steps is not None), default=None)

    def on_train_batch_begin(self, number: int) -> None:
        """Call `on_train_batch_begin` on the callbacks that observe every batch.

        Args:
            number (int): 0-based number of the batch in its epoch.
        """
        for callback in self._batch_watchers:
            callback.on_train_batch_begin(number, {})

    def on_train_batches_end(self, before: int, after: int, number: int, logs: Logs) -> None:
        """Call `on_train_batch_end` on the callbacks that are due.

        Args:
            before (int): Number of batches that the run had completed at the previous call.
            after (int): Number of batches that the run has completed now.
            number (int): 0-based number of the last completed batch in its epoch.
            logs (Mapping): Metrics of the epoch so far.
        """
        due = [c for c in self._scheduled_watchers if c.steps_until_next_call(before) == after - before]
        for callback in self.callbacks:
            if callback in self._batch_watchers or callback in due:
                callback.on_train_batch_end(number, logs)


def has_user_defined_hooks(callback: Any) -> bool:
    """Return whether `callback` has user-defined epoch or batch hooks, which may write to the logs."""
    return any(
        overrides(callback, hook) and not is_fitwell_code(getattr(callback, hook))
        for hook in (*EPOCH_HOOKS, *BATCH_HOOKS)
    )


def check_learning_rate_conflicts(callbacks: Sequence[Any], optimizer: Any) -> None:
    """Raise `InvalidArgument` if callbacks and the optimizer's schedule would both set the learning rate.

    As in Keras, more than one callback may set the rate. A `LearningRateScheduler` sets the rate when an
    epoch begins. If there is more than one scheduler, the last one takes effect. A `ReduceLROnPlateau`
    multiplies the rate when an epoch ends. A scheduler whose function takes the rate then continues from the
    reduced rate, and a scheduler whose function takes only the epoch overwrites it. A rate that a hook
    assigns to ``model.optimizer.learning_rate`` is used until the rate is set again.
    """
    if not callable(optimizer.get_hyperparameter("learning_rate")):
        return
    kinds = (LearningRateScheduler, ReduceLROnPlateau)
    found = [kind.__name__ for kind in kinds if any(isinstance(callback, kind) for callback in callbacks)]
    if found:
        raise InvalidArgument(
            f"the learning rate would be set by the optimizer's schedule and by {' and by '.join(found)}; "
            "remove the callbacks, or pass a number as the optimizer's learning_rate"
        )


def _must_run_on_host(callback: Any) -> bool:
    """Return whether `callback` is compilable but is a user-defined subclass or needs the host."""
    return isinstance(callback, CompilableCallback) and (
        not is_fitwell_code(type(callback)) or callback.needs_host
    )


def _has_overlapping_schedules(callbacks: Sequence[Any]) -> bool:
    """Return whether one callback sets a hyperparameter for future epochs and another one changes it, too."""
    controlled = [getattr(callback, "controlled_hyperparameter", None) for callback in callbacks]
    ahead = {
        path
        for callback, path in zip(callbacks, controlled, strict=True)
        if overrides(callback, "epoch_values")
    }
    return any(path is not None and controlled.count(path) > 1 for path in ahead)


def is_fitwell_code(code: Any) -> bool:
    """Return whether a function or class is defined in fitwell."""
    return str(getattr(code, "__module__", "")).startswith("fitwell.")
