"""`EpochRunner`: the compiled training loop, a `while_loop` over epochs around a `while_loop` over batches.

A dispatch is one call to the compiled program. It covers either multiple whole epochs or part of one epoch. The range
is an argument, so the same compiled program serves silent runs, progress bars, and callbacks with batch hooks.
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
    """The range of epochs and batches that a dispatch covers.

    Attributes:
        epochs: The number of epochs.
        start: The index of the first batch to run in each epoch.
        stop: The index after the last batch to run in each epoch.
        limit: The update count at which training ends.
        first: Whether the dispatch includes the start of its epochs.
        last: Whether the dispatch includes the end of its epochs.
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
    """Apply `step` to the batches from `start` to ``stop - 1``.

    Stop early if a loss is not finite or `limit` is reached.

    Args:
        step: The training or evaluation step.
        state: The state before the first batch.
        fetch: A function that returns the batch with a given index.
        start: The index of the first batch.
        stop: The index after the last batch.
        limit: The update count at which training ends.
        fuse_loop: Whether the CPU compiler may turn the whole loop into one function (see `xla_cpu_heuristics`).

    Returns:
        The state after the last batch.
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
    """Return whether training has ended, either because a loss is not finite or because `limit` is reached."""
    return (state.first_nonfinite_step >= 0) | (state.step >= limit)


class EpochRunner:
    """A runner that executes a program's dispatches and compiles the program when necessary.

    Args:
        program: The program to run.
        training: Whether the steps update the weights.
        policies: The policies to apply at the end of each epoch.
        validation: The rows to evaluate inside the dispatch, or None.
        applies_policies_inside: Whether the policies run inside the dispatch. If False, the caller must call
            `end_epoch` after each epoch.
        logged: The paths of the hyperparameters to log with the results. The log name is the path's last part.
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
        """An integer that is equal for runners that share their executables."""
        return id(self.cache)

    def with_validation(self, validation: Validation | None) -> EpochRunner:
        """Return a copy of this runner with new validation rows.

        They must have the same shapes as the current ones, because the copy shares this runner's executables.
        """
        runner = copy.copy(self)
        runner.validation = validation
        return runner

    def __call__(
        self, state: TrainState, dispatch: Dispatch, epoch_values: dict[str, Array] | None = None
    ) -> tuple[TrainState, DispatchResult]:
        """Run one dispatch and wait for its result.

        If a loss or a gradient is not finite, the dispatch is repeated and ends before the step that failed. The
        program and the initial state are the same, so the result is exactly the weights before that step. Checking
        every update inside the loop instead would require copying the optimizer state at each step.

        Args:
            state: The state before the dispatch.
            dispatch: The data and the range of batches to run.
            epoch_values: A dict that maps the paths of hyperparameters that change between epochs to arrays with one
                value per epoch. None means that there are none.

        Returns:
            The state and the results after the dispatch.
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
        # Log the training results from before the repetition, and the validation results of the finite weights.
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
        """Return the arguments for `run`."""
        # Pass six scalars instead of one array, because unpacking an array would need six kernels, each of which takes
        # a few milliseconds to compile.
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
        """Convert the output of `run` to a `DispatchResult`."""
        count, stop, first_nonfinite_step, step_before = summary.tolist()
        table = np.array(logs)
        # If no epoch is finished, the first row contains the results of the unfinished epoch.
        last = table[max(count, 1) - 1, : len(self._result_names)]
        running = dict(zip(self._result_names, last.tolist(), strict=True))
        epochs = EpochLogs(self._log_names(), table[:count])
        finite = not self.training or all_finite(state.trainable)
        return DispatchResult(epochs, running, seconds, bool(stop), first_nonfinite_step, step_before, finite)

    def end_epoch(self, state: TrainState, results: dict[str, Any]) -> TrainState:
        """Apply the policies after an epoch whose validation results were computed outside the dispatch."""
        arguments = (state, {name: np.float32(value) for name, value in results.items()})
        return self.cache.get(("end_epoch", tuple(results)), self._end_epoch, arguments)(*arguments)

    def apply_policy(
        self, policy: Policy, policy_state: Any, value: float, state: TrainState
    ) -> tuple[Any, TrainState]:
        """Apply a policy that is not part of the compiled dispatch.

        Args:
            policy: The policy.
            policy_state: The policy's state before the epoch.
            value: The epoch's value of the monitored result.
            state: The training state after the epoch.

        Returns:
            The policy state and the training state after the update.
        """

        def update(policy_state: Any, value: Array, state: TrainState) -> tuple[Any, TrainState]:
            return policy.update(policy_state, {policy.monitor: value}, state)

        arguments = (policy_state, np.float32(value), state)
        policy_state, state = self.cache.get(("apply_policy", *static_key(policy)), update, arguments)(
            *arguments
        )
        return policy_state, state

    def compile_ahead(self, state: TrainState, dispatch: Dispatch, pool: Executor) -> None:
        """Compile the program for `dispatch` in the thread pool `pool`.

        The compiled program works only for dispatches without `epoch_values`.
        """
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
        """Run one dispatch. This pure function is compiled, and `vmap` can map it over states."""
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
            # An unfinished epoch runs the same code, but validates no rows.
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
        """Compute the results for the validation rows. The metric accumulators in `state` must be empty."""
        evaluate = make_step(self.program, training=False)
        clean = state.replace(first_nonfinite_step=jnp.int32(-1))
        first, steps = jnp.int32(0), jnp.int32(validation.steps)
        if validation.steps == 1 and fuse_loop:
            # A loop around a single batch would take 0.1 s to compile.
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
        """Return whether validation may be part of the fused training loop.

        Large matrix products are slow in a fused loop. This matters if there are more validation rows than training
        rows.
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
    return cast("Array", value)  # the compiled program receives it as an array


