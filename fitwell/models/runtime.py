"""What a compiled model keeps between calls: its program, its machines, and where its training stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from fitwell import random
from fitwell.data.feeds import Batch
from fitwell.engine import compiling
from fitwell.engine.machine import Machine, Validation
from fitwell.engine.policies import Policy, structure
from fitwell.engine.state import TrainState, counters
from fitwell.errors import InvalidArgument, StateError, warn
from fitwell.models import checks
from fitwell.models.mistakes import look_for_mistakes
from fitwell.models.objective import Objective
from fitwell.models.program import ModelProgram, learning_as
from fitwell.models.sharing import Shared, share
from fitwell.tracing import have_changed
from fitwell.variables import same_variables

if TYPE_CHECKING:
    from fitwell.models.model import Model


class Runtime:
    """The compiled side of one model, made anew by every `compile`.

    The weights live in the model's variables and nowhere else: a state borrows them for a dispatch, and
    the variables point at the new arrays afterwards.
    """

    _KEPT = ("model", "optimizer", "objective", "seed", "epoch", "categories", "_learning")

    def __init__(self, model: Model, optimizer: Any, objective: Objective) -> None:
        self.model = model
        self.optimizer = optimizer
        self.objective = objective
        self.seed = random.next_seed()
        self.epoch = 0
        # The categories of each output that was trained on labels of pandas, in the order of the class numbers.
        self.categories: dict[int, Any] = {}
        self._learning = {layer: layer.trainable for _, layer in model.flatten()}
        self._compile_later()

    def _compile_later(self) -> None:
        self._looked = False
        self.state: TrainState | None = None
        self._program: ModelProgram | None = None
        self._sent: dict[str, Any] = {}
        self._shared: Shared[ModelProgram] | None = None
        self._no_metrics: dict[str, np.ndarray] | None = None
        self._shapes: list[tuple[Any, ...]] = []

    def __getstate__(self) -> dict[str, Any]:
        """Leave what is compiled out of copies and pickles: their next call makes it again."""
        return {name: vars(self)[name] for name in self._KEPT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._compile_later()

    # --- the program ---------------------------------------------------------------------------------------

    def prepare(self, example: Batch) -> ModelProgram:
        """Return the program, made at the first call from the shapes of `example`."""
        if self._program is None:
            self._warn_if_freezing_changed()
            checks.check_inputs(example.x, *self.model.expected_inputs())
            structs = self.model.output_structs(example.x)
            names = self.model.output_names_for(example.y)
            if len(structs) != len(names):
                raise InvalidArgument(
                    f"the model has {len(structs)} outputs, but targets were given for {len(names)}: {names}"
                )
            self._shapes = [(None, *struct.shape[1:]) for struct in structs]
            losses = self.objective.loss_terms(names)
            targets = example.y or [None] * len(names)
            shapes = [
                (None if y is None else np.shape(y), shape)
                for y, shape in zip(targets, self._shapes, strict=True)
            ]
            checks.check_targets(example.y, self._shapes, losses, len(names) > 1)
            checks.check_weights(example.weights, self._shapes, losses, len(names) > 1)
            metrics = self.objective.metric_terms(names, losses, shapes, targets)
            with learning_as(self._learning):
                self._program = ModelProgram(self.model, self.optimizer, losses, metrics, names)
        elif not same_variables(self._program.variables, dict(self.model.named_variables())):
            raise StateError(
                f"the layers of model {self.model.name!r} changed after it was compiled: call model.compile(...) again"
            )
        return self._program

    def result_names(self) -> list[str]:
        """Return the names of the results, which outputs without a name yet do not tell before `prepare`."""
        if self._program is not None:
            return self._program.result_names()
        names = self.model.output_names
        if names is None:
            raise StateError(
                f"model {self.model.name!r}: metrics_names are known after the first fit or evaluate, which show how "
                "many outputs call returns"
            )
        return self.objective.result_names(names)

    @property
    def program(self) -> ModelProgram:
        """The program, which `prepare` has made."""
        assert self._program is not None
        return self._program

    def width_of(self, output: int) -> int | None:
        """Return how many numbers an output has for each row (or step); None when that is not known yet."""
        if not self._shapes:
            symbols = getattr(self.model, "outputs", None) if self.model.built else None
            shapes = [symbol.shape for symbol in symbols or []]
        else:
            shapes = self._shapes
        return shapes[output][-1] if output < len(shapes) and len(shapes[output]) > 1 else None

    def check(self, batch: Batch) -> None:
        """Compare a batch with the shapes and losses of the program."""
        checks.check_inputs(batch.x, *self.model.expected_inputs())
        checks.check_targets(batch.y, self._shapes, self.program.losses, len(self._shapes) > 1)
        checks.check_weights(batch.weights, self._shapes, self.program.losses, len(self._shapes) > 1)

    def warn_of_mistakes(
        self, example: Batch, tail: Batch | None = None, alone: bool = False, whole: bool = False
    ) -> None:
        """Say once, of what is about to be trained on `example`, what is nearly always meant otherwise.

        tail: the last rows, when they were split off for validation. alone: no callback may change the optimizer.
        whole: `example` is all that is learned from.
        """
        if self._looked:
            return
        self._looked = True
        look_for_mistakes(self.model, example, self.program, tail, alone, whole)

    def warn_if_freezing_changed(self) -> None:
        """Warn when `trainable` was changed since `compile`: it has no effect before the next one.

        The first time `prepare` does so, which also those call that train without `fit`.
        """
        if self._program is not None:
            self._warn_if_freezing_changed()

    def _warn_if_freezing_changed(self) -> None:
        changed = [layer for layer, learning in self._learning.items() if layer.trainable != learning]
        if changed:
            some = ", ".join(repr(layer.name) for layer in changed[:3]) + (", ..." if changed[3:] else "")
            warn(
                f"trainable was changed after compile (of {some}) and has no effect until the model is compiled again: "
                "call model.compile(...) before fit"
            )

    @property
    def current(self) -> TrainState:
        """The state after the last dispatch."""
        assert self.state is not None
        return self.state

    # --- machines ------------------------------------------------------------------------------------------

    def machine(
        self,
        *,
        training: bool,
        policies: Sequence[Policy] = (),
        validation: Validation | None = None,
        closes: bool = True,
        decides: bool = True,
        shown: Sequence[str] = (),
    ) -> Machine:
        """Return a machine for these policies and this validation; equal ones share their compiled programs.

        decides: whether its dispatches apply the policies, or only carry their memories along.
        """
        key = (
            training,
            tuple(structure(policy) for policy in policies),
            closes,
            decides,
            tuple(shown),
            self.optimizer.slot_names(),
            compiling.signature(validation),
        )
        shared = self._sharing()
        if key not in shared.compiled:
            # Of all programs that are alike, the one which is looked at when somebody asks if they still are.
            compiled = policies if decides else ()
            machine = Machine(shared.traced, training=training, policies=compiled, closes=closes, shown=shown)
            shared.compiled.setdefault(key, machine)
        found: Machine = shared.compiled[key]
        return found.over(validation)

    def _sharing(self) -> Shared[ModelProgram]:
        if self._shared is None:
            self._shared = share(self.program)
        elif not self._shared.is_intact or have_changed(self._shared.traced.readings):
            self._shared = Shared(self.program, None)
            self.program.readings.clear()
        return self._shared

    def share_machines(self, other: Runtime) -> None:
        """Run on the compiled programs of `other`, whose model has the same structure.

        Until `watch_shared`, nobody looks whether that one's layers are changed: for each of many short runs it
        would take too long.
        """
        if other._shared is None:
            other._shared = share(other.program)
        self._shared = other._shared.for_another(trusted=True)
        self._no_metrics = other._empty_metrics()

    def watch_shared(self) -> None:
        """Run on the compiled programs of another model only while that one is what it was."""
        if self._shared is not None:
            self._shared.trusted = False

    # --- the state -----------------------------------------------------------------------------------------

    def begin(self, policies: Sequence[Policy]) -> TrainState:
        """Return the state from which the next run starts."""
        program = self.program
        program.check_optimizer()
        self._sent = {}
        trainable = {path: variable.held for path, variable in program.trainable.items()}
        slots = self.optimizer.slots
        slots = (
            self.optimizer.init(trainable) if slots is None else self.optimizer.reconcile(slots, trainable)
        )
        state = TrainState(
            trainable={},
            statistics={},
            slots=slots,
            hyper={},
            metrics=dict(self._empty_metrics()),
            policies={},
            **counters(self.seed, int(self.optimizer.step.held), self.epoch),
        )
        state = self.refresh(state)
        state.policies = {policy.name: policy.init(state) for policy in policies}
        return state

    def _empty_metrics(self) -> dict[str, np.ndarray]:
        """Return accumulators of the right shapes; a run begins by setting them."""
        if self._no_metrics is None:
            structs = jax.eval_shape(self.program.zero_metrics)
            self._no_metrics = {path: np.zeros(s.shape, s.dtype) for path, s in structs.items()}
        return self._no_metrics

    def refresh(self, state: TrainState) -> TrainState:
        """Return `state` with the model's present weights and hyperparameters."""
        program = self.program
        # What the last dispatch of this very run was sent, and did not change, is on the device already.
        sent = self._sent if state is self.state else {}
        hyper = dict(state.hyper)
        for path, cell in program.hyper.items():
            if not cell.is_number:
                raise InvalidArgument(
                    f"{path} was a number when the model was compiled and is now {cell.content!r}: "
                    "compile the model again"
                )
            if sent.get(path) is cell.content:
                continue
            hyper[path] = cell.as_array()
            sent[path] = cell.content
        fresh = state.replace(
            trainable={path: variable.held for path, variable in program.trainable.items()},
            statistics={path: variable.held for path, variable in program.statistics.items()},
            hyper=hyper,
        )
        if state is self.state:
            # What was sent is in this state, whether the caller uses it or not.
            self.state = fresh
        return fresh

    def adopt(self, state: TrainState) -> None:
        """Point the model's variables and the optimizer at the arrays of `state`."""
        self.state = state
        for path, variable in self.program.trainable.items():
            variable.adopt(state.trainable[path])
        for path, variable in self.program.statistics.items():
            variable.adopt(state.statistics[path])
        self.optimizer.slots = state.slots
        self.optimizer.step.adopt(state.step)

    def take_hyperparameters(self, state: TrainState, paths: Sequence[str]) -> None:
        """Let the objects follow hyperparameters that policies changed inside the run."""
        for path in paths:
            self.program.hyper[path].content = self._sent[path] = float(state.hyper[path])
