"""`TrainingSession`: a compiled model's programs and train state, which persist between calls such as `fit`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import jax
import numpy as np

from fitwell import random
from fitwell._data.loaders import Batch
from fitwell._data.text_format import pluralize
from fitwell._engine import compile_cache
from fitwell._engine.batch_access import Validation
from fitwell._engine.epoch_runner import EpochRunner
from fitwell._engine.policies import Policy, static_key
from fitwell._engine.train_state import TrainState, initial_counters
from fitwell._tracing_warnings import constants_changed
from fitwell._typing import Array, Arrays
from fitwell._variables import same_variables
from fitwell.errors import InvalidArgument, StateError, warn
from fitwell.models import input_checks
from fitwell.models.base_model import BaseModel
from fitwell.models.compile_config import CompileConfig
from fitwell.models.executable_sharing import SharedExecutables, shared_executables
from fitwell.models.likely_mistakes import warn_about_likely_mistakes
from fitwell.models.model_program import ModelProgram, use_trainable_flags

__all__ = ["TrainingSession"]


class TrainingSession:
    """The programs and the train state of one compiled model. Every `compile` creates a new session.

    The weights are stored only in the model's variables. `pull` reads them into a train state for a dispatch,
    and `push` makes the variables refer to the new arrays.
    """

    _KEPT = ("model", "optimizer", "compile_config", "seed", "epoch", "categories", "_trainable_flags")

    def __init__(self, model: BaseModel, optimizer: Any, compile_config: CompileConfig) -> None:
        self.model = model
        self.optimizer = optimizer
        self.compile_config = compile_config
        self.seed = random.next_seed()
        self.epoch = 0
        # For each output that was trained on pandas categories, the categories in the order of their class indices.
        self.categories: dict[int, Any] = {}
        self._trainable_flags = {layer: layer.trainable for _, layer in model._flatten_layers()}
        self._reset_compiled()

    def _reset_compiled(self) -> None:
        self._checked_for_mistakes = False
        self.state: TrainState | None = None
        self._program: ModelProgram | None = None
        self._hyperparams_on_device: dict[str, Any] = {}
        self._shared: SharedExecutables[ModelProgram] | None = None
        self._no_metrics: Arrays | None = None
        self._shapes: list[tuple[Any, ...]] = []

    def __getstate__(self) -> dict[str, Any]:
        """Exclude compiled programs from copies and pickles. A copy compiles them again when needed."""
        return {name: vars(self)[name] for name in self._KEPT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._reset_compiled()

    # --- the program ---------------------------------------------------------------------------------------

    def get_program(self, example: Batch) -> ModelProgram:
        """Return the program, which the first call creates from the shapes of `example`."""
        if self._program is None:
            self._warn_if_freezing_changed()
            input_checks.check_inputs(example.x, *self.model._input_specs())
            structs = self.model._output_specs(example.x)
            names = self.model._output_names_for(example.y)
            if len(structs) != len(names):
                raise InvalidArgument(
                    f"the model has {pluralize(len(structs), 'output')}, but there are targets for "
                    f"{pluralize(len(names), 'output')}: {names}"
                )
            self._shapes = [(None, *struct.shape[1:]) for struct in structs]
            losses = self.compile_config.loss_terms(names)
            targets = example.y or [None] * len(names)
            shapes = [
                (None if y is None else np.shape(y), shape)
                for y, shape in zip(targets, self._shapes, strict=True)
            ]
            input_checks.check_targets(example.y, self._shapes, losses, len(names) > 1)
            input_checks.check_weights(example.weights, self._shapes, losses, len(names) > 1)
            metrics = self.compile_config.metric_terms(names, losses, shapes, targets)
            with use_trainable_flags(self._trainable_flags):
                self._program = ModelProgram(self.model, self.optimizer, losses, metrics, names)
        elif not same_variables(self._program.variables, dict(self.model._named_variables())):
            raise StateError(
                f"the layers of model {self.model.name!r} changed after it was compiled; call model.compile(...) again"
            )
        return self._program

    def result_names(self) -> list[str]:
        """Return the names of the results.

        If outputs have no names, this is possible only after `get_program`.
        """
        if self._program is not None:
            return self._program.result_names()
        names = self.model.output_names
        if names is None:
            raise StateError(
                f"model {self.model.name!r}: metrics_names is known only after the first fit or evaluate, which "
                "determines how many outputs the model has"
            )
        return self.compile_config.result_names(names)

    @property
    def program(self) -> ModelProgram:
        """The program that `get_program` created."""
        assert self._program is not None
        return self._program

    def metric_direction(self, name: str) -> str | None:
        """Return the better direction ("min" or "max") of the metric logged as `name`, or None if it is unknown."""
        metrics = [] if self._program is None else self._program.metrics
        directions = {term.name: term.metric.direction for term in metrics}
        return directions.get(name) or directions.get(name.removeprefix("val_"))

    def output_width(self, output: int) -> int | None:
        """Return the size of an output's last axis, or None if it is unknown."""
        if not self._shapes:
            symbols = getattr(self.model, "outputs", None) if self.model.built else None
            shapes = [symbol.shape for symbol in symbols or []]
        else:
            shapes = self._shapes
        return shapes[output][-1] if output < len(shapes) and len(shapes[output]) > 1 else None

    def check(self, batch: Batch) -> None:
        """Raise an error if a batch does not fit the program's shapes and losses."""
        input_checks.check_inputs(batch.x, *self.model._input_specs())
        input_checks.check_targets(batch.y, self._shapes, self.program.losses, len(self._shapes) > 1)
        input_checks.check_weights(batch.weights, self._shapes, self.program.losses, len(self._shapes) > 1)

    def warn_about_mistakes(
        self, example: Batch, tail: Batch | None = None, alone: bool = False, has_all_rows: bool = False
    ) -> None:
        """Warn once about likely mistakes in the model and its training data.

        Args:
            example: Training rows.
            tail: The last rows if they were split off for validation, else None.
            alone: Whether the run has no callbacks. (A callback might change the optimizer.)
            has_all_rows: Whether `example` contains all the training data.
        """
        if self._checked_for_mistakes:
            return
        self._checked_for_mistakes = True
        warn_about_likely_mistakes(self.model, example, self.program, tail, alone, has_all_rows)

    def warn_if_freezing_changed(self) -> None:
        """Warn if `trainable` was changed after `compile`, which has no effect until the next `compile`.

        The first `get_program` also checks this, for methods that train without calling `fit`.
        """
        if self._program is not None:
            self._warn_if_freezing_changed()

    def _warn_if_freezing_changed(self) -> None:
        changed = [layer for layer, learning in self._trainable_flags.items() if layer.trainable != learning]
        if changed:
            some = ", ".join(repr(layer.name) for layer in changed[:3]) + (", ..." if changed[3:] else "")
            warn(
                f"trainable was changed after compile (in {some}), which has no effect until the model is compiled "
                "again; call model.compile(...) before fit"
            )

    @property
    def train_state(self) -> TrainState:
        """The state after the last dispatch."""
        assert self.state is not None
        return self.state

    # --- runners -------------------------------------------------------------------------------------------

    def get_runner(
        self,
        *,
        training: bool,
        policies: Sequence[Policy] = (),
        validation: Validation | None = None,
        applies_policies_inside: bool = True,
        runs_policies: bool = True,
        logged: Sequence[str] = (),
    ) -> EpochRunner:
        """Return a runner with these policies and validation rows.

        Runners with equal arguments share their executables.

        Args:
            training: Whether the runner trains the model instead of evaluating it.
            policies: The policies to apply at the end of an epoch.
            validation: The validation rows, or None if the compiled program does not validate.
            applies_policies_inside: Whether the compiled program applies the policies. If not, the host applies
                them with `EpochRunner.end_epoch` after it has validated.
            runs_policies: Whether the runner applies the policies. If not, the callbacks apply them on the host, and
                the runner leaves the policies' states unchanged.
            logged: The paths of the hyperparameters to log.
        """
        key = (
            training,
            tuple(static_key(policy) for policy in policies),
            applies_policies_inside,
            runs_policies,
            tuple(logged),
            self.optimizer.slot_names(),
            compile_cache.abstract_signature(validation),
        )
        shared = self._sharing()
        if key not in shared.runners:
            # Use the program that is traced on behalf of all equal programs.
            compiled = policies if runs_policies else ()
            runner = EpochRunner(
                shared.traced,
                training=training,
                policies=compiled,
                applies_policies_inside=applies_policies_inside,
                logged=logged,
            )
            shared.runners.setdefault(key, runner)
        return shared.runners[key].with_validation(validation)

    def _sharing(self) -> SharedExecutables[ModelProgram]:
        if self._shared is None:
            self._shared = shared_executables(self.program)
        elif not self._shared.is_unchanged or constants_changed(self._shared.traced.constants):
            self._shared = SharedExecutables(self.program, None)
            self.program.constants.clear()
        return self._shared

    def share_executables(self, other: TrainingSession) -> None:
        """Use the executables of `other`, whose model has the same structure.

        Until `verify_shared_executables` is called, changes to that model's layers are not detected. Checking
        for them would take too long if there are many short runs.
        """
        if other._shared is None:
            other._shared = shared_executables(other.program)
        self._shared = other._shared.share_with(skip_check=True)
        self._no_metrics = other._empty_metrics()

    def verify_shared_executables(self) -> None:
        """From now on, use shared executables only while the model that they were compiled for is unchanged."""
        if self._shared is not None:
            self._shared.skip_check = False

    # --- the state -----------------------------------------------------------------------------------------

    def init_train_state(self, policies: Sequence[Policy]) -> TrainState:
        """Return the train state for the beginning of the next run."""
        program = self.program
        program.check_optimizer()
        self._hyperparams_on_device = {}
        trainable = {path: variable.raw_value for path, variable in program.trainable.items()}
        opt_state = self.optimizer.opt_state
        opt_state = (
            self.optimizer.init(trainable)
            if opt_state is None
            else self.optimizer.match_slots(opt_state, trainable)
        )
        state = TrainState(
            trainable={},
            non_trainable={},
            opt_state=opt_state,
            hyperparams={},
            metrics=dict(self._empty_metrics()),
            policies={},
            **initial_counters(self.seed, int(self.optimizer.step.raw_value), self.epoch),
        )
        state = self._read_variables(state, {})
        state.policies = {policy.name: policy.init(state) for policy in policies}
        return state

    def _empty_metrics(self) -> Arrays:
        """Return metric values of the right shapes.

        Their values do not matter, because every epoch begins by resetting them.
        """
        if self._no_metrics is None:
            structs = jax.eval_shape(self.program.init_metrics)
            zeros = {path: np.zeros(struct.shape, struct.dtype) for path, struct in structs.items()}
            self._no_metrics = cast("Arrays", zeros)
        return self._no_metrics

    def pull(self) -> TrainState:
        """Return the train state with the model's current weights and hyperparameters.

        A hook may have assigned new values since the last `push`. Instead of tracking such changes, this method
        reads all values, which only copies two dicts of references.
        """
        sent = self._hyperparams_on_device
        self.state = self._read_variables(self.train_state, sent)
        return self.state

    def _read_variables(self, state: TrainState, sent: dict[str, Any]) -> TrainState:
        """Return `state` with the model's current weights and hyperparameters.

        Args:
            state: The state to update.
            sent: The hyperparameters that are already on the device, keyed by path. Only values that differ
                from these are sent.
        """
        program = self.program
        hyperparams = dict(state.hyperparams)
        for path, cell in program.hyperparams.items():
            if not cell.is_number:
                raise InvalidArgument(
                    f"{path} was a number when the model was compiled and is now {cell.raw_value!r}; "
                    "compile the model again"
                )
            if sent.get(path) is cell.raw_value:
                continue
            hyperparams[path] = cast("Array", cell.as_array())
            sent[path] = cell.raw_value
        return state.replace(
            trainable={path: variable.raw_value for path, variable in program.trainable.items()},
            non_trainable={path: variable.raw_value for path, variable in program.non_trainable.items()},
            hyperparams=hyperparams,
        )

    def push(self, state: TrainState, changed: Sequence[str] = ()) -> None:
        """Make the model's variables and the optimizer refer to the arrays of `state`.

        Args:
            state: The new state.
            changed: The paths of hyperparameters that the compiled program may have changed.
        """
        self.state = state
        for path, variable in self.program.trainable.items():
            variable.set_raw_value(state.trainable[path])
        for path, variable in self.program.non_trainable.items():
            variable.set_raw_value(state.non_trainable[path])
        self.optimizer.opt_state = state.opt_state
        self.optimizer.step.set_raw_value(state.step)
        for path in changed:
            value = float(state.hyperparams[path])
            self.program.hyperparams[path].raw_value = self._hyperparams_on_device[path] = value
