"""Policies, which act at the end of each epoch as part of the compiled program.

A policy consists of pure functions, so it works both for a single model and under `vmap`. Its numbers are part of its
state and are therefore arguments of the compiled program. `EpochRunner._end_epoch` calls `update` at the end of each
epoch. The `while_loop` over epochs in `EpochRunner.run` ends when `state.stop` is True.
"""

from __future__ import annotations

from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._engine.train_state import TrainState
from fitwell._typing import Array

__all__ = [
    "MEASURES",
    "EarlyStoppingPolicy",
    "FlatCurvePolicy",
    "Policy",
    "ReduceLROnPlateauPolicy",
    "skip_epoch",
    "static_key",
]


class Policy(Protocol):
    """An action at the end of each epoch that is part of the compiled training loop.

    The methods are pure functions of JAX arrays. Store numbers in the policy's state, where they are arguments of
    the compiled program. Policies that differ only in their numbers then share one compiled program.

    Args:
        *args, **kwargs: Not used. Any object with the attributes and methods of this class is a policy.

    Attributes:
        name (str): Key of the policy's state in `TrainState.policies`. It must be unique within a run.
        monitor (str): Name of the result that the policy reads, such as ``"val_loss"``.
        target (str | None): Path of the hyperparameter that the policy changes, such as
            ``"optimizer.learning_rate"``, or None if it changes none.

    Example:
        >>> import fitwell as fw
        >>> policy = fw.callbacks.EarlyStopping("loss", patience=3).policy(first_epoch=0)
        >>> policy.monitor, policy.target
        ('loss', None)

    Source: fitwell; see `fitwell.callbacks.policy` for an example.
    """

    name: str
    monitor: str
    target: Any

    def init(self, state: TrainState) -> Any:
        """Return the policy's initial state.

        Args:
            state (TrainState): The training state at the start of the run.

        Returns:
            PyTree: Arrays, which are saved in checkpoints.
        """

    def update(self, policy_state: Any, logs: dict[str, Array], state: TrainState) -> tuple[Any, TrainState]:
        """Update the policy's state and the training state after an epoch.

        Args:
            policy_state (PyTree): The policy's state.
            logs (dict[str, Array]): The epoch's results, a dict that maps names to scalars.
            state (TrainState): The training state after the epoch.

        Returns:
            tuple[PyTree, TrainState]: The new states. To end the run, return a training state whose
                ``stop`` is True.
        """

    def finish(self, policy_state: Any, state: TrainState) -> TrainState:
        """Return the training state to keep at the end of the run. This method runs on the host.

        Args:
            policy_state (PyTree): The policy's state after the last epoch.
            state (TrainState): The training state after the last epoch.

        Returns:
            TrainState: The state that the model keeps.
        """


def skip_epoch(policy_state: Any) -> Any:
    """Return a policy's state after an epoch in which its monitored result was not measured.

    Only the epoch counter changes.
    """
    return {**policy_state, "epoch": policy_state["epoch"] + 1} if "epoch" in policy_state else policy_state


def static_key(policy: Any) -> tuple[Any, ...]:
    """Return a key that is equal for policies that can share a compiled program.

    The key contains the policy's type and all its attributes except its numbers.
    """
    settings = {name: value for name, value in vars(policy).items() if name not in ("numbers", "first_epoch")}
    return (type(policy), *sorted(settings.items()))


