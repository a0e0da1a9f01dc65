"""`EpochRunner`: the compiled training loop, a `while_loop` over epochs around a `while_loop` over batches.

A dispatch covers several whole epochs or a part of one. How much it covers is an argument, so one compiled program
serves silent runs, progress bars and callbacks with batch hooks.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._data.loaders import Dispatch
from fitwell._engine import devices, xla_cpu_heuristics
from fitwell._engine.batch_access import Validation, gather_batch, gather_rows, take_index
from fitwell._engine.compile_cache import CompileCache
from fitwell._engine.dispatch_result import DispatchResult, EpochLogs
from fitwell._engine.nan_recovery import find_first_nonfinite_step
from fitwell._engine.policies import Policy, skip_epoch, static_key
from fitwell._engine.train_program import Batch, TrainProgram
from fitwell._engine.train_state import TrainState
from fitwell._engine.train_step import Step, make_step
from fitwell._typing import Array, NumpyArray

__all__ = ["DispatchBounds", "EpochRunner", "all_finite", "log_name", "run_batches"]

_NO_LIMIT = np.iinfo(np.int32).max


class DispatchBounds(NamedTuple):
    """The extent of a dispatch.

    epochs: the number of epochs.
    start, stop: the range of batches in each.
    limit: the number of updates after which training ends.
    first, last: whether the dispatch begins and ends its epochs.
    """

    epochs: Array
    start: Array
    stop: Array
    limit: Array
    first: Array
    last: Array


def run_batches(
    step: Step,
    state: TrainState,
    fetch: Callable[[Array], Batch],
    start: Array,
    stop: Array,
    limit: Array,
    fuse_loop: bool,
) -> TrainState:
    """Apply `step` to the batches ``start … stop-1``; stop early if a loss is not finite.

    limit: the number of updates after which training ends.
    fuse_loop: whether the CPU compiler may turn the whole loop into one function (see `xla_cpu_heuristics`).
    """

    def body(carry: tuple[Array, TrainState]) -> tuple[Array, TrainState]:
        index, state = carry
        batch = fetch(index if fuse_loop else xla_cpu_heuristics.prevent_loop_fusion(index))
        return index + 1, step(state, batch, index)

    def should_continue(carry: tuple[Array, TrainState]) -> Array:
        index, state = carry
        return (index < stop) & (state.first_nonfinite_step < 0) & (state.step < limit)

    return jax.lax.while_loop(should_continue, body, (start, state))[1]


def _has_ended(state: TrainState, limit: Array) -> Array:
    """Return whether training has ended: a loss is not finite, or the last update is done."""
    return (state.first_nonfinite_step >= 0) | (state.step >= limit)


class EpochRunner:
    """Runs the dispatches of a program, and compiles what is new.

    program: the program to run.
    training: whether the steps update the weights.
    policies: the decisions at the end of each epoch.
    validation: rows to evaluate inside the dispatch, or None.
    applies_policies_inside: whether the policies run inside the dispatch; otherwise `end_epoch` is called after it.
    logged: the paths of hyperparameters that are logged with the results, under the last part of the path.
    """

    def __init__(
        self,
        program: TrainProgram,
        *,
        training: bool,
        policies: Sequence[Policy] = (),
        validation: Validation | None = None,
        applies_policies_inside: bool = True,
        logged: Sequence[str] = (),
    ) -> None:
        self.applies_policies_inside = applies_policies_inside
        self.logged = list(logged)
        self.program = program
        self.training = training
        self.policies = list(policies)
        self.validation = validation
        self._result_names = program.result_names()
        self.cache = CompileCache()

    @property
    def cache_id(self) -> int:
        """An integer that is equal for runners with the same executables."""
        return id(self.cache)

    def with_validation(self, validation: Validation | None) -> EpochRunner:
        """Return a runner for other validation rows of the same shapes, which shares the executables."""
        runner = copy.copy(self)
        runner.validation = validation
        return runner

    def __call__(
        self, state: TrainState, dispatch: Dispatch, epoch_values: dict[str, Array] | None = None
    ) -> tuple[TrainState, DispatchResult]:
        """Run one dispatch and wait for it.

        epoch_values: hyperparameters by path that change from epoch to epoch, one value for each epoch.

        If a loss or a gradient is not finite, the dispatch is repeated up to the step before. It is the same program
        with the same state, so it returns the last finite weights to the bit. Guarding every update inside the loop
        would cost a copy of the optimizer state per step.
        """
        values = epoch_values or {}
        after, report = self._dispatch(state, dispatch, values, _NO_LIMIT)
        if report.first_nonfinite_step < 0 and (report.finite or not all_finite(state.trainable)):
            return after, report
        steps = max(dispatch.stop - dispatch.start, 1)

        def rerun(limit: int) -> tuple[TrainState, DispatchResult]:
            epochs = min(dispatch.epochs, (limit - report.step_before) // steps + 1)
            return self._dispatch(state, dataclasses.replace(dispatch, epochs=epochs), values, limit)

        first_nonfinite_step, (after, clean) = find_first_nonfinite_step(rerun, report, int(after.step))
        # Log the epoch with the loss that it had; its validation is that of the finite weights.
        own, both = len(self._result_names), min(len(report.epochs), len(clean.epochs))
        clean.epochs.table[:both, :own] = report.epochs.table[:both, :own]
        return after, dataclasses.replace(
            clean, first_nonfinite_step=first_nonfinite_step, running=report.running
        )

    def _dispatch(
        self, state: TrainState, dispatch: Dispatch, epoch_values: dict[str, Array], limit: int
    ) -> tuple[TrainState, DispatchResult]:
        arguments = self.arguments(state, dispatch, epoch_values, limit)
        run = self.cache.get(
            _run_key(dispatch, epoch_values), self.run, arguments, lambda: _use_ynn_kernels(state, dispatch)
        )
        began = time.perf_counter()
        state, summary, logs = run(*arguments)
        summary = np.asarray(summary)
        seconds = time.perf_counter() - began
        return state, self.unpack_result(state, summary, logs, seconds)

    def arguments(
        self, state: TrainState, dispatch: Dispatch, epoch_values: dict[str, Array], limit: int = _NO_LIMIT
    ) -> tuple[Any, ...]:
        """Return the arguments of `run`."""
        # Six scalars and not one array: to take it apart would need six kernels of some milliseconds' compile time
        # each.
        bounds = DispatchBounds(
            epochs=_scalar(np.int32(dispatch.epochs)),
            start=_scalar(np.int32(dispatch.start)),
            stop=_scalar(np.int32(dispatch.stop)),
            limit=_scalar(np.int32(limit)),
            first=_scalar(np.bool_(dispatch.first)),
            last=_scalar(np.bool_(dispatch.last)),
        )
        return (
            state,
            dispatch.data,
            dispatch.order,
            dispatch.sizes,
            bounds,
            epoch_values,
            self.validation,
            dispatch.tail,
        )

    def unpack_result(
        self, state: TrainState, summary: NumpyArray, logs: Array, seconds: float
    ) -> DispatchResult:
        """Return what `run` returned as a `DispatchResult`."""
        count, stop, first_nonfinite_step, step_before = summary.tolist()
        table = np.array(logs)
        # An open epoch has a row as well, which is not among the finished ones.
        last = table[max(count, 1) - 1, : len(self._result_names)]
        running = dict(zip(self._result_names, last.tolist(), strict=True))
        epochs = EpochLogs(self._log_names(), table[:count])
        finite = not self.training or all_finite(state.trainable)
        return DispatchResult(epochs, running, seconds, bool(stop), first_nonfinite_step, step_before, finite)

    def end_epoch(self, state: TrainState, results: dict[str, Any]) -> TrainState:
        """Apply the policies to an epoch whose validation was computed outside the dispatch."""
        arguments = (state, {name: np.float32(value) for name, value in results.items()})
        return self.cache.get(("end_epoch", tuple(results)), self._end_epoch, arguments)(*arguments)

    def apply_policy(
        self, policy: Policy, policy_state: Any, value: float, state: TrainState
    ) -> tuple[Any, TrainState]:
        """Given an epoch's `value`, apply a policy that is not part of the compiled dispatch."""

        def update(policy_state: Any, value: Array, state: TrainState) -> tuple[Any, TrainState]:
            return policy.update(policy_state, {policy.monitor: value}, state)

        arguments = (policy_state, np.float32(value), state)
        policy_state, state = self.cache.get(("apply_policy", *static_key(policy)), update, arguments)(
            *arguments
        )
        return policy_state, state

    def compile_ahead(self, state: TrainState, dispatch: Dispatch, pool: Executor) -> None:
        """Compile the program of `dispatch` in `pool`, without values that change by epoch."""
        arguments = self.arguments(state, dispatch, {})
        self.cache.compile_async(
            _run_key(dispatch, {}), self.run, arguments, lambda: _use_ynn_kernels(state, dispatch), pool
        )

    def _end_epoch(self, state: TrainState, logs: dict[str, Array]) -> TrainState:
        policy_states = dict(state.policies)
        for policy in self.policies:
            policy_state = policy_states[policy.name]
            if policy.monitor in logs:
                policy_states[policy.name], state = policy.update(policy_state, logs, state)
            else:
                policy_states[policy.name] = skip_epoch(policy_state)
        return state.replace(policies=policy_states, epoch=state.epoch + 1)

    def run(
        self,
        state: TrainState,
        data: Batch,
        order: Array,
        sizes: Array | None,
        bounds: DispatchBounds,
        epoch_values: dict[str, Array],
        validation: Validation | None,
        tail: Array | None,
    ) -> Any:
        """Run one dispatch. This is the function that is compiled; it is pure, so `vmap` can map it over states."""
        step = make_step(self.program, self.training)
        zero = self.program.init_metrics()
        names = self._log_names()
        step_before = state.step
        fuse_loop = xla_cpu_heuristics.should_fuse_loop(state.variables, rows=order.shape[2])
        fuse_validation = fuse_loop and self._can_fuse_validation(validation, state, order)
        logs = jnp.zeros((order.shape[0], len(names)), jnp.float32)
        epochs, start, stop, limit, first, last = bounds

        def epoch(carry: tuple[TrainState, Array, Array]) -> Any:
            state, logs, index = carry
            state = _begin_epoch(state, zero, first | (index > 0), epoch_values, index)

            def fetch(batch: Array) -> Batch:
                return gather_batch(data, take_index(order, index), sizes, batch)

            full_batches = jnp.minimum(stop, order.shape[1])
            state = run_batches(step, state, fetch, start, full_batches, limit, fuse_loop)
            if tail is not None:
                rows = take_index(tail, index)
                has_tail = (start <= full_batches) & (full_batches < stop) & ~_has_ended(state, limit)
                state = jax.lax.cond(
                    has_tail, lambda: step(state, gather_rows(data, rows), full_batches), lambda: state
                )
            # An epoch that stays open takes the same path, with no rows to validate.
            done = last | _has_ended(state, limit)
            results = self.program.compute_metrics(state.metrics, state.hyperparams)
            if validation is not None:
                found = self._validate(state.replace(metrics=zero), validation, done, fuse_validation)
                results |= {f"val_{name}": value for name, value in found.items()}
            results |= self._logged_values(state)
            logs = jax.lax.dynamic_update_index_in_dim(
                logs, _row(results, names), index, axis=0, allow_negative_indices=False
            )
            if self.applies_policies_inside and not self.policies:
                state = state.replace(epoch=state.epoch + done)
            elif self.applies_policies_inside:
                state = jax.lax.cond(done, lambda: self._end_epoch(state, results), lambda: state)
            return state, logs, index + 1

        def should_continue(carry: tuple[TrainState, Array, Array]) -> Array:
            state, _, index = carry
            return (index < epochs) & ~state.stop & (state.first_nonfinite_step < 0)

        state, logs, index = jax.lax.while_loop(should_continue, epoch, (state, logs, jnp.int32(0)))
        finished = jnp.where(last | _has_ended(state, limit), index, 0)
        facts = [finished, state.stop, state.first_nonfinite_step, step_before]
        return state, jnp.stack([fact.astype(jnp.int32) for fact in facts]), logs

    def _logged_values(self, state: TrainState) -> dict[str, Array]:
        return {
            log_name(path): self.program.hyperparam_value(path, state.hyperparams, state.step)
            for path in self.logged
        }

    def _validate(
        self, state: TrainState, validation: Validation, done: Array, fuse_loop: bool
    ) -> dict[str, Array]:
        """Return the results over the validation rows. The metrics of `state` are empty."""
        evaluate = make_step(self.program, training=False)
        clean = state.replace(first_nonfinite_step=jnp.int32(-1))
        first, steps = jnp.int32(0), jnp.int32(validation.steps)
        if validation.steps == 1 and fuse_loop:
            # A loop around one batch would cost a tenth of a second of compile time.
            metrics = jax.lax.cond(
                done, lambda: evaluate(clean, validation.at(first), first).metrics, lambda: clean.metrics
            )
        else:
            stop = jnp.where(done, steps, 0)
            limit = jnp.int32(_NO_LIMIT)
            metrics = run_batches(evaluate, clean, validation.at, first, stop, limit, fuse_loop).metrics
        if validation.tail is not None:
            last, so_far = validation.tail, clean.replace(metrics=metrics)
            metrics = jax.lax.cond(done, lambda: evaluate(so_far, last, steps).metrics, lambda: metrics)
        return self.program.compute_metrics(metrics, state.hyperparams)

    def _can_fuse_validation(self, validation: Validation | None, state: TrainState, order: Array) -> bool:
        """Return whether the validation may be part of the fused training loop.

        Large products are slow there, which matters if the validation has more rows than the training.
        """
        if validation is None:
            return True
        rows = validation.rows // validation.steps
        return validation.rows <= order.shape[1] * order.shape[2] or xla_cpu_heuristics.should_fuse_loop(
            state.variables, rows
        )

    def _log_names(self) -> list[str]:
        names = self._result_names
        validated = [f"val_{name}" for name in names] if self.validation is not None else []
        return [*names, *validated, *map(log_name, self.logged)]


