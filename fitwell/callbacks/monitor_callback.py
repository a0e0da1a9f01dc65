"""`MonitorCallback`: the base class of callbacks that decide on a monitored value."""

from __future__ import annotations

from typing import Any

import numpy as np

from fitwell._callback import Logs
from fitwell.callbacks.compilable_callback import CompilableCallback

__all__ = ["MonitorCallback"]


class MonitorCallback(CompilableCallback):
    """Base class of callbacks whose policy reads one monitored value at the end of an epoch.

    The policy decides inside the compiled loop, or on the host in the turn of the callback (see `CompilableCallback`).

    Attributes:
        monitor (str): Name of the monitored value.
        mode (str): ``"min"`` or ``"max"``.
        best (float | None): The best value so far.
    """

    monitor: str
    mode: str

    def __init__(self) -> None:
        super().__init__()
        self.best: float | None = None

    @property
    def sign(self) -> int:
        """Factor that makes smaller values better: 1, or -1 for ``mode="max"``."""
        return 1 if self.mode == "min" else -1

    def best_for_policy(self) -> np.float32:
        """Return `best` as policies store it: multiplied by `sign`, infinite before the first value."""
        return np.float32(np.inf if self.best is None else self.best * self.sign)

    def get_monitor_value(self, logs: Logs | None) -> Any:
        """Return the monitored value of an epoch, or None if it was not measured. A subclass may compute it."""
        return (logs or {}).get(self.monitor)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Decide, if the compiled loop does not."""
        # Overridden so that a run on the host has an epoch hook and ends each dispatch at an epoch.
        super().on_epoch_end(epoch, logs)