class EarlyStoppingPolicy:
    """A policy that ends the run if a monitored value has not improved for `patience` epochs.

    A value improves if ``new < best - min_delta`` for ``mode="min"``, or ``new > best + min_delta`` for ``"max"``.
    Epochs before `start_from_epoch` are ignored. If there is a `baseline`, only an epoch that also improves on the
    baseline resets the number of epochs waited. If `keep_best` is True, the best epoch's weights are kept and restored
    at the end of the run.
    """

    def __init__(
        self,
        name: str,
        monitor: str,
        *,
        mode: str,
        min_delta: float,
        patience: float,
        baseline: float | None,
        start_from_epoch: int,
        keep_best: bool,
        first_epoch: int = 0,
    ) -> None:
        self.name = name
        self.monitor = monitor
        self.target: str | None = None
        self.sign = 1.0 if mode == "min" else -1.0
        self.numbers = {
            "min_delta": np.float32(abs(min_delta)),
            "patience": np.float32(patience),
            "start": np.int32(start_from_epoch),
            "baseline": np.float32(np.inf if baseline is None else self.sign * baseline),
        }
        self.keep_best = keep_best
        self.first_epoch = first_epoch

    def init(self, state: TrainState) -> Any:
        """Return the state before the first epoch."""
        policy_state: dict[str, Any] = {
            **self.numbers,
            "best": np.float32(np.inf),
            "best_epoch": np.int32(-1),
            "epoch": np.int32(self.first_epoch),
            "wait": np.float32(0),
            "stopped_epoch": np.int32(-1),
        }
        if self.keep_best:
            policy_state["weights"] = (state.trainable, state.non_trainable)
        return policy_state

    def update(self, policy_state: Any, logs: dict[str, Array], state: TrainState) -> tuple[Any, TrainState]:
        """Compare this epoch's value with the best value, and stop the run if `patience` is exhausted."""
        value = self.sign * logs[self.monitor].astype(jnp.float32)
        counted = policy_state["epoch"] >= policy_state["start"]
        improved = counted & (value < policy_state["best"] - policy_state["min_delta"])
        # If there is a baseline, only an improvement on it resets the wait. The best value is always tracked.
        progressed = improved & (value < policy_state["baseline"] - policy_state["min_delta"])
        wait = jnp.where(progressed | ~counted, 0.0, policy_state["wait"] + 1)
        # As in Keras, the first epoch never ends a run.
        stop = counted & ~improved & (wait >= policy_state["patience"]) & (policy_state["epoch"] > 0)
        fresh = dict(policy_state)
        fresh.update(
            best=jnp.where(improved, value, policy_state["best"]),
            best_epoch=jnp.where(improved, policy_state["epoch"], policy_state["best_epoch"]),
            epoch=policy_state["epoch"] + 1,
            wait=wait,
            stopped_epoch=jnp.where(stop, policy_state["epoch"], policy_state["stopped_epoch"]),
        )
        if self.keep_best:
            fresh["weights"] = jax.lax.cond(
                improved,
                lambda: (state.trainable, state.non_trainable),
                lambda: policy_state["weights"],
            )
        return fresh, state.replace(stop=state.stop | stop)

    def finish(self, policy_state: Any, state: TrainState) -> TrainState:
        """Restore the best weights if they were kept and there is a best epoch."""
        if not self.keep_best or int(policy_state["best_epoch"]) < 0:
            return state
        trainable, non_trainable = policy_state["weights"]
        return state.replace(trainable=trainable, non_trainable=non_trainable)


