"""`fit`, `evaluate` and `predict`: make the feed, make the state, loop over dispatches, hand the logs out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fitwell import config
from fitwell._data.loaders import (
    MAX_EPOCHS_PER_DISPATCH,
    DataLoader,
    Dispatch,
)
from fitwell._engine.dispatch_size import AdaptiveDispatchSize
from fitwell._engine.epoch_runner import DispatchResult, EpochLogs, Validation, log_name, select_batch
from fitwell._engine.policies import Policy
from fitwell._engine.train_state import TrainState
from fitwell._history import History
from fitwell._progress import ProgressReporter
from fitwell._tracing_warnings import warn_changed_constants
from fitwell.callbacks.callback_list import CallbackList, check_learning_rate_conflicts
from fitwell.errors import InvalidArgument, MistakeWarning, NonFiniteWarning, did_you_mean, warn
from fitwell.models import input_checks
from fitwell.models.batch_loading import device_validation, make_loader
from fitwell.models.checkpointing import make_checkpoint_manager
from fitwell.models.evaluation import TEST_BATCH_HOOKS, evaluate
from fitwell.models.fit_data import FitData, must_stream
from fitwell.models.host_policies import LEARNING_RATE, HostPolicies
from fitwell.models.interrupts import INTERRUPT_SECONDS, catch_keyboard_interrupt
from fitwell.models.nan_diagnosis import diagnose_nonfinite_step

if TYPE_CHECKING:
    from fitwell.models.model import Model


# What a fit asks of its machine, and what it is answered (None only to begin).
RunnerInput = tuple[TrainState, Dispatch, dict[str, np.ndarray]]
RunnerOutput = tuple[TrainState, DispatchResult]
DispatchGenerator = Generator[RunnerInput, RunnerOutput | None, None]


class TrainLoop:
    """One call of `Model.fit`: what surrounds the loop.

    averaged: whether it ends with the moving averages of the weights, if the optimizer keeps any.
    """

    def __init__(
        self,
        model: Model,
        data: FitData,
        validation: FitData | None,
        *,
        batch_size: int | None,
        validation_batch_size: int | None = None,
        epochs: int,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_freq: Any = 1,
        shuffle: bool,
        callbacks: Sequence[Any] = (),
        verbose: int | str,
        resume: Any = None,
        restores_average: bool = True,
    ) -> None:
        self.model = model
        self.validation = validation
        self.restores_average = restores_average
        self.first_epoch = initial_epoch
        self.epochs = max(epochs - initial_epoch, 0)
        if 0 < epochs < initial_epoch:
            warn(
                f"fit: epochs={epochs} is the epoch to stop after, and initial_epoch={initial_epoch} lies behind it: "
                f"nothing is trained. For {epochs} more, write epochs={initial_epoch + epochs}",
                MistakeWarning,
            )
        self.session = session = model._session
        self.program = program = session.get_program(data.example)
        program.bind_optimizer()
        self._check(data, validation)
        params: dict[str, Any] = {"epochs": epochs, "steps": None, "verbose": verbose}
        self.callback_list = CallbackList(callbacks, model, params)
        check_learning_rate_conflicts(callbacks, session.optimizer)
        self.checkpoint_manager = make_checkpoint_manager(callbacks, resume)
        session.seed = self.checkpoint_manager.seed(session.seed)
        by_batch = self.callback_list.has_batch_hooks
        by_epoch = self.callback_list.has_hook("on_epoch_begin", "on_epoch_end")
        self.loader = self._make_loader(
            data,
            batch_size,
            shuffle=shuffle,
            seed=session.seed,
            pad=program.supports_padding,
            steps=steps_per_epoch,
            max_epochs_per_dispatch=1 if by_epoch or by_batch else MAX_EPOCHS_PER_DISPATCH,
        )
        params["steps"] = self.loader.steps
        self.history = History(params)
        self._names: list[str] | None = None
        params["metrics"] = self._log_names(self.callback_list)
        self.progress = ProgressReporter(verbose, epochs, self.loader.steps)
        interval = self.progress.interval
        self.pace = AdaptiveDispatchSize(
            INTERRUPT_SECONDS if interval is None else interval, by_batch=by_batch
        )
        self.validation_freq = validation_freq
        self.validation_steps = validation_steps
        self.validation_batch_size = validation_batch_size
        inside = self._device_validation() if validation is not None else None
        self.validates_on_host = validation is not None and inside is None
        # Somebody who looks at epochs, or a validation that runs outside, ends each dispatch with the epoch.
        self.by_epoch = by_epoch or by_batch or self.validates_on_host
        self.policies = self._policies()
        self.host_policies = HostPolicies(self, self.policies if self.callback_list.runs_on_host else [])
        self.policy_targets = [policy.target for _, policy in self.policies if policy.target is not None]
        self.runner = session.get_runner(
            training=True,
            policies=[policy for _, policy in self.policies],
            runs_policies=not self.callback_list.runs_on_host,
            validation=inside,
            ends_epochs=not self.validates_on_host,
            logged=self._logged_hyperparams(self.callback_list),
        )
        self.has_no_observers = (
            not by_epoch and not by_batch and not self.validates_on_host and not self.progress.verbose
        )
        self.epochs_done = 0
        self.epoch_is_open = False
        self.last_logs: dict[str, float] = {}
        self.step_in_epoch = 0
        self.ended = False
        self.checkpoint_manager.check_compatible(self, data, shuffle)
        self.callback_list.set_example(data.example)

    def _make_loader(self, data: FitData, batch_size: int | None, **settings: Any) -> DataLoader:
        return make_loader(data, batch_size, **settings)

    def _check(self, data: FitData, validation: FitData | None) -> None:
        for part in (data, validation):
            if part is None:
                continue
            batch = part.example
            self.session.check(batch)
            if part.batch is not None and not must_stream(part.batch):
                input_checks.check_values(part.batch, self.program.losses)

    def _device_validation(self) -> Validation | None:
        """Return the validation block when it may run inside the dispatch."""
        assert self.validation is not None
        looked_at = self.callback_list.has_hook("on_test_begin", "on_test_end", *TEST_BATCH_HOOKS)
        if looked_at or self.validation_freq != 1 or self.validation_steps is not None:
            return None
        return self._validation_block(self.validation)

    def _validation_block(self, validation: FitData) -> Validation | None:
        return device_validation(validation, self.validation_batch_size, pad=self.program.supports_padding)

    def _policies(self) -> list[tuple[Any, Policy]]:
        pairs = []
        names = set()
        for callback in self.callback_list.callbacks:
            policy = callback.policy(self.first_epoch) if hasattr(callback, "policy") else None
            if policy is None:
                continue
            while policy.name in names:
                policy.name += "_again"
            names.add(policy.name)
            self._check_monitor(callback, policy, self.callback_list)
            pairs.append((callback, policy))
        return pairs

    def _logged_hyperparams(self, callback_list: CallbackList) -> list[str]:
        """Return the paths of the hyperparameters whose values are logged.

        As in Keras those that callbacks change; and a learning rate that follows a schedule by step.
        """
        paths = [getattr(callback, "controlled_hyperparameter", None) for callback in callback_list.callbacks]
        if callable(self.session.optimizer.get_hyperparameter("learning_rate")):
            paths.append(LEARNING_RATE)
        taken = self._metric_names()  # a metric of that name is what its user wants to see
        return [path for path in dict.fromkeys(paths) if path is not None and log_name(path) not in taken]

    def _log_names(self, callback_list: CallbackList) -> list[str]:
        """Return the names of everything that an epoch logs, whatever hooks add."""
        return [*self._metric_names(), *map(log_name, self._logged_hyperparams(callback_list))]

    def _metric_names(self) -> list[str]:
        """Return the names of everything that is measured in an epoch."""
        if self._names is None:
            names = self.program.result_names()
            self._names = names + [f"val_{name}" for name in names] if self.validation is not None else names
        return self._names

    def _check_monitor(self, callback: Any, policy: Any, callback_list: CallbackList) -> None:
        known = self._log_names(callback_list)
        if policy.monitor not in known and not callback_list.may_have_extra_logs(callback):
            hint = did_you_mean(policy.monitor, known) or "."
            if policy.monitor.startswith("val_") and self.validation is None:
                hint = "; there is no validation: pass validation_data or validation_split."
            raise InvalidArgument(
                f"{type(callback).__name__}: monitor={policy.monitor!r} is not measured{hint} "
                f"Measured: {', '.join(known)}. (A callback that logs it must stand before "
                f"{type(callback).__name__}.)"
            )
        if policy.target is not None and policy.target not in self.program.hyperparams:
            raise InvalidArgument(
                f"{type(callback).__name__}: the learning rate follows a schedule by step; "
                "give the optimizer a number instead"
            )

    # --- the loop ------------------------------------------------------------------------------------------

    def run(self) -> History:
        """Train, and return the history."""
        dispatches = self.dispatches()
        outcome = None
        try:
            while True:
                outcome = self.runner(*dispatches.send(outcome))
        except StopIteration:
            return self.history

    def dispatches(self) -> DispatchGenerator:
        """Train, leaving the dispatches to whoever drives this generator, as `run` does.

        It yields the arguments of `runner` and wants to be sent what that returns.
        """
        model, session = self.model, self.session
        model.history = self.history
        model.stop_training = False
        session.push(session.init_train_state([policy for _, policy in self.policies]))
        self.host_policies.update_attributes()
        self.callback_list.call_hook("on_train_begin", {})
        self.checkpoint_manager.restore(self)
        with self.host_policies, self.checkpoint_manager, catch_keyboard_interrupt() as interrupted:
            for dispatch in self._dispatches():
                values = self._before(dispatch)
                yield from self._run(dispatch, values)
                if interrupted() or model.stop_training:
                    if self.epoch_is_open:
                        if interrupted():
                            self.checkpoint_manager.save_on_interrupt(self)
                        # Close the open epoch: no more steps, but its validation, policies and logs.
                        rest = dataclasses.replace(dispatch, start=dispatch.stop, first=False, last=True)
                        yield from self._run(rest, values)
                    break
                self.checkpoint_manager.maybe_save(self)
        # Who interrupts a run wants to go on with it; one that a callback stops is over.
        self.ended |= model.stop_training and not interrupted()
        self.checkpoint_manager.save_final(self)
        self._finalize()
        self.progress.close()
        self.callback_list.call_hook("on_train_end", self.last_logs)
        self.checkpoint_manager.delete_checkpoints(self)
        if interrupted():
            raise KeyboardInterrupt

    def _dispatches(self) -> Iterator[Dispatch]:
        """Yield the works that are left: of a run that is resumed not all, of one that had ended none."""
        if self.ended:
            return iter(())
        start = self.step_in_epoch if self.epoch_is_open else 0
        if start:
            self.progress.epoch_begin(self.first_epoch + self.epochs_done)
        return self.loader.dispatches(
            self.session.epoch, self.epochs - self.epochs_done, self._max_steps, start
        )

    def _finalize(self) -> None:
        """Let policies and the optimizer leave the weights they want to be left."""
        # Refreshed: a hook may have assigned weights after the last dispatch.
        state = self.session.pull()
        # First: weights that a policy puts back are the ones it says, not their moving average.
        if self.restores_average:
            state = state.replace(trainable=self.session.optimizer.finalize(state.trainable, state.opt_state))
        for callback, policy in self.policies:
            memory = state.policies[policy.name]
            state = policy.finish(memory, state)
            callback.on_policy_end(memory)
        self.session.push(state)

    def _max_steps(self) -> int:
        allowed = self.pace.max_steps()
        looks = (self.callback_list.steps_until_next_call(), self.checkpoint_manager.steps_until_save(self))
        allowed = min([allowed, *(look for look in looks if look is not None)])
        return min(allowed, self.loader.steps) if self.by_epoch and self.loader.steps else allowed

    def _before(self, dispatch: Dispatch) -> dict[str, np.ndarray]:
        """Tell observers that epochs and batches begin; return values that change by epoch."""
        epoch = self.first_epoch + self.epochs_done
        if dispatch.first:
            if self.callback_list.runs_on_host:
                self.progress.clear_line()
            self.callback_list.call_hook("on_epoch_begin", epoch, {})
            self.progress.epoch_begin(epoch)
            if self.by_epoch:
                self.program.check_optimizer()  # somebody may have set more than numbers
                warn_changed_constants(self.program.constants)
        self.step_in_epoch = 0 if dispatch.first else self.step_in_epoch
        self.callback_list.on_train_batch_begin(self.step_in_epoch)
        return self._epoch_values(range(epoch, epoch + dispatch.epochs), dispatch)

    def _epoch_values(self, epochs: range, dispatch: Dispatch) -> dict[str, np.ndarray]:
        tables: dict[str, np.ndarray] = {}
        for callback in self.callback_list.callbacks:
            values = (
                callback.epoch_values(epochs)
                if dispatch.first and hasattr(callback, "epoch_values")
                else None
            )
            for path, numbers in (values or {}).items():
                table = np.zeros(dispatch.order.shape[0], config.float_dtype())
                table[: len(numbers)] = numbers
                tables[path] = table
        return tables

    def _run(self, dispatch: Dispatch, values: dict[str, np.ndarray]) -> DispatchGenerator:
        """Have one dispatch done and hand out what it tells."""
        session = self.session
        outcome = yield session.pull(), dispatch, values
        assert outcome is not None
        state, report = outcome
        changed = list(self.policy_targets)
        if 0 < len(report.epochs) < dispatch.epochs:
            # The values of all epochs of the work were set ahead; those after the last one never came to be.
            changed += values
        session.push(state, changed)
        self.pace.update(dispatch.steps, report.seconds)
        self.step_in_epoch += dispatch.stop - dispatch.start
        if dispatch.stop > dispatch.start:
            count = (len(report.epochs) or 1) * (dispatch.stop - dispatch.start)
            self.callback_list.on_train_batches_end(count, self.step_in_epoch - 1, report.running)
        self.epoch_is_open = not report.epochs
        if report.first_nonfinite_step >= 0:
            self._warn_nonfinite(dispatch, report)
        if self.has_no_observers:
            self._record(report.epochs)
        else:
            share = report.seconds / len(report.epochs) if dispatch.epochs > 1 and report.epochs else None
            for logs in report.epochs:
                self._finish_epoch(logs, share)
        if not report.epochs:
            self.progress.update(self.step_in_epoch, report.running)
        if report.stop:
            self.ended = self.model.stop_training = True

    def _record(self, epochs: EpochLogs) -> None:
        """Keep the logs of epochs that nobody else looks at, in one go."""
        first = self.first_epoch + self.epochs_done
        self.epochs_done += len(epochs)
        self.session.epoch += len(epochs)
        if len(epochs):
            columns = epochs.columns()
            self.last_logs = {name: values[-1] for name, values in columns.items()}
            self.history.extend(range(first, first + len(epochs)), columns, self._rates(columns, len(epochs)))

    def _finish_epoch(self, logs: dict[str, float], seconds: float | None) -> None:
        epoch = self.first_epoch + self.epochs_done
        self.epochs_done += 1
        self.session.epoch += 1
        if self.validates_on_host:
            self._validate_on_host(epoch, logs)
        self.host_policies.log_learning_rate(logs)
        self.last_logs = dict(logs)
        rates = self._rates({name: [value] for name, value in logs.items()}, 1)
        self.history.append(epoch, logs, rates[0])
        if self.callback_list.runs_on_host:
            self.progress.clear_line()
        else:
            self.progress.epoch_end(epoch, logs, seconds)
        told = dict(logs)
        self.callback_list.call_hook("on_epoch_end", epoch, told)
        if self.callback_list.runs_on_host:
            # As in Keras, what hooks write into the logs is shown, and is history.
            final = self.host_policies.keep_numbers(told)
            self.history.update_last(final)
            self.progress.epoch_end(epoch, final, seconds)

    def _rates(self, columns: Mapping[str, list[float]], epochs: int) -> list[float]:
        """Return the learning rates of the last `epochs`, whose logs `columns` has by name; NaN where unknown."""
        name = log_name(LEARNING_RATE)
        if name not in self._metric_names():
            return columns.get(name) or [self.host_policies.learning_rate()] * epochs
        # A metric has that name: what callbacks set for the epochs of one dispatch is logged nowhere.
        policy_targets = any(
            getattr(callback, "controlled_hyperparameter", None) for callback in self.callback_list.callbacks
        )
        return [math.nan if policy_targets else self.host_policies.learning_rate()] * epochs

    def _validate_on_host(self, epoch: int, logs: dict[str, float]) -> None:
        """Validate in dispatches of its own, then let the policies decide."""
        if self._validates(epoch):
            logs |= {f"val_{name}": value for name, value in self._evaluate_validation().items()}
        state = self.session.pull()
        state = self.runner.end_epoch(state, logs)
        self.session.push(state, self.policy_targets)
        if bool(state.stop):
            self.ended = self.model.stop_training = True

    def _validates(self, epoch: int) -> bool:
        frequency = self.validation_freq
        if isinstance(frequency, int):
            return (epoch + 1) % frequency == 0
        return epoch + 1 in frequency

    def _evaluate_validation(self) -> dict[str, float]:
        assert self.validation is not None
        return evaluate(
            self.model,
            self.validation,
            self.callback_list,
            batch_size=self.validation_batch_size,
            steps=self.validation_steps,
        )

    def _warn_nonfinite(self, dispatch: Dispatch, report: DispatchResult) -> None:
        """Say which batch and layer made the loss NaN, and why that is likely."""
        model = self.model
        offset = report.first_nonfinite_step - report.step_before
        epoch, index = divmod(offset, max(dispatch.stop - dispatch.start, 1))
        index += dispatch.start
        batch = select_batch(dispatch, epoch, index)
        number = self.step_in_epoch - dispatch.stop + index
        where = f"epoch {self.first_epoch + self.epochs_done + epoch + 1}, batch {number + 1}"
        warn(
            diagnose_nonfinite_step(self.program, self.session.train_state, batch, where),
            NonFiniteWarning,
        )
        self.ended = model.stop_training = True
