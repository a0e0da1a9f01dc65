"""`Callback`: observers on the host, with Keras's hooks.

Hooks are called between dispatches. Which hooks a callback defines decides how long dispatches may be: one
that looks at every batch makes them one batch long, one that looks at epochs one epoch, and one that defines
neither costs nothing. A callback that looks at a batch now and then says so in `next_look`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from fitwell._param_validation import CallableRule, validate_param
from fitwell._registry import format_call
from fitwell.errors import InvalidArgument

if TYPE_CHECKING:
    from fitwell._engine.policies import Policy

Logs = Mapping[str, Any]

_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
_EPOCH_HOOKS = ("on_epoch_begin", "on_epoch_end")


class Callback:
    """Base of all callbacks: override any hook.

    Inside a hook ``self.model`` is the model with its current weights, ``self.params`` the run's settings.
    Set ``self.model.stop_training = True`` to end the run; set ``self.model.optimizer.learning_rate`` to
    change the rate from the next step on. `logs` maps metric names to floats, read from the device only
    when looked at.

    evaluate_only_hooks: hooks that do nothing inside `fit`, where their being there costs nothing then.
    controlled_hyperparameter: path of the hyperparameter that it changes, to be logged, or None.
    """

    evaluate_only_hooks: ClassVar[frozenset[str]] = frozenset()
    controlled_hyperparameter: ClassVar[str | None] = None

    def __init__(self) -> None:
        self.model: Any = None
        self.params: dict[str, Any] = {}
        self.validation_data: Any = None

    def __repr__(self) -> str:
        """Show the arguments that are kept as attributes and differ from the defaults."""
        kept = [
            (name, getattr(self, name))
            for name, parameter in inspect.signature(type(self).__init__).parameters.items()
            if name in vars(self) and vars(self)[name] is not parameter.default
        ]
        shown = [(name, value) for name, value in kept if not callable(value) or hasattr(value, "__name__")]
        return format_call(type(self).__name__, shown)

    def set_model(self, model: Any) -> None:
        """Remember the model."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Remember the run's settings."""
        self.params = params

    def policy(self, first_epoch: int) -> Policy | None:
        """Return the compiled part of this callback, if it has one."""
        return None

    def on_policy_end(self, policy_state: Any) -> None:
        """Take over what the compiled part learned, when the run is over."""

    def epoch_values(self, epochs: range) -> dict[str, list[float]] | None:
        """Return hyperparameter values for each of `epochs`, by path, or None."""
        return None

    def steps_until_next_call(self, batches: int) -> int | None:
        """Return after how many more batches `on_train_batch_end` wants to be called; None for never again.

        batches: those that the run has done. 1 by default: a callback with a hook for batches sees every one.
        """
        return 1

    def set_previous_callbacks(self, before: Sequence[Any]) -> None:
        """Learn which callbacks of the run are called before this one."""

    def set_example(self, batch: Any) -> None:
        """Receive rows that the model is trained on (``batch.x``, ``batch.y``), before `on_train_begin`."""

    def get_state(self) -> Any:
        """Return what this callback must remember in a checkpoint: numbers, texts, arrays, lists and dicts."""
        return None

    def set_state(self, state: Any) -> None:
        """Take over what `get_state` returned, after `on_train_begin` of a run that is resumed."""

    def flush_to_disk(self) -> None:
        """Let what `get_state` refers to, such as a file, reach the disk before a checkpoint does.

        Called on the thread that writes checkpoints.
        """

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before epoch `epoch` (from 0)."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After epoch `epoch`; `logs` holds its metrics, validation included."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Older name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before each batch of `fit`."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After each batch of `fit`; `logs` holds the metrics of the epoch so far."""
        self.on_batch_end(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before each batch of `evaluate`, and of validation in `fit`."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After each batch of `evaluate`, and of validation in `fit`."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before each batch of `predict`."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After each batch of `predict`; `logs` holds its outputs."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """At the start of `fit`."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """At the end of `fit`, also when it was interrupted."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """At the start of `evaluate`, and of validation in `fit`."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """At the end of `evaluate`, and of validation in `fit`."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """At the start of `predict`."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """At the end of `predict`."""


class LambdaCallback(Callback):
    """A callback made of functions, one for each hook that is given: ``on_epoch_end=lambda epoch, logs: ...``."""

    def __init__(self, **hooks: Callable[..., Any] | None) -> None:
        super().__init__()
        for name, hook in hooks.items():
            if not name.startswith("on_") or not hasattr(Callback, name):
                raise InvalidArgument(f"LambdaCallback: there is no hook {name!r}")
            if validate_param("LambdaCallback", name, hook, CallableRule() | None) is not None:
                setattr(self, name, hook)


class CompilableCallback(Callback):
    """Base of the callbacks that a run may compile.

    A run calls their hooks, each callback in its turn as in Keras, when a hook of the user's own stands among the
    callbacks or one is a subclass of the user's: such a hook may change the logs, the weights or the rate, and wants
    to see what was done so far. So it is when several change one number, and one of them sets it by epoch. Else what
    they do is part of the compiled run, and their hooks are not called.

    runs_on_host: whether this run calls them.
    """

    runs_on_host = False

    @property
    def needs_host(self) -> bool:
        """Whether this one has to act when its epoch comes, because it says something then."""
        return False


def flatten_callbacks(given: Any) -> list[Any]:
    """Return what was given as `callbacks` in one list: as in Keras a list, maybe of lists, or a single one."""
    if given is None:
        return []
    if isinstance(given, list | tuple):
        return [callback for part in given for callback in flatten_callbacks(part)]
    _check_callback(given)
    return [given]


def _check_callback(callback: Any) -> None:
    if isinstance(callback, type) or not hasattr(callback, "set_model"):
        raise InvalidArgument(
            f"callbacks: expected Callback objects, got {callback!r}"
            + (" (a class: add parentheses)" if isinstance(callback, type) else "")
        )


class CallbackList:
    """Several callbacks as one; knows which hooks anybody listens to, and when.

    model: what they watch; None only asks what they listen to. batches: how many the run has done.
    has_user_hooks: whether hooks of the user's own look at epochs or batches.
    runs_on_host: whether callbacks that a run may compile act when their turn comes instead.
    """

    def __init__(self, callbacks: Iterable[Any], model: Any, params: dict[str, Any]) -> None:
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            _check_callback(callback)
        self.has_user_hooks = any(may_write_logs(callback) for callback in self.callbacks)
        must_run_on_host = any(_must_run_on_host(callback) for callback in self.callbacks)
        self.runs_on_host = (
            self.has_user_hooks or must_run_on_host or _has_overlapping_schedules(self.callbacks)
        )
        if model is not None:
            self._set_up_callbacks(model, params)
        self.batches = 0
        watchers = [c for c in self.callbacks if any(_overrides(c, hook) for hook in _BATCH_HOOKS)]
        self._scheduled_watchers = [
            c
            for c in watchers
            if hasattr(c, "steps_until_next_call") and _overrides(c, "steps_until_next_call")
        ]
        self._batch_watchers = [c for c in watchers if c not in self._scheduled_watchers]

    def _set_up_callbacks(self, model: Any, params: dict[str, Any]) -> None:
        """Tell each callback whom it watches, and in what company."""
        for index, callback in enumerate(self.callbacks):
            callback.set_params(params)
            callback.set_model(model)
            if hasattr(callback, "set_previous_callbacks"):
                callback.set_previous_callbacks(self.callbacks[:index])
            if isinstance(callback, CompilableCallback):
                callback.runs_on_host = self.runs_on_host

    def may_have_extra_logs(self, callback: Any) -> bool:
        """Return whether `callback` may find values in the logs that no metric measures."""
        before = self.callbacks[: self.callbacks.index(callback)]
        return not is_fitwell_code(type(callback)) or any(map(may_write_logs, before))

    @property
    def has_batch_hooks(self) -> bool:
        """Whether somebody looks at every batch."""
        return bool(self._batch_watchers)

    def has_hook(self, *hooks: str) -> bool:
        """Return whether any callback defines one of these hooks for `fit`."""
        return any(
            _overrides(callback, hook)
            and hook not in getattr(callback, "evaluate_only_hooks", ())
            and (
                self.runs_on_host or not isinstance(callback, CompilableCallback) or hook not in _EPOCH_HOOKS
            )
            for callback in self.callbacks
            for hook in hooks
        )

    def call_hook(self, hook: str, *arguments: Any) -> None:
        """Call `hook` of every callback."""
        for callback in self.callbacks:
            getattr(callback, hook)(*arguments)

    def set_example(self, batch: Any) -> None:
        """Show rows of the training data to those who want to see some."""
        for callback in self.callbacks:
            if hasattr(callback, "set_example"):
                callback.set_example(batch)

    def steps_until_next_call(self) -> int | None:
        """Return how many batches may pass before a callback wants to see one; None when there is no end."""
        candidates = [callback.steps_until_next_call(self.batches) for callback in self._scheduled_watchers]
        return min(
            (steps for steps in [*candidates, 1 if self._batch_watchers else None] if steps is not None),
            default=None,
        )

    def on_train_batch_begin(self, number: int) -> None:
        """Tell those who look at every batch that batch `number` of its epoch begins."""
        for callback in self._batch_watchers:
            callback.on_train_batch_begin(number, {})

    def on_train_batches_end(self, count: int, number: int, logs: Logs) -> None:
        """Tell those who want to know that `count` batches were done, the last being `number` of its epoch."""
        due = [c for c in self._scheduled_watchers if c.steps_until_next_call(self.batches) == count]
        self.batches += count
        for callback in self.callbacks:
            if callback in self._batch_watchers or callback in due:
                callback.on_train_batch_end(number, logs)


def may_write_logs(callback: Any) -> bool:
    """Return whether `callback` has hooks for epochs or batches that are not this library's: they may write logs."""
    return any(
        _overrides(callback, hook) and not is_fitwell_code(getattr(callback, hook))
        for hook in (*_EPOCH_HOOKS, *_BATCH_HOOKS)
    )


def _must_run_on_host(callback: Any) -> bool:
    """Return whether a callback that could be compiled is a subclass of the user's, or asks for its turn."""
    return isinstance(callback, CompilableCallback) and (
        not is_fitwell_code(type(callback)) or callback.needs_host
    )


def _has_overlapping_schedules(callbacks: Sequence[Any]) -> bool:
    """Return whether one sets values of several epochs ahead that another changes when an epoch ends or begins."""
    ahead = {
        callback.controlled_hyperparameter for callback in callbacks if _overrides(callback, "epoch_values")
    }
    steered = [getattr(callback, "controlled_hyperparameter", None) for callback in callbacks]
    return any(path is not None and steered.count(path) > 1 for path in ahead)


def is_fitwell_code(code: Any) -> bool:
    """Return whether a function or class is this library's."""
    return str(getattr(code, "__module__", "")).startswith("fitwell.")


def _overrides(callback: Any, hook: str) -> bool:
    return hook in vars(callback) or getattr(type(callback), hook, None) is not getattr(Callback, hook)