class ReduceLROnPlateauPolicy:
    """A policy that reduces a hyperparameter if a monitored value has not improved for `patience` epochs.

    Each reduction multiplies the hyperparameter by `factor`, but never takes it below `minimum`. After a reduction, the
    policy waits for `cooldown` epochs before it starts counting again.
    """

    def __init__(
        self,
        name: str,
        monitor: str,
        *,
        target: str,
        mode: str,
        factor: float,
        patience: float,
        min_delta: float,
        cooldown: float,
        minimum: float,
    ) -> None:
        self.name = name
        self.monitor = monitor
        self.target: str = target
        self.sign = 1.0 if mode == "min" else -1.0
        self.numbers = {
            "factor": np.float32(factor),
            "patience": np.float32(patience),
            "min_delta": np.float32(abs(min_delta)),
            "cooldown": np.float32(cooldown),
            "minimum": np.float32(minimum),
        }

    def init(self, state: TrainState) -> Any:
        """Return the state before the first epoch."""
        return {**self.numbers, "best": np.float32(np.inf), "wait": np.float32(0), "cooling": np.float32(0)}

    def update(self, policy_state: Any, logs: dict[str, Array], state: TrainState) -> tuple[Any, TrainState]:
        """Compare this epoch's value with the best value, and reduce the hyperparameter if `patience` is exhausted."""
        value = self.sign * logs[self.monitor].astype(jnp.float32)
        cooling = jnp.maximum(policy_state["cooling"] - 1, 0)
        improved = value < policy_state["best"] - policy_state["min_delta"]
        waiting = ~improved & (cooling <= 0)
        wait = jnp.where(improved | (policy_state["cooling"] > 0), 0.0, policy_state["wait"])
        wait = jnp.where(waiting, wait + 1, wait)
        reduce = waiting & (wait >= policy_state["patience"])
        rate = state.hyperparams[self.target]
        reduced = jnp.maximum(
            rate * policy_state["factor"].astype(rate.dtype), policy_state["minimum"].astype(rate.dtype)
        )
        # A rate that is already below the minimum stays unchanged.
        reduced = jnp.where(rate > policy_state["minimum"].astype(rate.dtype), reduced, rate)
        fresh = dict(policy_state)
        fresh.update(
            best=jnp.where(improved, value, policy_state["best"]),
            wait=jnp.where(reduce, 0.0, wait),
            cooling=jnp.where(reduce, policy_state["cooldown"], cooling),
        )
        return fresh, state.replace(
            hyperparams={**state.hyperparams, self.target: jnp.where(reduce, reduced, rate)}
        )

    def finish(self, policy_state: Any, state: TrainState) -> TrainState:
        """Return the state unchanged."""
        return state


# Functions that measure how much a curve v changed over the last n epochs, from its last n + 1 values.
MEASURES = {
    # max |v_i - v_(i-1)|, the largest single change.
    "change": lambda values: jnp.max(jnp.abs(jnp.diff(values))),
    # v_(t-n) - v_t, the total decrease. It is negative if the curve increased.
    "decrease": lambda values: values[0] - values[-1],
    # mean |v_i - v_(i-1)|, the mean absolute change.
    "mean change": lambda values: jnp.mean(jnp.abs(jnp.diff(values))),
}


class FlatCurvePolicy:
    """A policy that ends the run if a monitored value has changed too little.

    The run ends if `measure`, computed from the last `epochs` changes of the value, is below `threshold`. Values before
    `start_from_epoch` are ignored, and the run continues if the measure is NaN.
    """

    def __init__(
        self,
        name: str,
        monitor: str,
        *,
        measure: str,
        threshold: float,
        epochs: int,
        mode: str,
        start_from_epoch: int,
        first_epoch: int = 0,
    ) -> None:
        self.name = name
        self.monitor = monitor
        self.target: str | None = None
        self.measure = measure
        self.sign = 1.0 if mode == "min" else -1.0
        self.epochs = epochs
        self.numbers = {"threshold": np.float32(threshold), "start": np.int32(start_from_epoch)}
        self.first_epoch = first_epoch

    def init(self, state: TrainState) -> Any:
        """Return the state before the first epoch."""
        return {
            **self.numbers,
            "values": np.full(self.epochs + 1, np.nan, np.float32),
            "epoch": np.int32(self.first_epoch),
            "stopped_epoch": np.int32(-1),
        }

    def update(self, policy_state: Any, logs: dict[str, Array], state: TrainState) -> tuple[Any, TrainState]:
        """Append this epoch's value to the window, and stop the run if the window's measure is below the threshold."""
        counted = policy_state["epoch"] >= policy_state["start"]
        value = jnp.where(counted, self.sign * logs[self.monitor].astype(jnp.float32), jnp.nan)
        values = jnp.append(policy_state["values"][1:], value)
        # A window that is not full contains NaN, so its measure is NaN, which is never below the threshold.
        stop = MEASURES[self.measure](values) < policy_state["threshold"]
        fresh = {
            **policy_state,
            "values": values,
            "epoch": policy_state["epoch"] + 1,
            "stopped_epoch": jnp.where(stop, policy_state["epoch"], policy_state["stopped_epoch"]),
        }
        return fresh, state.replace(stop=state.stop | stop)

    def finish(self, policy_state: Any, state: TrainState) -> TrainState:
        """Return the state unchanged."""
        return state