def _scalar(value: np.generic) -> Array:
    return cast("Array", value)  # an array for the compiled program


def _run_key(dispatch: Dispatch, epoch_values: dict[str, Array]) -> tuple[Any, ...]:
    return "run", dispatch.key, tuple(epoch_values)


def _use_ynn_kernels(state: TrainState, dispatch: Dispatch) -> bool:
    return xla_cpu_heuristics.prefer_ynn_kernels(state.variables, rows=dispatch.order.shape[2])


def log_name(path: str) -> str:
    """Return the name under which the hyperparameter at `path` is logged: the last part of the path."""
    return path.rpartition(".")[2]


def all_finite(weights: dict[str, Array]) -> bool:
    """Return whether all weights are finite."""
    arrays = [array for array in weights.values() if jnp.issubdtype(array.dtype, jnp.inexact)]
    if devices.current_device().platform == "cpu" or all(isinstance(array, np.ndarray) for array in arrays):
        # Compiling this takes longer than computing it.
        return all(np.isfinite(np.asarray(array)).all() for array in arrays)
    return not arrays or bool(_all_finite(arrays))


@jax.jit
def _all_finite(arrays: Sequence[Array]) -> Array:
    return jnp.all(jnp.stack([jnp.isfinite(array).all() for array in arrays]))


def _begin_epoch(
    state: TrainState, zero: dict[str, Array], is_new: Array, epoch_values: dict[str, Array], index: Array
) -> TrainState:
    """Return the state before the first batch of a dispatch in an epoch; the metrics of a new epoch are `zero`."""
    metrics = jax.tree.map(lambda empty, kept: jnp.where(is_new, empty, kept), zero, state.metrics)
    values = {path: take_index(table, index) for path, table in epoch_values.items()}
    return state.replace(metrics=metrics, hyperparams=state.hyperparams | values)


def _row(results: dict[str, Array], names: Sequence[str]) -> Array:
    return jnp.stack([results[name].astype(jnp.float32) for name in names])
