"""`MonitorCallback`, the base class for callbacks whose decision depends on a monitored value."""

from __future__ import annotations

from typing import Any

import numpy as np

from fitwell._callback import Logs
from fitwell.callbacks.compilable_callback import CompilableCallback
from fitwell.callbacks.monitor_mode import MonitorModeMixin

__all__ = ["MonitorCallback"]


class MonitorCallback(MonitorModeMixin, CompilableCallback):
    """Base class for callbacks whose policy reads one monitored value at the end of each epoch.

    The policy makes its decision inside the compiled loop, or on the host when `on_epoch_end` is called. See
    `CompilableCallback`.

    Attributes:
        monitor (str): Name of the monitored value.
        best (float | None): The best value so far.
    """

    def __init__(self, monitor: str, mode: str) -> None:
        super().__init__(monitor, mode)
        self.best: float | None = None

    @property
    def sign(self) -> int:
        """The factor that makes smaller monitored values better: 1 if `mode` is ``"min"``, and -1 otherwise."""
        return 1 if self.mode == "min" else -1

    def best_for_policy(self) -> np.float32:
        """Return the value that policies store for `best`, for which smaller is always better.

        This is ``best * sign``, or infinity if `best` is None.
        """
        return np.float32(np.inf if self.best is None else self.best * self.sign)

    def get_monitor_value(self, logs: Logs | None) -> Any:
        """Return the monitored value of an epoch, or None. A subclass may override this method."""
        return (logs or {}).get(self.monitor)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Make the decision on the host, if the compiled loop does not make it."""
        # The hook is overridden so that each dispatch ends with an epoch if the decision is made on the host.
        super().on_epoch_end(epoch, logs)
