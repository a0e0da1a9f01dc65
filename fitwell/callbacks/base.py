"""`Callback`: observers on the host, with Keras's hooks.

Hooks are called between dispatches. Which hooks a callback defines decides how long dispatches may be: one
that looks at every batch makes them one batch long, one that looks at epochs one epoch, and one that defines
neither costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fitwell.errors import InvalidArgument

if TYPE_CHECKING:
    from fitwell.engine.policies import Policy

Logs = Mapping[str, Any]


class Callback:
    """Base of all callbacks: override any hook.

    Inside a hook ``self.model`` is the model with its current weights, ``self.params`` the run's settings.
    Set ``self.model.stop_training = True`` to end the run; set ``self.model.optimizer.learning_rate`` to
    change the rate from the next step on. `logs` maps metric names to floats, read from the device only
    when looked at.
    """

    def __init__(self) -> None:
        self.model: Any = None
        self.params: dict[str, Any] = {}
        self.validation_data: Any = None

    def set_model(self, model: Any) -> None:
        """Remember the model."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Remember the run's settings."""
        self.params = params

    def policy(self, first_epoch: int) -> Policy | None:
        """Return the compiled part of this callback, if it has one."""
        return None

    def absorb(self, memory: Any) -> None:
        """Take over what the compiled part learned, when the run is over."""

    def epoch_values(self, epochs: range) -> dict[str, list[float]] | None:
        """Return hyperparameter values for each of `epochs`, by path, or None."""
        return None

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
            if hook is not None:
                setattr(self, name, hook)


class LazyLogs(Mapping[str, float]):
    """Metrics that stay on the device until somebody reads them."""

    def __init__(self, names: Sequence[str], values: Any) -> None:
        self._names = names
        self._values = values
        self._read: dict[str, float] | None = None

    def __getitem__(self, name: str) -> float:
        if self._read is None:
            self._read = dict(zip(self._names, np.asarray(self._values).tolist(), strict=True))
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def copy(self) -> dict[str, float]:
        """Return the values as a plain dict."""
        return dict(self)

    def __repr__(self) -> str:
        return repr(dict(self))


class CallbackList:
    """Several callbacks as one; knows which hooks anybody listens to."""

    def __init__(self, callbacks: Iterable[Any], model: Any, params: dict[str, Any]) -> None:
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            if isinstance(callback, type) or not hasattr(callback, "set_model"):
                raise InvalidArgument(
                    f"callbacks: expected Callback objects, got {callback!r}"
                    + (" (a class: add parentheses)" if isinstance(callback, type) else "")
                )
            callback.set_params(params)
            callback.set_model(model)

    def listens(self, *hooks: str) -> bool:
        """Return whether any callback defines one of these hooks."""
        return any(_defines(callback, hook) for callback in self.callbacks for hook in hooks)

    def call(self, hook: str, *arguments: Any) -> None:
        """Call `hook` of every callback."""
        for callback in self.callbacks:
            getattr(callback, hook)(*arguments)


def _defines(callback: Any, hook: str) -> bool:
    return hook in vars(callback) or getattr(type(callback), hook, None) is not getattr(Callback, hook)
