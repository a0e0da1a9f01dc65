"""`CheckpointManager`, which writes the checkpoints of a training run and resumes the run from the last one."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
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
    ),  # how the layers of a graph are numbered; missing in files of earlier versions
}
# The hyperparameters that an interrupted run left in a model after its last checkpoint. A resumed run must not treat
# them as changes by the user.
_interrupted_hyperparams: WeakKeyDictionary[Any, dict[str, float]] = WeakKeyDictionary()


@dataclass(frozen=True)
class CheckpointedRun:
    """The parts of a run that are saved in checkpoints, restored from them, or compared with them."""

    session: TrainingSession
    data: RunData
    options: FitOptions
    callbacks: Sequence[Any]
    loader: DataLoader
    history: History
    policies: Sequence[tuple[Any, Policy]]


def make_checkpoint_manager(callbacks: Sequence[Any], resume: Any) -> NullCheckpointManager:
    """Return the manager for the run's `BackupAndRestore` callback or for the argument `resume` of `fit`.

    If there is neither, return a manager that does nothing.
    """
    backups = [callback for callback in callbacks if isinstance(callback, BackupAndRestore)]
    if resume is not None:
        backups.append(BackupAndRestore(resume, delete_checkpoint=False))
    if len(backups) > 1:
        raise InvalidArgument(
            "fit: a run can have only one checkpoint folder; pass either resume=folder or one BackupAndRestore"
        )
    return CheckpointManager(backups[0]) if backups else NullCheckpointManager()


class NullCheckpointManager:
    """A checkpoint manager that does nothing, for a run without checkpoints.

    See `CheckpointManager` for what the methods do.
    """

    @property
    def resumes(self) -> bool:
        """Whether the run continues from a checkpoint."""
        return False

    def __enter__(self) -> NullCheckpointManager:
        return self

    def __exit__(self, *error: object) -> None:
        """Do nothing."""

    def seed(self, drawn: int) -> int:
        """Return `drawn`, the seed that was drawn for the run."""
        return drawn

    def check_compatible(self, run: CheckpointedRun) -> None:
        """Do nothing."""

    def restore_or_start(self, position: RunPosition) -> tuple[RunPosition, Logs]:
        """Return `position` unchanged, and empty logs."""
        return position, {}

    def steps_until_save(self, position: RunPosition) -> int | None:
        """Return None, because dispatches may have any length."""
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
    """A manager that writes the checkpoints of one run to a folder and resumes the run from the last one.

    A checkpoint consists of the train state, the position, the history and the states of the callbacks.

    Attributes:
        backup: The callback whose settings the manager uses.
        folder: The folder of the checkpoints.
        saved: The checkpoint to continue from, or None if the run is new.
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
        """Return the run's seed, which a resumed run takes from the checkpoint."""
        self._drawn = drawn
        return drawn if self.saved is None else int(self.saved["seed"])

    def __exit__(self, *error: object) -> None:
        """If an error ended the loop, wait for a checkpoint that is still being written."""
        if error[0] is not None:
            _interrupted_hyperparams[self._run.session] = _hyperparam_values(self._run.session)
            with suppress(FileError):
                self.folder.wait()

    def check_compatible(self, run: CheckpointedRun) -> None:
        """Store `run`, and raise `FileError` if the checkpoint belongs to a different run."""
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
        if self.saved is not None:
            with self._reset_seed_on_error():
                self._check_saved(self.saved)

    def _check_saved(self, saved: dict[str, Any]) -> None:
        """Raise `FileError` if the checkpoint belongs to a different run, or contains invalid hyperparameters."""
        if saved.get("layers") != NUMBERING:
            _rename_paths(saved, self._run.session.model)
        problems = ErrorCollector(f"resume: {self._name} belongs to a different run")
        for line in run_signature.signature_diff(saved["identity"], self._signature):
            problems.add(line)
        if problems.found:
            problems.add(
                "continue with the model, data and settings of the original run, or use a different folder to "
                "start a new run"
            )
        problems.raise_if_any(FileError)
        for path, initial in self._initial_hyperparams.items():
            for kind in ("began", "numbers"):
                try:
                    self._run.session.program.hyperparams[path].validate(saved[kind].get(path, initial))
                except FitwellError as error:
                    raise FileError(
                        f"{self._name} is damaged or was not written by fitwell: the "
                        f"{'initial' if kind == 'began' else 'latest'} value of {path!r} is invalid: {error}"
                    ) from None

    @contextmanager
    def _reset_seed_on_error(self) -> Iterator[None]:
        """If the run cannot be resumed, set the session's seed to the one that was drawn for a new run."""
        try:
            yield
        except BaseException:
            self._run.session.seed = self._drawn
            raise

    # --- writing ---------------------------------------------------------------------------------------------

    def steps_until_save(self, position: RunPosition) -> int | None:
        """Return the number of batches until the next checkpoint is due, or None if it is not known."""
        return self.backup.batches_until_due(
            position.batches_seen, position.epochs_done, position.open_steps, self._run.loader.steps
        )

    def maybe_save(self, position: RunPosition, last_logs: Logs) -> None:
        """Write a checkpoint if one is due."""
        if self.backup.is_due(position.batches_seen, position.epochs_done, not position.is_open):
            self.save(position, last_logs)

    def save(self, position: RunPosition, last_logs: Logs) -> None:
        """Pass a checkpoint to the thread that writes it.

        Arrays are immutable, so the checkpoint refers to them instead of copying them.
        """
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
            # Copy each state, because its callback may change it while the thread writes.
            "callbacks": [
                [type(c).__name__, copy.deepcopy(c.get_state())] for c in callbacks if _has_state(c)
            ],
            "state": {name: to_storable(leaf) for name, leaf in named_arrays(state).items()},
            "layers": NUMBERING,
        }
        durable = [callback.flush_to_disk for callback in callbacks if hasattr(callback, "flush_to_disk")]
        self.folder.submit(int(state.step), tree, lambda: [make() for make in durable])

    def save_on_interrupt(self, position: RunPosition, last_logs: Logs) -> None:
        """Write the last checkpoint of a run that was interrupted inside an epoch.

        The interrupted run then ends its epoch early, but a resumed run completes that epoch.
        """
        self.save(position, last_logs)
        self.folder.wait()
        self._saved_on_interrupt = True

    def save_final(self, position: RunPosition, last_logs: Logs) -> None:
        """Write the last checkpoint, unless `save_on_interrupt` already wrote it.

        This happens before policies restore the weights that they saved.
        """
        if self._saved_on_interrupt:
            _interrupted_hyperparams[self._run.session] = _hyperparam_values(self._run.session)
            return
        self.save(position, last_logs)
        self.folder.wait()

    def delete_checkpoints(self, position: RunPosition) -> None:
        """Delete the checkpoints if the run is complete and `delete_checkpoint` is True."""
        complete = position.has_ended or position.epochs_done >= self._run.options.num_epochs
        if self.backup.delete_checkpoint and complete:
            self.folder.clear()

    # --- resuming --------------------------------------------------------------------------------------------

    def restore_or_start(self, position: RunPosition) -> tuple[RunPosition, Logs]:
        """Restore the model and the callbacks, and return the run's position and last logs.

        A new run writes its first checkpoint and starts at `position`.
        """
        if self.saved is None:
            # Wait, so that the first checkpoint exists before callbacks write any files.
            self.save(position, {})
            self.folder.wait()
            return position, {}
        with self._reset_seed_on_error():
            return self._restore(position, self.saved)

    def _restore(self, position: RunPosition, saved: dict[str, Any]) -> tuple[RunPosition, Logs]:
        """Check the checkpoint, and restore the run from it."""
        session, place = self._run.session, saved["place"]
        state, new_policies = fill_state(session.pull(), saved["state"], self._name)
        fuse_loop = xla_cpu_heuristics.should_fuse_loop(state.variables, self._run.loader.batch_size or 0)
        notes = run_signature.version_notes(saved["versions"], fuse_loop)
        _check_place(place, state, self._run.loader.steps, self._name)
        notes += [
            f"the policy {name!r} is not in the checkpoint and starts from scratch" for name in new_policies
        ]
        # Restore the callbacks before the model, because a callback may raise an error if its file is missing.
        notes += _restore_callbacks(self._run.callbacks, saved["callbacks"])
        notes += self._restore_hyperparams(saved)
        state = state.replace(hyperparams=session.pull().hyperparams)
        for _, policy in self._run.policies:
            # Use the callback's current arguments, such as patience, instead of the saved ones.
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
        """Skip the generator batches that the run has already used."""
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
                notes.append(f"{path} was {began!r} when the run began and is {now!r} from now on")
        return notes


