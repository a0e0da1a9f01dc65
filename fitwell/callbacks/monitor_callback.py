"""Callbacks that decide on a monitored value: compiled into the run, or on the host when their turn comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fitwell.callbacks.callback import CompilableCallback, Logs


class MonitorCallback(CompilableCallback):
    """Base of callbacks with a policy, which looks at one monitored value when an epoch ends.

    best: the best value so far, or None.
    """

    monitor: str
    mode: str

    def __init__(self) -> None:
        super().__init__()
        self.best: float | None = None
        self._decide: Callable[[int, float], None] | None = None

    def set_decide_function(self, decide: Callable[[int, float], None] | None) -> None:
        """Take the function that lets the policy decide on an epoch and its value, for a run on the host."""
        self._decide = decide

    @property
    def sign(self) -> int:
        """What makes a smaller value the better one: 1, or -1 for ``mode="max"``."""
        return 1 if self.mode == "min" else -1

    def best_for_policy(self) -> np.float32:
        """Return `best` as policies keep it: the smallest, infinite before there is one."""
        return np.float32(np.inf if self.best is None else self.best * self.sign)

    def update_policy_state(self, policy_state: Any) -> Any:
        """Return the policy's `policy_state` with what the attributes say, which a hook may have set."""
        return policy_state

    def get_monitor_value(self, logs: Logs | None) -> Any:
        """Return the monitored value of an epoch, or None where it was not measured; a subclass may compute it."""
        return (logs or {}).get(self.monitor)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Decide, where the compiled run does not."""
        if self._decide is None:
            return
        value = self.get_monitor_value(logs)
        if value is not None:
            self._decide(epoch, float(value))
