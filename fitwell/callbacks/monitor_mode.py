"""`MonitorModeMixin`, which infers whether smaller or larger values of a monitored metric are better."""

from __future__ import annotations

from typing import Any

from fitwell._callback import Callback
from fitwell.callbacks.metric_mode import infer_mode
from fitwell.errors import warn

__all__ = ["MonitorModeMixin"]


class MonitorModeMixin(Callback):
    """A mixin for callbacks that compare values of a monitored metric.

    Mode ``"auto"`` is inferred again for each model that the callback observes, because only the model knows the
    direction of a metric whose name is arbitrary. Before that, it is inferred from the name alone.

    Attributes:
        monitor (str): Name of the monitored value.
    """

    def __init__(self, monitor: str, mode: str) -> None:
        super().__init__()
        self.monitor = monitor
        self.mode = mode
        self._inferred_mode = infer_mode(monitor) or "min"
        self._warn_once = _WarnOnce()

    @property
    def mode(self) -> str:
        """``"min"`` if smaller values of the monitored metric are better, ``"max"`` if larger values are better."""
        mode: str = vars(self)["mode"]
        return self._inferred_mode if mode == "auto" else mode

    @mode.setter
    def mode(self, mode: str) -> None:
        # The argument is stored under its own name, because `repr` shows the arguments that differ from their defaults.
        vars(self)["mode"] = mode

    def set_model(self, model: Any) -> None:
        """Store the model, and infer the mode from its metrics. Warn if that fails."""
        super().set_model(model)
        inferred = infer_mode(self.monitor, model)
        self._inferred_mode = inferred or "min"
        if vars(self)["mode"] == "auto" and inferred is None:
            self._warn_once(
                f"cannot infer from the name {self.monitor!r} whether smaller or larger values are better; assuming "
                "'min'. Pass mode='min' or mode='max', or define the metric's direction",
            )


class _WarnOnce:
    """A function that warns only on its first call. The copies of a callback for a population's members share it."""

    def __init__(self) -> None:
        self._has_warned = False

    def __deepcopy__(self, memo: Any) -> _WarnOnce:
        return self

    def __call__(self, message: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            warn(message)
