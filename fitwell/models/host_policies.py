"""The decisions that callbacks make on the host, and the values that their hooks write into the logs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from fitwell import config
from fitwell._engine.epoch_runner import EpochRunner
from fitwell._engine.policies import Policy
from fitwell._history import History, to_float
from fitwell.callbacks.callback_list import CallbackList
from fitwell.errors import warn
from fitwell.models.training_session import TrainingSession

__all__ = ["LEARNING_RATE", "HostPolicies"]

LEARNING_RATE = "optimizer.learning_rate"
_RATE_LOG = "learning_rate"


class HostPolicies:
    """The policies and logs of a run whose callbacks act on the host at the end of each epoch.

    Args:
        session: The model's training session.
        runner: The runner that applies the policies.
        callbacks: The callbacks of the run.
        history: The history of the run.
        pairs: A pair ``(callback, policy)`` for each callback that makes decisions on the host. The list is empty if
            the decisions are compiled.
    """

    def __init__(
        self,
        session: TrainingSession,
        runner: EpochRunner,
        callbacks: CallbackList,
        history: History,
        pairs: Sequence[tuple[Any, Policy]],
    ) -> None:
        self.session = session
        self.runner = runner
        self.callbacks = callbacks
        self.history = history
        self.pairs = list(pairs)
        self._first_rate = math.nan
        self._warned: set[str] = set()

    def __enter__(self) -> HostPolicies:
        for callback, policy in self.pairs:
            callback.set_decide_function(partial(self._decide, callback, policy))
        self._first_rate = self.learning_rate()
        return self

    def __exit__(self, *error: object) -> None:
        # Remove the references to the run, because they would make it impossible to copy the callbacks.
        for callback, _ in self.pairs:
            callback.set_decide_function(None)

    def update_attributes(self) -> None:
        """Update the callbacks' attributes from the states of their policies."""
        for callback, policy in self.pairs:
            callback.on_policy_end(self.session.train_state.policies[policy.name])

    def _decide(self, callback: Any, policy: Policy, epoch: int, value: float) -> None:
        """Apply one policy to an epoch's monitored value. The policy's decision takes effect immediately."""
        session = self.session
        state = session.pull()
        policy_states = state.policies
        policy_state = callback.update_policy_state(policy_states[policy.name])
        if "epoch" in policy_state:
            policy_state = {**policy_state, "epoch": np.int32(epoch)}
        policy_state, state = self.runner.apply_policy(
            policy, policy_state, value, state.replace(policies={})
        )
        stops = bool(state.stop)
        # A later hook may reset stop_training, so the state must not end the run itself.
        state = state.replace(policies={**policy_states, policy.name: policy_state}, stop=np.bool_(False))
        session.push(state, [] if policy.target is None else [policy.target])
        callback.on_policy_end(policy_state)
        if stops:
            session.model.stop_training = True

    # --- logs ----------------------------------------------------------------------------------------------

    def log_learning_rate(self, logs: dict[str, float]) -> None:
        """Add the finished epoch's learning rate to `logs` if hooks have changed the rate during the run."""
        if not self.callbacks.has_user_hooks or _RATE_LOG in logs:
            return
        history, rate = self.history, self.learning_rate()
        if math.isnan(rate) or math.isnan(self._first_rate):
            return
        if _RATE_LOG not in history.history:
            if rate == self._first_rate:
                return
            history.backfill(_RATE_LOG, self._first_rate)
        logs[_RATE_LOG] = rate

    def learning_rate(self) -> float:
        """Return the learning rate, rounded to the computation's precision, or NaN if it is not a single number."""
        rate = self.session.optimizer.get_hyperparameter("learning_rate")
        return float(config.float_dtype().type(rate)) if isinstance(rate, int | float) else math.nan

    def keep_numbers(self, logs: Mapping[str, Any]) -> dict[str, float]:
        """Return the numbers in `logs`, and warn once about each name whose value is not a number."""
        found = {}
        for name, value in logs.items():
            number = to_float(value)
            if number is not None:
                found[name] = number
            elif name not in self._warned:
                self._warned.add(name)
                warn(
                    f"the history omits {name!r}, because a callback logged a value of type "
                    f"{type(value).__name__}, which is not a number; store it in an attribute of the callback instead",
                )
        return found
