"""`CheckpointManager`: writes the checkpoints of a training run, and resumes it from one."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from fitwell._data.loaders import DataLoader
from fitwell._engine import xla_cpu_heuristics
from fitwell._engine.policies import Policy
from fitwell._engine.train_state import TrainState
from fitwell._history import History
from fitwell._schema import (
    ANY,
    ANY_NUMBER,
    ARRAY,
    BOOLEAN,
    COUNT,
    NULL,
    POSITION,
    STRING,
    UINT32,
    DictSchema,
    OptionalKey,
    UnionSchema,
)
from fitwell.callbacks.backup_and_restore import BackupAndRestore
from fitwell.errors import ErrorCollector, FileError, FitwellError, InvalidArgument, warn
from fitwell.models import run_signature
from fitwell.models.fit_options import FitOptions
from fitwell.models.run_data import RunData
from fitwell.models.run_position import RunPosition
from fitwell.models.state_arrays import fill_state, named_arrays, to_storable
from fitwell.models.training_session import TrainingSession
from fitwell.saving.checkpoint_folder import CheckpointFolder
from fitwell.saving.legacy_layer_paths import NUMBERING, rename_legacy_paths

__all__ = ["CheckpointManager", "CheckpointedRun", "Logs", "NullCheckpointManager", "make_checkpoint_manager"]

Logs = dict[str, float]

# The schema of the files that `CheckpointManager.save` writes.
_NAMED = DictSchema(STRING)
_FORM = {
    "versions": _NAMED,
    "identity": {
        "architecture": _NAMED,
        "data": _NAMED,
        "validation data": UnionSchema((NULL, _NAMED)),
        "settings": dict.fromkeys(
            ("batch_size", "steps_per_epoch", "shuffle", "initial_epoch"), UnionSchema((NULL, BOOLEAN, COUNT))
        ),
    },
    "seed": UINT32,
    "began": DictSchema(ANY_NUMBER),
    "numbers": DictSchema(ANY_NUMBER),
    "place": {
        "epochs": POSITION,
        "steps": POSITION,
        "open": BOOLEAN,
        "ended": BOOLEAN,
        "batches": COUNT,
        "runtime_epoch": POSITION,
    },
    "history": ANY,  # checked by `History.check_arrays`
    "last_logs": DictSchema(ANY),
    "callbacks": [(STRING, ANY)],
    "state": DictSchema(ARRAY),
    "layers": OptionalKey(
        STRING
    ),  # the numbering of the layers of graphs; missing in files of earlier versions
}
# The hyperparameters that an interrupted run left in a model after its last checkpoint: the user did not set them.
_interrupted_hyperparams: WeakKeyDictionary[Any, dict[str, float]] = WeakKeyDictionary()


@dataclass(frozen=True)
class CheckpointedRun:
    """The parts of a run that a checkpoint is compared with, read from and restored to."""

    session: TrainingSession
    data: RunData
    options: FitOptions
    callbacks: Sequence[Any]
    loader: DataLoader
    history: History
    policies: Sequence[tuple[Any, Policy]]


def make_checkpoint_manager(callbacks: Sequence[Any], resume: Any) -> NullCheckpointManager:
    """Return the manager for a `BackupAndRestore` among `callbacks`, or for the argument `resume`."""
    backups = [callback for callback in callbacks if isinstance(callback, BackupAndRestore)]
    if resume is not None:
        backups.append(BackupAndRestore(resume, delete_checkpoint=False))
    if len(backups) > 1:
        raise InvalidArgument(
            "fit: a run has one folder of checkpoints; pass either resume=folder or one BackupAndRestore"
        )
    return CheckpointManager(backups[0]) if backups else NullCheckpointManager()


class NullCheckpointManager:
    """A run without checkpoints; `CheckpointManager` documents the methods."""

    @property
    def resumes(self) -> bool:
        """Whether the run continues from a checkpoint."""
        return False

    def __enter__(self) -> NullCheckpointManager:
        return self

    def __exit__(self, *error: object) -> None:
        """Do nothing."""

    def seed(self, drawn: int) -> int:
        """Return the seed of the run: the one drawn for it."""
        return drawn

    def check_compatible(self, run: CheckpointedRun) -> None:
        """Do nothing."""

    def restore_or_start(self, position: RunPosition) -> tuple[RunPosition, Logs]:
        """Return the position as it is, and no logs."""
        return position, {}

    def steps_until_save(self, position: RunPosition) -> int | None:
        """Return None: a dispatch may have any length."""
        return None

    def maybe_save(self, position: RunPosition, last_logs: Logs) -> None:
        """Do nothing."""

    def save_on_interrupt(self, position: RunPosition, last_logs: Logs) -> None:
        """Do nothing."""

    def save_final(self, position: RunPosition, last_logs: Logs) -> None:
        """Do nothing."""

    def delete_checkpoints(self, position: RunPosition) -> None:
        """Do nothing."""


class CheckpointManager(NullCheckpointManager):
    """Writes the checkpoints of one run to its folder, and resumes it from the last one.

    A checkpoint consists of the train state, the position, the history and the states of the callbacks.

    saved: the checkpoint to continue from, or None if the run is new.
    """

    _run: CheckpointedRun

    def __init__(self, backup: BackupAndRestore) -> None:
        self.backup = backup
        self.folder = CheckpointFolder(backup.backup_dir)
        self.saved: dict[str, Any] | None = self.folder.load_latest(_FORM)
        if self.saved is not None:
            History.check_arrays(self.saved["history"], self._name)
        self._signature: dict[str, Any] = {}
        self._initial_hyperparams: dict[str, float] = {}
        self._saved_on_interrupt = False

    @property
    def _name(self) -> str:
        return f"the checkpoint in {str(self.folder.path)!r}"

    @property
    def resumes(self) -> bool:
        """Whether the run continues from a checkpoint."""
        return self.saved is not None

    def seed(self, drawn: int) -> int:
        """Return the seed of the run: that of the checkpoint if the run is resumed."""
        self._drawn = drawn
        return drawn if self.saved is None else int(self.saved["seed"])

    def __exit__(self, *error: object) -> None:
        """Wait for the checkpoint that is being written when an error ends the loop."""
        if error[0] is not None:
            _interrupted_hyperparams[self._run.session] = _hyperparam_values(self._run.session)
            with suppress(FileError):
                self.folder.wait()

    def check_compatible(self, run: CheckpointedRun) -> None:
        """Keep the parts of the run; raise an error if the checkpoint belongs to another run."""
        self._run = run
        model = run.session.model
        self._initial_hyperparams = _hyperparam_values(run.session)
        settings = {
            "batch_size": run.loader.batch_size,
            "steps_per_epoch": run.loader.steps,
            "shuffle": run.options.shuffle,
            "initial_epoch": run.options.initial_epoch,
        }
        self._signature = run_signature.run_signature(model, run.data.train, run.data.validation, settings)
        if self.saved is None:
            return
        if self.saved.get("layers") != NUMBERING:
            _rename_paths(self.saved, model)
        problems = ErrorCollector(f"resume: {self._name} is of another run")
        for line in run_signature.signature_diff(self.saved["identity"], self._signature):
            problems.add(line)
        if problems.found:
            problems.add("continue with what the run began with, or name another folder to start a new run")
            run.session.seed = self._drawn
        problems.raise_if_any(FileError)
        self._check_hyperparams()

    def _check_hyperparams(self) -> None:
        """Raise an error if the checkpoint has hyperparameters that the model cannot have."""
        assert self.saved is not None
        for path, initial in self._initial_hyperparams.items():
            for kind in ("began", "numbers"):
                try:
                    self._run.session.program.hyperparams[path].validate(self.saved[kind].get(path, initial))
                except FitwellError as error:
                    self._run.session.seed = self._drawn
                    raise FileError(
                        f"{self._name} is damaged, or was made by something else: {kind}[{path!r}]: {error}"
                    ) from None

    # --- writing ---------------------------------------------------------------------------------------------

    def steps_until_save(self, position: RunPosition) -> int | None:
        """Return how many batches the next dispatch may take before a checkpoint is due, or None for any number."""
        return self.backup.batches_until_due(
            position.batches_seen, position.epochs_done, position.open_steps, self._run.loader.steps
        )

    def maybe_save(self, position: RunPosition, last_logs: Logs) -> None:
        """Write a checkpoint if one is due."""
        if self.backup.is_due(position.batches_seen, position.epochs_done, not position.is_open):
            self.save(position, last_logs)

    def save(self, position: RunPosition, last_logs: Logs) -> None:
        """Hand a checkpoint to the writing thread. Arrays do not change, so references are enough."""
        state, callbacks = self._run.session.pull(), self._run.callbacks
        tree = {
            "versions": run_signature.library_versions(),
            "identity": self._signature,
            "seed": position.seed,
            "began": self._initial_hyperparams,
            "numbers": _hyperparam_values(self._run.session),
            "place": {
                "epochs": position.epochs_done,
                "steps": position.step_in_epoch,
                "open": position.is_open,
                "ended": position.has_ended,
                "batches": position.batches_seen,
                "runtime_epoch": position.epoch,
            },
            "history": self._run.history.to_arrays(),
            "last_logs": dict(last_logs),
            # A callback may change what it returned while the thread writes.
            "callbacks": [
                [type(c).__name__, copy.deepcopy(c.get_state())] for c in callbacks if _has_state(c)
            ],
            "state": {name: to_storable(leaf) for name, leaf in named_arrays(state).items()},
            "layers": NUMBERING,
        }
        durable = [callback.flush_to_disk for callback in callbacks if hasattr(callback, "flush_to_disk")]
        self.folder.submit(int(state.step), tree, lambda: [make() for make in durable])

    def save_on_interrupt(self, position: RunPosition, last_logs: Logs) -> None:
        """Write the last checkpoint of a run that is interrupted inside an epoch.

        The loop closes the epoch afterwards; a resumed run continues it instead.
        """
        self.save(position, last_logs)
        self.folder.wait()
        self._saved_on_interrupt = True

    def save_final(self, position: RunPosition, last_logs: Logs) -> None:
        """Write the last checkpoint, before policies restore the weights that they kept."""
        if self._saved_on_interrupt:
            _interrupted_hyperparams[self._run.session] = _hyperparam_values(self._run.session)
            return
        self.save(position, last_logs)
        self.folder.wait()

    def delete_checkpoints(self, position: RunPosition) -> None:
        """Delete the checkpoints of a run that is complete, if `delete_checkpoint` says so."""
        complete = position.has_ended or position.epochs_done >= self._run.options.num_epochs
        if self.backup.delete_checkpoint and complete:
            self.folder.clear()

    # --- resuming --------------------------------------------------------------------------------------------

    def restore_or_start(self, position: RunPosition) -> tuple[RunPosition, Logs]:
        """Restore the model and the callbacks; return the position and the last logs of the run.

        A new run writes its first checkpoint and starts at `position`.
        """
        if self.saved is None:
            # Wait: whatever callbacks write from now on, there is a checkpoint from before it.
            self.save(position, {})
            self.folder.wait()
            return position, {}
        try:
            return self._restore(position, self.saved)
        except BaseException:
            self._run.session.seed = self._drawn
            raise

    def _restore(self, position: RunPosition, saved: dict[str, Any]) -> tuple[RunPosition, Logs]:
        """Check everything that can be wrong with a checkpoint of this run, and then restore it."""
        session, place = self._run.session, saved["place"]
        state, new_policies = fill_state(session.pull(), saved["state"], self._name)
        fuse_loop = xla_cpu_heuristics.should_fuse_loop(state.variables, self._run.loader.batch_size or 0)
        notes = run_signature.version_notes(saved["versions"], fuse_loop)
        _check_place(place, state, self._run.loader.steps, self._name)
        notes += [f"{name} was not part of the run and starts now" for name in new_policies]
        # Before the model: a callback may find that the file it wrote to is missing.
        notes += _restore_callbacks(self._run.callbacks, saved["callbacks"])
        notes += self._restore_hyperparams(saved)
        state = state.replace(hyperparams=session.pull().hyperparams)
        for _, policy in self._run.policies:
            # The arguments of a policy (patience and the like) are those of the callback as it is now.
            state.policies[policy.name] |= getattr(policy, "numbers", {})
        session.push(state)
        self._run.history.restore_arrays(saved["history"])
        position = RunPosition(
            seed=position.seed,
            epoch=place["runtime_epoch"],
            epochs_done=place["epochs"],
            step_in_epoch=place["steps"],
            batches_seen=place["batches"],
            is_open=place["open"],
            has_ended=place["ended"],
        )
        self._fast_forward_streams(position)
        if notes:
            warn(f"resume: {'; '.join(notes)}")
        return position, saved["last_logs"]

    def _fast_forward_streams(self, position: RunPosition) -> None:
        """Skip the batches of generators that the run has used before."""
        train, validation = self._run.data.train, self._run.data.validation
        if train.stream is not None:
            train.stream.fast_forward(position.batches_seen - position.open_steps, position.epochs_done)
        if validation is not None and validation.stream is not None:
            validations = len(self._run.history.history.get("val_loss", []))
            steps = self._run.options.validation_steps or 0
            validation.stream.fast_forward(validations * steps, validations)

    def _restore_hyperparams(self, saved: dict[str, Any]) -> list[str]:
        notes = []
        left = _interrupted_hyperparams.pop(self._run.session, {})
        for path, now in self._initial_hyperparams.items():
            began, last = saved["began"].get(path, now), saved["numbers"].get(path, now)
            unchanged = now in (began, last, left.get(path))
            self._run.session.program.hyperparams[path].raw_value = last if unchanged else now
            if not unchanged:
                notes.append(f"{path} was {began!r} when the run began; from here on it is {now!r}")
        return notes


def _rename_paths(saved: dict[str, Any], model: Any) -> None:
    """Rename the paths in a checkpoint of an earlier version to those of today."""
    for part in (saved, saved["identity"]):
        for name in ("architecture", "began", "numbers", "state"):
            if name in part:
                part[name] = rename_legacy_paths(part[name], model)


def _hyperparam_values(session: TrainingSession) -> dict[str, float]:
    return {path: float(cell.raw_value) for path, cell in session.program.hyperparams.items()}


def _has_state(callback: Any) -> bool:
    return hasattr(callback, "get_state") and callback.get_state() is not None


def _restore_callbacks(callbacks: Sequence[Any], saved: list[tuple[str, Any]]) -> list[str]:
    """Restore each callback from the next state of its class in the checkpoint."""
    waiting = list(saved)
    notes = []
    for callback in filter(_has_state, callbacks):
        match = next((entry for entry in waiting if entry[0] == type(callback).__name__), None)
        if match is None:
            notes.append(f"the callback {type(callback).__name__} was not part of the run and starts now")
        else:
            waiting.remove(match)
            callback.set_state(match[1])
    return notes + [f"the callback {name} of the run is missing now" for name, _ in waiting]


def _check_place(place: dict[str, Any], state: TrainState, steps: int | None, where: str) -> None:
    """Raise if no run can be at this place."""
    in_epoch = place["steps"] if place["open"] else 0
    too_far = steps is not None and (
        in_epoch > steps or place["batches"] > place["epochs"] * steps + in_epoch
    )
    negative = int(state.step) < 0 or not POSITION.test(int(state.epoch))
    # A loss that is not finite ends a run.
    unended = int(state.first_nonfinite_step) != -1 and not place["ended"]
    if too_far or negative or unended or in_epoch > place["batches"]:
        described = ", ".join(f"{name}={value}" for name, value in place.items())
        raise FileError(
            f"{where} is damaged: a run with {steps or 'this many'} batches per epoch cannot be at {described}, "
            f"step {int(state.step)}, the last nonfinite one {int(state.first_nonfinite_step)}"
        )