def _rename_paths(saved: dict[str, Any], model: Any) -> None:
    """Update the paths in a checkpoint that an earlier version wrote."""
    for part in (saved, saved["identity"]):
        for name in ("architecture", "began", "numbers", "state"):
            if name in part:
                part[name] = rename_legacy_paths(part[name], model)


def _hyperparam_values(session: TrainingSession) -> dict[str, float]:
    return {path: float(cell.raw_value) for path, cell in session.program.hyperparams.items()}


def _has_state(callback: Any) -> bool:
    return hasattr(callback, "get_state") and callback.get_state() is not None


def _restore_callbacks(callbacks: Sequence[Any], saved: list[tuple[str, Any]]) -> list[str]:
    """Restore each callback from the next saved state of its class, and return notes about mismatches."""
    waiting = list(saved)
    notes = []
    for callback in filter(_has_state, callbacks):
        match = next((entry for entry in waiting if entry[0] == type(callback).__name__), None)
        if match is None:
            notes.append(
                f"the callback {type(callback).__name__} is not in the checkpoint and starts from scratch"
            )
        else:
            waiting.remove(match)
            callback.set_state(match[1])
    return notes + [
        f"the callback {name} is in the checkpoint but was not passed to fit" for name, _ in waiting
    ]


def _check_place(place: dict[str, Any], state: TrainState, steps: int | None, where: str) -> None:
    """Raise `FileError` if the position `place` is impossible."""
    in_epoch = place["steps"] if place["open"] else 0
    too_far = steps is not None and (
        in_epoch > steps or place["batches"] > place["epochs"] * steps + in_epoch
    )
    negative = int(state.step) < 0 or not POSITION.test(int(state.epoch))
    # A run ends when its loss is not finite.
    unended = int(state.first_nonfinite_step) != -1 and not place["ended"]
    if too_far or negative or unended or in_epoch > place["batches"]:
        described = ", ".join(f"{name}={value}" for name, value in place.items())
        raise FileError(
            f"{where} is damaged: its position is impossible if steps_per_epoch={steps} "
            f"({described}, step={int(state.step)}, first_nonfinite_step={int(state.first_nonfinite_step)})"
        )
