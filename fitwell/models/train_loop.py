"""`TrainLoop`: one call to `fit`, from its first dispatch to its last."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np

from fitwell import config
from fitwell._data.loaders import Dispatch
from fitwell._engine.batch_access import select_batch
from fitwell._engine.dispatch_result import DispatchResult, EpochLogs
from fitwell._engine.dispatch_size import AdaptiveDispatchSize
from fitwell._engine.epoch_runner import log_name
from fitwell._engine.train_state import TrainState
from fitwell._history import History
from fitwell._tracing_warnings import warn_changed_constants
from fitwell._typing import Array, Arrays
from fitwell.errors import NonFiniteWarning, warn
from fitwell.models.evaluation import evaluate
from fitwell.models.fit_options import FitOptions
from fitwell.models.host_policies import LEARNING_RATE
from fitwell.models.interrupts import INTERRUPT_SECONDS, catch_keyboard_interrupt
from fitwell.models.nan_diagnosis import diagnose_nonfinite_step
from fitwell.models.run_data import RunData
from fitwell.models.run_position import RunPosition
from fitwell.models.train_plan import make_plan
from fitwell.models.training_session import TrainingSession

__all__ = ["EpochValues", "TrainLoop"]

EpochValues = Arrays


class TrainLoop:
    """One call to `fit`.

    `run` performs all steps. A population executes the dispatches of multiple loops together. It therefore does not
    call `run`, but calls `training`, `dispatches` and `after` in the same order as `run` does.

    Attributes:
        plan: The parts of the run.
        position: The current position of the run.
        execute: The function that executes one dispatch.
        is_halted: Whether `halt` was called.
    """

    def __init__(
        self,
        session: TrainingSession,
        data: RunData,
        options: FitOptions,
        callbacks: Sequence[Any] = (),
        dispatch_size: AdaptiveDispatchSize | None = None,
    ) -> None:
        self.session = session
        self.model = session.model
        self.plan = plan = make_plan(session, data, options, callbacks)
        self.execute = plan.runner
        interval = plan.progress.interval
        self.dispatch_size = dispatch_size or AdaptiveDispatchSize(
            INTERRUPT_SECONDS if interval is None else interval, by_batch=plan.callbacks.has_batch_hooks
        )
        self.position = RunPosition(session.seed, session.epoch)
        self.last_logs: dict[str, float] = {}
        self.is_halted = False

    def run(self) -> History:
        """Train the model, and return the history."""
        with self.training() as interrupted:
            for dispatch, values in self.dispatches(interrupted):
                state, result = self.execute(self.session.pull(), dispatch, values)
                self.after(dispatch, values, state, result)
        return self.plan.history

    @contextmanager
    def training(self) -> Iterator[Callable[[], bool]]:
        """Start or resume the run, and finish it unless an error occurs.

        Yields:
            A function that returns whether Ctrl-C was pressed.
        """
        plan, session = self.plan, self.session
        self.model.history, self.model.stop_training = plan.history, False
        session.push(session.init_train_state([policy for _, policy in plan.policies]))
        plan.host_policies.update_attributes()
        plan.callbacks.call_hook("on_train_begin", {})
        position, self.last_logs = plan.checkpoints.restore_or_start(self.position)
        self._move(position)
        if plan.checkpoints.resumes:
            plan.host_policies.update_attributes()
        with plan.host_policies, plan.checkpoints, catch_keyboard_interrupt() as interrupted:
            yield interrupted
        # An interrupted run can be resumed, but a run that a callback stopped has ended.
        if self.model.stop_training and not interrupted() and not self.is_halted:
            self._move(self.position.end())
        plan.checkpoints.save_final(self.position, self.last_logs)
        self._finalize_weights()
        plan.progress.close()
        plan.callbacks.call_hook("on_train_end", self.last_logs)
        plan.checkpoints.delete_checkpoints(self.position)
        if interrupted():
            raise KeyboardInterrupt

    def dispatches(self, interrupted: Callable[[], bool]) -> Iterator[tuple[Dispatch, EpochValues]]:
        """Yield the remaining dispatches, each with the hyperparameters that change from epoch to epoch.

        The caller must execute a dispatch and call `after` before it requests the next one.
        """
        plan = self.plan
        if self.position.has_ended:
            return
        left, start = self.epochs_left, self.position.open_steps
        if start:
            plan.progress.epoch_begin(self._epoch)
        for dispatch in plan.loader.dispatches(self.position.epoch, left, self._max_steps, start):
            values = self._before(dispatch)
            yield dispatch, values
            if interrupted() or self.model.stop_training:
                if self.position.is_open:
                    if interrupted() or self.is_halted:
                        plan.checkpoints.save_on_interrupt(self.position, self.last_logs)
                    # Close the open epoch without further steps, but with its validation, policies and logs.
                    yield dataclasses.replace(dispatch, start=dispatch.stop, first=False, last=True), values
                return
            plan.checkpoints.maybe_save(self.position, self.last_logs)

    def after(
        self, dispatch: Dispatch, values: EpochValues, state: TrainState, result: DispatchResult
    ) -> None:
        """Process the results of a dispatch: the new state, the position, and the logs of the finished epochs."""
        plan, epochs = self.plan, result.epochs
        changed = plan.policy_targets
        if 0 < len(epochs) < dispatch.epochs:
            # The values for all epochs were set in advance, but the run ended before the last epoch.
            changed += values
        self.session.push(state, changed)
        self.dispatch_size.update(dispatch.steps, result.seconds)
        steps, seen = dispatch.stop - dispatch.start, self.position.batches_seen
        self._move(self.position.advance(steps, len(epochs)))
        if steps:
            last = self.position.step_in_epoch - 1
            plan.callbacks.on_train_batches_end(seen, self.position.batches_seen, last, result.running)
        if result.first_nonfinite_step >= 0:
            self._stop_at_nonfinite(dispatch, result)
        if plan.has_no_observers:
            self._record_epochs(epochs)
        else:
            seconds = result.seconds / len(epochs) if dispatch.epochs > 1 and epochs else None
            for logs in epochs:
                self._end_epoch(logs, seconds)
        if not epochs:
            plan.progress.update(self.position.step_in_epoch, result.running)
        if result.stop:
            self._stop()

    @property
    def epochs_left(self) -> int:
        """The number of epochs that remain to be trained."""
        return self.plan.options.num_epochs - self.position.epochs_done

    # --- before a dispatch -----------------------------------------------------------------------------------

    @property
    def _epoch(self) -> int:
        """The 0-based number of the current epoch, as callbacks see it."""
        return self.plan.options.initial_epoch + self.position.epochs_done

    def _max_steps(self) -> int:
        """Return the maximum number of steps for the next dispatch."""
        plan = self.plan
        limits = (
            plan.callbacks.steps_until_next_call(self.position.batches_seen),
            plan.checkpoints.steps_until_save(self.position),
            plan.loader.steps or None if plan.returns_each_epoch else None,
        )
        return min([self.dispatch_size.max_steps(), *(limit for limit in limits if limit is not None)])

    def _before(self, dispatch: Dispatch) -> EpochValues:
        """Call the hooks for the start of epochs and batches, and return the hyperparameters that change by epoch."""
        plan, epoch = self.plan, self._epoch
        if dispatch.first:
            if plan.callbacks.runs_on_host:
                plan.progress.clear_line()
            plan.callbacks.call_hook("on_epoch_begin", epoch, {})
            plan.progress.epoch_begin(epoch)
            if plan.returns_each_epoch:
                plan.program.check_optimizer()  # a hook may have changed more than numbers
                warn_changed_constants(plan.program.constants)
            self._move(self.position.begin_epoch())
        plan.callbacks.on_train_batch_begin(self.position.step_in_epoch)
        return self._epoch_values(epoch, dispatch) if dispatch.first else {}

    def _epoch_values(self, epoch: int, dispatch: Dispatch) -> EpochValues:
        tables: EpochValues = {}
        for callback in self.plan.callbacks.callbacks:
            if not hasattr(callback, "epoch_values"):
                continue
            for path, numbers in (callback.epoch_values(range(epoch, epoch + dispatch.epochs)) or {}).items():
                table = np.zeros(dispatch.order.shape[0], config.float_dtype())
                table[: len(numbers)] = numbers
                tables[path] = cast("Array", table)
        return tables

    # --- after a dispatch ------------------------------------------------------------------------------------

    def _move(self, position: RunPosition) -> None:
        """Set the position, and store the epoch in the session for the next run."""
        self.position = position
        self.session.epoch = position.epoch

    def halt(self) -> None:
        """Stop the run after the current dispatch, so that it can be resumed as after Ctrl-C."""
        self.is_halted = self.model.stop_training = True

    def _stop(self) -> None:
        self._move(self.position.end())
        self.model.stop_training = True

    def _record_epochs(self, epochs: EpochLogs) -> None:
        """Record the logs of multiple epochs together, for a run in which nothing observes single epochs."""
        first, count = self._epoch, len(epochs)
        self._move(self.position.end_epochs(count))
        if count:
            columns = epochs.columns()
            self.last_logs = {name: values[-1] for name, values in columns.items()}
            rates = self._learning_rates(columns, count)
            self.plan.history.extend(range(first, first + count), columns, rates)

    def _end_epoch(self, logs: dict[str, float], seconds: float | None) -> None:
        """Validate on the host if necessary, record the logs of one epoch, and call the hooks for its end."""
        plan, epoch = self.plan, self._epoch
        self._move(self.position.end_epochs())
        if plan.validates_on_host:
            self._validate_on_host(epoch, logs)
        plan.host_policies.log_learning_rate(logs)
        self.last_logs = dict(logs)
        rates = self._learning_rates({name: [value] for name, value in logs.items()}, 1)
        plan.history.append(epoch, logs, rates[0])
        if plan.callbacks.runs_on_host:
            plan.progress.clear_line()
        else:
            plan.progress.epoch_end(epoch, logs, seconds)
        seen = dict(logs)
        plan.callbacks.call_hook("on_epoch_end", epoch, seen)
        if plan.callbacks.runs_on_host:
            # As in Keras, values that hooks write into the logs are shown and recorded.
            final = plan.host_policies.keep_numbers(seen)
            plan.history.update_last(final)
            plan.progress.epoch_end(epoch, final, seconds)

    def _learning_rates(self, columns: Mapping[str, list[float]], epochs: int) -> list[float]:
        """Return the learning rates of the last `epochs` epochs, with NaN for unknown rates.

        `columns` contains the logs of these epochs.
        """
        plan, name = self.plan, log_name(LEARNING_RATE)
        if name not in plan.metric_names:
            return columns.get(name) or [plan.host_policies.learning_rate()] * epochs
        # A metric has the name of the learning rate, so the logs do not contain the rates that callbacks set for a
        # dispatch's epochs.
        is_set = any(getattr(c, "controlled_hyperparameter", None) for c in plan.callbacks.callbacks)
        return [math.nan if is_set else plan.host_policies.learning_rate()] * epochs

    def _validate_on_host(self, epoch: int, logs: dict[str, float]) -> None:
        """Validate in separate dispatches, and then apply the policies."""
        plan, validation = self.plan, self.plan.data.validation
        if plan.options.validates_after(epoch):
            assert validation is not None
            found = evaluate(
                self.model,
                validation,
                plan.callbacks,
                batch_size=plan.options.validation_batch_size,
                steps=plan.options.validation_steps,
            )
            logs |= {f"val_{name}": value for name, value in found.items()}
        state = plan.runner.end_epoch(self.session.pull(), logs)
        self.session.push(state, plan.policy_targets)
        if bool(state.stop):
            self._stop()

    def _stop_at_nonfinite(self, dispatch: Dispatch, result: DispatchResult) -> None:
        """Stop the run at the step whose loss or gradient is not finite."""
        offset = result.first_nonfinite_step - result.step_before
        epoch, index = divmod(offset, max(dispatch.stop - dispatch.start, 1))
        batch_number = self.position.step_in_epoch - (dispatch.stop - dispatch.start) + index
        self.report_nonfinite(dispatch, epoch, index, self._epoch + epoch + 1, batch_number + 1)
        self._stop()

    def report_nonfinite(
        self, dispatch: Dispatch, epoch: int, index: int, epoch_number: int, batch_number: int
    ) -> None:
        """Warn about a nonfinite loss or gradient, with the batch, the layer and the likely cause.

        Args:
            dispatch: The dispatch that contains the batch.
            epoch: The index of the epoch in the dispatch.
            index: The index of the batch in this epoch of the dispatch.
            epoch_number: The 1-based number of the epoch in the run.
            batch_number: The 1-based number of the batch in its epoch.
        """
        batch = select_batch(dispatch, epoch, dispatch.start + index)
        where = f"epoch {epoch_number}, batch {batch_number}"
        diagnosis = diagnose_nonfinite_step(self.plan.program, self.session.train_state, batch, where)
        warn(diagnosis, NonFiniteWarning)

    def _finalize_weights(self) -> None:
        """Set the final weights of the model, as determined by the optimizer and the policies."""
        state = self.session.pull()  # a hook may have assigned weights after the last dispatch
        # Do this before the policies, so that weights that a policy restores do not change.
        if self.plan.options.restores_average:
            state = state.replace(trainable=self.session.optimizer.finalize(state.trainable, state.opt_state))
        for callback, policy in self.plan.policies:
            policy_state = state.policies[policy.name]
            state = policy.finish(policy_state, state)
            callback.on_policy_end(policy_state)
        self.session.push(state)
