"""`Callback`: the base class of callbacks, which observe a run on the host through Keras's hooks.

Hooks are called between dispatches of the compiled loop. The hooks that a callback overrides determine how
long a dispatch may be: a batch hook limits it to one batch, and an epoch hook to one epoch. A callback
without either costs nothing. A callback that needs only some batches can override `steps_until_next_call`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from fitwell._registry import format_call

if TYPE_CHECKING:
    from fitwell._engine.policies import Policy

__all__ = ["BATCH_HOOKS", "EPOCH_HOOKS", "Callback", "Logs", "overrides"]

Logs = Mapping[str, Any]

BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
EPOCH_HOOKS = ("on_epoch_begin", "on_epoch_end")


class Callback:
    """The base class of all callbacks. Subclasses override one or more hooks.

    Inside a hook, ``self.model`` is the model with its current weights, and ``self.params`` contains the settings of
    the run (``epochs``, ``steps``, ``verbose``, ``metrics``). Set ``self.model.stop_training = True`` to end the run,
    and set ``self.model.optimizer.learning_rate`` to change the learning rate from the next step on. `logs` maps
    metric names to floats, which are read from the device only when they are accessed.

    Attributes:
        model (Model | None): The model, which `set_model` stores.
        params (dict): The settings of the run, which `set_params` stores.
        evaluate_only_hooks (frozenset[str]): Class attribute with the names of hooks that do nothing inside `fit`, so
            that overriding them does not shorten its dispatches. It is empty by default.
        controlled_hyperparameter (str | None): Class attribute with the path of the hyperparameter that the callback
            changes, such as ``"optimizer.learning_rate"``. `fit` logs this hyperparameter. Default: None.

    Example:
        >>> import fitwell as fw, numpy as np
        >>> class PrintEpochs(fw.callbacks.Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(epoch, sorted(logs))
        >>> model = fw.Sequential([fw.layers.Dense(1, input_shape=(1,))])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=2, verbose=0, callbacks=[PrintEpochs()])
        0 ['loss']
        1 ['loss']

    Source: Keras `Callback`.
    """

    evaluate_only_hooks: ClassVar[frozenset[str]] = frozenset()
    controlled_hyperparameter: ClassVar[str | None] = None
    _decide: Callable[[int, float], None] | None = None

    def __init__(self) -> None:
        self.model: Any = None
        self.params: dict[str, Any] = {}
        self.validation_data: Any = None

    def __repr__(self) -> str:
        """Return a constructor call with the arguments that are stored as attributes and are not defaults."""
        kept = [
            (name, getattr(self, name))
            for name, parameter in inspect.signature(type(self).__init__).parameters.items()
            if name in vars(self) and vars(self)[name] is not parameter.default
        ]
        shown = [(name, value) for name, value in kept if not callable(value) or hasattr(value, "__name__")]
        return format_call(type(self).__name__, shown)

    def set_model(self, model: Any) -> None:
        """Store the model that the callback observes."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Store the settings of the run."""
        self.params = params

    def policy(self, first_epoch: int) -> Policy | None:
        """Return the compiled part of this callback, or None if it has none.

        Args:
            first_epoch (int): 0-based number of the run's first epoch.

        Returns:
            Policy | None: A decision that the compiled loop makes at the end of each epoch.
        """
        return None

    def on_policy_end(self, policy_state: Any) -> None:
        """Copy the policy's state to the callback's attributes, for example at the end of the run."""

    def update_policy_state(self, policy_state: Any) -> Any:
        """Return `policy_state`, updated with attributes of the callback that a hook may have changed.

        `fit` calls this method if policies run on the host.
        """
        return policy_state

    def set_decide_function(self, decide: Callable[[int, float], None] | None) -> None:
        """Set the function that applies the policy to an epoch number and the epoch's monitored value.

        `fit` calls this method if policies run on the host.
        """
        self._decide = decide

    def get_monitor_value(self, logs: Logs | None) -> Any:
        """Return the value that the policy monitors, or None if the epoch did not measure it."""
        policy = self.policy(0)
        return None if policy is None else (logs or {}).get(policy.monitor)

    def epoch_values(self, epochs: range) -> dict[str, list[float]] | None:
        """Return the values that hyperparameters should have in `epochs`, or None to change no hyperparameters.

        The result is a dict that maps each hyperparameter's path to a list with one value per epoch.
        """
        return None

    def steps_until_next_call(self, batches: int) -> int | None:
        """Return the number of batches until `on_train_batch_end` is due, or None if it is not due again.

        Args:
            batches (int): Number of batches that the run has completed.

        Returns:
            int | None: 1 by default, so that a callback with a batch hook is called for every batch.
        """
        return 1

    def set_previous_callbacks(self, before: Sequence[Any]) -> None:
        """Receive the run's callbacks that are called before this one."""

    def set_example(self, batch: Any) -> None:
        """Receive some training rows (``batch.x``, ``batch.y``) before `on_train_begin` is called."""

    def get_state(self) -> Any:
        """Return the state to store in a checkpoint, or None if there is none.

        It may consist of numbers, strings, arrays, lists and dicts.
        """
        return None

    def set_state(self, state: Any) -> None:
        """Restore the state that `get_state` returned. A resumed run calls this method after `on_train_begin`."""

    def flush_to_disk(self) -> None:
        """Write buffered data, such as a log file, to disk before a checkpoint refers to it.

        The thread that writes checkpoints calls this method.
        """

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Run before each epoch. `epoch` is its 0-based number."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Run after each epoch. `epoch` is its 0-based number.

        `logs` contains the epoch's metrics, including validation metrics. A callback with a policy must call
        this method of the base class, which applies the policy if policies run on the host.
        """
        if self._decide is not None:
            value = self.get_monitor_value(logs)
            if value is not None:
                self._decide(epoch, float(value))

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before each training batch. This is the older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after each training batch. This is the older name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before each batch of `fit`."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after each batch of `fit`. `logs` contains the metrics of the epoch so far."""
        self.on_batch_end(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before each batch of `evaluate`, or of validation during `fit`."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after each batch of `evaluate`, or of validation during `fit`."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before each batch of `predict`."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after each batch of `predict`. `logs` contains its outputs."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Run at the start of `fit`."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Run at the end of `fit`, even if Ctrl-C ended it."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Run at the start of `evaluate`, or of validation during `fit`."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Run at the end of `evaluate`, or of validation during `fit`."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Run at the start of `predict`."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Run at the end of `predict`."""


def overrides(callback: Any, hook: str) -> bool:
    """Return whether `callback` overrides the method `hook` of `Callback`, in its class or as an attribute."""
    return hook in vars(callback) or getattr(type(callback), hook, None) is not getattr(Callback, hook)
