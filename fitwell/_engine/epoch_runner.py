"""Runs: scans of steps inside epochs inside one dispatch, compiled once and called with any lengths.

A dispatch covers either several whole epochs or a part of one; how much is an argument, not structure, so
one compiled program serves quiet runs, progress bars and callbacks that look at every batch.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._data.loaders import Dispatch
from fitwell._engine import devices, xla_cpu_heuristics
from fitwell._engine.compile_cache import CompileCache
from fitwell._engine.nan_recovery import find_last_finite_step
from fitwell._engine.policies import Policy, skip_epoch, static_key
from fitwell._engine.train_program import Batch, TrainProgram
from fitwell._engine.train_state import TrainState
from fitwell._engine.train_step import Step, make_step

Array = Any

_NO_LIMIT = np.iinfo(np.int32).max


@dataclass
class EpochLogs:
    """The results of finished epochs: ``table[i, j]`` is the value of ``names[j]`` after the i-th of them."""

    names: list[str]
    table: np.ndarray

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[dict[str, float]]:
        for row in self.table.tolist():
            yield dict(zip(self.names, row, strict=True))

    def columns(self) -> dict[str, list[float]]:
        """Return the values of all epochs by name."""
        return dict(zip(self.names, self.table.T.tolist(), strict=True))


class DispatchBounds(NamedTuple):
    """How far a dispatch goes.

    epochs: how many. start, stop: which batches of each. limit: the number of updates after which training ends in
    any case. first, last: whether an epoch begins with the first batch, and is over after the last one.
    """

    epochs: Array
    start: Array
    stop: Array
    limit: Array
    first: Array
    last: Array


@dataclass
class DispatchResult:
    """What a dispatch tells: results of the epochs it finished, running results, how long it took.

    epochs: results of each finished epoch, in order. running: the metrics when it ended, by name: of the epoch
    that is open, or of the last one.
    stop: whether a policy ended the run. bad_step: the step whose loss or gradient was not finite, or -1.
    step_before: the number of updates made before the dispatch.
    finite: whether the weights that the dispatch left are.
    """

    epochs: EpochLogs
    running: dict[str, float]
    seconds: float
    stop: bool
    first_nonfinite_step: int
    step_before: int
    finite: bool


@dataclass
class Validation:
    """Rows to evaluate at the end of every epoch inside the dispatch.

    batches: arrays of shape ``[batches, batch size, ...]``. sizes: ``[batches]`` true sizes, or None when
    all batches are full. tail: one more batch, a shorter one that may not be padded; None when there is none.
    """

    batches: Batch
    sizes: Array | None
    tail: Batch | None = None

    @property
    def steps(self) -> int:
        """The number of batches, without the tail."""
        return int(jax.tree.leaves(self.batches)[0].shape[0])

    @property
    def rows(self) -> int:
        """The number of rows, padding included."""
        return self.steps * int(jax.tree.leaves(self.batches)[0].shape[1])

    def at(self, index: Array) -> Batch:
        """Return one batch."""
        return _masked(jax.tree.map(lambda leaf: _at(leaf, index), self.batches), self.sizes, index)


def gather_batch(block: Batch, order: Array, sizes: Array | None, index: Array) -> Batch:
    """Return batch `index` of `block`: the rows ``order[index]``, of which the first ``sizes[index]`` are real."""
    return _masked(_rows(block, _at(order, index)), sizes, index)


def select_batch(dispatch: Dispatch, epoch: int, index: int) -> Batch:
    """Return batch `index` of one of the epochs of a work."""
    if dispatch.tail is not None and index >= dispatch.order.shape[1]:
        return _rows(dispatch.block, dispatch.tail[epoch])
    return gather_batch(dispatch.block, dispatch.order[epoch], dispatch.sizes, jnp.int32(index))


def _rows(block: Batch, places: Array) -> Batch:
    # Orders are permutations drawn by the feed: always within bounds, so no clamping code is needed.
    return jax.tree.map(lambda leaf: leaf.at[places].get(mode="promise_in_bounds"), block)


def _at(array: Array, index: Array) -> Array:
    """Return ``array[index]`` for an index that is not negative: taking care of others costs kernels of their own."""
    return jax.lax.dynamic_index_in_dim(array, index, keepdims=False, allow_negative_indices=False)


def _masked(batch: Batch, sizes: Array | None, index: Array) -> Batch:
    """Return `batch` with the rows beyond ``sizes[index]`` marked as padding."""
    if sizes is None:
        return batch
    length = jax.tree.leaves(batch)[0].shape[0]
    size = _at(sizes, index)
    rows = (jnp.arange(length) < size).astype(jnp.float32)
    return Batch(batch.x, batch.y, batch.weights, rows, size.astype(jnp.float32))


def run_batches(
    step: Step,
    state: TrainState,
    fetch: Callable[[Array], Batch],
    start: Array,
    stop: Array,
    limit: Array,
    fuse_loop: bool,
) -> TrainState:
    """Apply `step` to batches ``start … stop-1``; end early when a loss is not finite.

    limit: the number of updates after which training ends in any case.
    one_function: whether the CPU compiler may turn the whole loop into one function (see `loops`).
    """

    def body(carry: tuple[Array, TrainState]) -> tuple[Array, TrainState]:
        index, state = carry
        batch = fetch(index if fuse_loop else xla_cpu_heuristics.prevent_loop_fusion(index))
        return index + 1, step(state, batch, index)

    def going(carry: tuple[Array, TrainState]) -> Array:
        index, state = carry
        return (index < stop) & (state.first_nonfinite_step < 0) & (state.step < limit)

    return jax.lax.while_loop(going, body, (start, state))[1]


class EpochRunner:
    """Runs a program over works, compiling what is new.

    program: what to run. training: whether steps learn. policies: decisions at the end of each epoch.
    validation: rows to evaluate inside the dispatch, if any.
    closes: whether an epoch's policies run inside the dispatch; else `close` is called after it.
    shown: paths of hyperparameters whose values are logged with the results, under the last part of the path.
    """

    def __init__(
        self,
        program: TrainProgram,
        *,
        training: bool,
        policies: Sequence[Policy] = (),
        validation: Validation | None = None,
        ends_epochs: bool = True,
        logged: Sequence[str] = (),
    ) -> None:
        self.ends_epochs = ends_epochs
        self.logged = list(logged)
        self.program = program
        self.training = training
        self.policies = list(policies)
        self.validation = validation
        self._result_names = program.result_names()
        self.cache = CompileCache()

    @property
    def cache_id(self) -> int:
        """Equal for machines that share what is compiled."""
        return id(self.cache)

    def with_validation(self, validation: Validation | None) -> EpochRunner:
        """Return this machine with other validation rows of the same shapes; both share what is compiled."""
        runner = copy.copy(self)
        runner.validation = validation
        return runner

    def __call__(
        self, state: TrainState, dispatch: Dispatch, epoch_values: dict[str, Array] | None = None
    ) -> tuple[TrainState, DispatchResult]:
        """Run one dispatch and wait for it.

        epoch_values: hyperparameters by path that change from epoch to epoch, one value for each epoch.

        When a loss or a gradient is not finite, the dispatch is made again up to the step before: the same
        program on the same state, so what it leaves are the last good weights to the bit. Guarding every
        update inside the loop instead would cost each step a copy of the optimizer's slots.
        """
        values = epoch_values or {}
        after, report = self._dispatch(state, dispatch, values, _NO_LIMIT)
        if report.first_nonfinite_step < 0 and (report.finite or not all_finite(state.trainable)):
            return after, report
        steps = max(dispatch.stop - dispatch.start, 1)

        def again(limit: int) -> tuple[TrainState, DispatchResult]:
            epochs = min(dispatch.epochs, (limit - report.step_before) // steps + 1)
            return self._dispatch(state, dataclasses.replace(dispatch, epochs=epochs), values, limit)

        first_nonfinite_step, (after, clean) = find_last_finite_step(again, report, int(after.step))
        # The epoch that went wrong is logged with the loss it had; its validation is that of the good weights.
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
            _run_key(dispatch, epoch_values), self.run, arguments, lambda: _use_ynn(state, dispatch)
        )
        began = time.perf_counter()
        state, summary, logs = run(*arguments)
        summary = np.asarray(summary)
        seconds = time.perf_counter() - began
        return state, self.unpack_result(state, summary, logs, seconds)

    def arguments(
        self, state: TrainState, dispatch: Dispatch, epoch_values: dict[str, Array], limit: int = _NO_LIMIT
    ) -> tuple[Any, ...]:
        """Return what `run` takes."""
        # Not one array: taking that apart would be six kernels, and compiling a kernel takes some milliseconds.
        span = DispatchBounds(
            epochs=np.int32(dispatch.epochs),
            start=np.int32(dispatch.start),
            stop=np.int32(dispatch.stop),
            limit=np.int32(limit),
            first=np.bool_(dispatch.first),
            last=np.bool_(dispatch.last),
        )
        return (
            state,
            dispatch.block,
            dispatch.order,
            dispatch.sizes,
            span,
            epoch_values,
            self.validation,
            dispatch.tail,
        )

    def unpack_result(self, state: TrainState, summary: Array, logs: Array, seconds: float) -> DispatchResult:
        """Return in words what `run` returned."""
        count, stop, first_nonfinite_step, step_before = summary.tolist()
        table = np.array(logs)
        # An open epoch is a row of its own, which does not count.
        last = table[max(count, 1) - 1, : len(self._result_names)]
        running = dict(zip(self._result_names, last.tolist(), strict=True))
        epochs = EpochLogs(self._log_names(), table[:count])
        finite = not self.training or all_finite(state.trainable)
        return DispatchResult(epochs, running, seconds, bool(stop), first_nonfinite_step, step_before, finite)

    def end_epoch(self, state: TrainState, results: dict[str, Any]) -> TrainState:
        """Apply the policies to an epoch whose validation `results` were computed outside the dispatch."""
        arguments = (state, {name: np.float32(value) for name, value in results.items()})
        return self.cache.get(("close", tuple(results)), self._end_epoch, arguments)(*arguments)

    def apply_policy(
        self, policy: Policy, memory: Any, value: float, state: TrainState
    ) -> tuple[Any, TrainState]:
        """Let a policy that is not compiled into the dispatches decide on an epoch's `value`."""

        def update(memory: Any, value: Array, state: TrainState) -> tuple[Any, TrainState]:
            return policy.update(memory, {policy.monitor: value}, state)

        arguments = (memory, np.float32(value), state)
        memory, state = self.cache.get(("decide", *static_key(policy)), update, arguments)(*arguments)
        return memory, state

    def compile_ahead(self, state: TrainState, dispatch: Dispatch, pool: Executor) -> None:
        """Let `pool` compile what a dispatch of such a work will run, without values that change by epoch."""
        arguments = self.arguments(state, dispatch, {})
        self.cache.compile_async(
            _run_key(dispatch, {}), self.run, arguments, lambda: _use_ynn(state, dispatch), pool
        )

    def _end_epoch(self, state: TrainState, logs: dict[str, Array]) -> TrainState:
        memories = dict(state.policies)
        for policy in self.policies:
            memory = memories[policy.name]
            if policy.monitor in logs:
                memories[policy.name], state = policy.update(memory, logs, state)
            else:
                memories[policy.name] = skip_epoch(memory)
        return state.replace(policies=memories, epoch=state.epoch + 1)

    def run(
        self,
        state: TrainState,
        block: Batch,
        order: Array,
        sizes: Array | None,
        span: DispatchBounds,
        epoch_values: dict[str, Array],
        validation: Validation | None,
        tail: Array | None,
    ) -> Any:
        """Do one dispatch: the function that is compiled. Pure, so it may be mapped over states."""
        step = make_step(self.program, self.training)
        zero = self.program.init_metrics()
        names = self._log_names()
        step_before = state.step
        fuse_loop = xla_cpu_heuristics.should_fuse_loop(state.variables, rows=order.shape[2])
        fuse_validation = fuse_loop and (
            validation is None or self._can_fuse_validation(validation, state, order)
        )
        logs = jnp.zeros((order.shape[0], len(names)), jnp.float32)
        epochs, start, stop, limit, first, last = span

        def over(state: TrainState) -> Array:
            return (state.first_nonfinite_step >= 0) | (state.step >= limit)

        def epoch(carry: tuple[TrainState, Array, Array]) -> Any:
            state, logs, index = carry
            fresh = first | (index > 0)
            metrics = jax.tree.map(lambda empty, kept: jnp.where(fresh, empty, kept), zero, state.metrics)
            hyperparams = state.hyperparams | {
                path: _at(table, index) for path, table in epoch_values.items()
            }
            metrics_reset = state.replace(metrics=metrics, hyperparams=hyperparams)

            def fetch(batch: Array) -> Batch:
                return gather_batch(block, _at(order, index), sizes, batch)

            whole = jnp.minimum(stop, order.shape[1])
            state = run_batches(step, metrics_reset, fetch, start, whole, limit, fuse_loop)
            if tail is not None:
                rows = _at(tail, index)
                going = (start <= whole) & (whole < stop) & ~over(state)
                state = jax.lax.cond(going, lambda: step(state, _rows(block, rows), whole), lambda: state)
            # An epoch that stays open goes the same way, with no rows to validate.
            done = last | over(state)
            results = self.program.compute_metrics(state.metrics, state.hyperparams)
            if validation is not None:
                found = self._validate(state.replace(metrics=zero), validation, done, fuse_validation)
                results |= {f"val_{name}": value for name, value in found.items()}
            results |= {
                log_name(path): self.program.hyperparam_value(path, state.hyperparams, state.step)
                for path in self.logged
            }
            logs = jax.lax.dynamic_update_index_in_dim(
                logs, _row(results, names), index, axis=0, allow_negative_indices=False
            )
            if self.ends_epochs and not self.policies:
                state = state.replace(epoch=state.epoch + done)
            elif self.ends_epochs:
                state = jax.lax.cond(done, lambda: self._end_epoch(state, results), lambda: state)
            return state, logs, index + 1

        def going(carry: tuple[TrainState, Array, Array]) -> Array:
            state, _, index = carry
            return (index < epochs) & ~state.stop & (state.first_nonfinite_step < 0)

        state, logs, index = jax.lax.while_loop(going, epoch, (state, logs, jnp.int32(0)))
        finished = jnp.where(last | over(state), index, 0)
        facts = [finished, state.stop, state.first_nonfinite_step, step_before]
        return state, jnp.stack([fact.astype(jnp.int32) for fact in facts]), logs

    def _validate(
        self, state: TrainState, validation: Validation, done: Array, fuse_loop: bool
    ) -> dict[str, Array]:
        """Return the results over the validation rows; the accumulators of `state` are empty."""
        evaluate = make_step(self.program, training=False)
        clean = state.replace(first_nonfinite_step=jnp.int32(-1))
        first, steps = jnp.int32(0), jnp.int32(validation.steps)
        if validation.steps == 1 and fuse_loop:
            # A loop around one batch would take the compiler a tenth of a second for nothing.
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

    def _can_fuse_validation(self, validation: Validation, state: TrainState, order: Array) -> bool:
        """Return whether a validation may be part of the function that the training is.

        Large products are slow there, which matters when the validation has more rows than the training.
        """
        rows = validation.rows // validation.steps
        return validation.rows <= order.shape[1] * order.shape[2] or xla_cpu_heuristics.should_fuse_loop(
            state.variables, rows
        )

    def _log_names(self) -> list[str]:
        names = self._result_names
        validated = [f"val_{name}" for name in names] if self.validation is not None else []
        return [*names, *validated, *map(log_name, self.logged)]