def _run_key(dispatch: Dispatch, epoch_values: dict[str, Array]) -> tuple[Any, ...]:
    return "run", dispatch.key, tuple(epoch_values)


def _use_ynn_kernels(state: TrainState, dispatch: Dispatch) -> bool:
    return xla_cpu_heuristics.prefer_ynn_kernels(state.variables, rows=dispatch.order.shape[2])


def log_name(path: str) -> str:
    """Return the log name of the hyperparameter at `path`, which is the last part of the path."""
    return path.rpartition(".")[2]


def all_finite(weights: dict[str, Array]) -> bool:
    """Return whether all weights are finite."""
    arrays = [array for array in weights.values() if jnp.issubdtype(array.dtype, jnp.inexact)]
    if devices.current_device().platform == "cpu" or all(isinstance(array, np.ndarray) for array in arrays):
        # Compiling this check would take longer than running it with NumPy.
        return all(np.isfinite(np.asarray(array)).all() for array in arrays)
    return not arrays or bool(_all_finite(arrays))


@jax.jit
def _all_finite(arrays: Sequence[Array]) -> Array:
    return jnp.all(jnp.stack([jnp.isfinite(array).all() for array in arrays]))


def _begin_epoch(
    state: TrainState, zero: dict[str, Array], is_new: Array, epoch_values: dict[str, Array], index: Array
) -> TrainState:
    """Prepare the state for the first batch that a dispatch runs in an epoch.

    Args:
        state: The current state.
        zero: The empty metric accumulators.
        is_new: Whether the epoch begins here, so that the metrics are reset to `zero`.
        epoch_values: Hyperparameters that change between epochs (see `EpochRunner.__call__`).
        index: The index of the epoch in the dispatch.

    Returns:
        The state with this epoch's metrics and hyperparameters.
    """
    metrics = jax.tree.map(lambda empty, kept: jnp.where(is_new, empty, kept), zero, state.metrics)
    values = {path: take_index(table, index) for path, table in epoch_values.items()}
    return state.replace(metrics=metrics, hyperparams=state.hyperparams | values)


def _row(results: dict[str, Array], names: Sequence[str]) -> Array:
    return jnp.stack([results[name].astype(jnp.float32) for name in names])