def _run_key(dispatch: Dispatch, epoch_values: dict[str, Array]) -> tuple[Any, ...]:
    return "run", dispatch.key, tuple(epoch_values)


def _use_ynn(state: TrainState, dispatch: Dispatch) -> bool:
    return xla_cpu_heuristics.prefer_ynn_kernels(state.variables, rows=dispatch.order.shape[2])


def log_name(path: str) -> str:
    """Return the last part of a hyperparameter's path, under which it is logged."""
    return path.rpartition(".")[2]


def all_finite(weights: dict[str, Array]) -> bool:
    """Return whether no weight is NaN or infinite."""
    arrays = [array for array in weights.values() if jnp.issubdtype(array.dtype, jnp.inexact)]
    if devices.current_device().platform == "cpu" or all(isinstance(array, np.ndarray) for array in arrays):
        # Compiling this takes longer than doing it.
        return all(np.isfinite(np.asarray(array)).all() for array in arrays)
    return not arrays or bool(_all_finite(arrays))


@jax.jit
def _all_finite(arrays: Sequence[Array]) -> Array:
    return jnp.all(jnp.stack([jnp.isfinite(array).all() for array in arrays]))


def _row(results: dict[str, Array], names: Sequence[str]) -> Array:
    return jnp.stack([results[name].astype(jnp.float32) for name in names])


jax.tree_util.register_dataclass(Validation, data_fields=["batches", "sizes", "tail"], meta_fields=[])
