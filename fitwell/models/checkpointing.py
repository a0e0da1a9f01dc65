"""Checkpoints of a fit: what is kept, when, and how a run goes on from one."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._engine import xla_cpu_heuristics
from fitwell._engine.train_state import TrainState, path_in_file
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
from fitwell.saving.checkpoint_folder import CheckpointFolder
from fitwell.saving.legacy_layer_paths import NUMBERING, rename_legacy_paths

if TYPE_CHECKING:
    from fitwell.models.train_loop import TrainLoop

# What `CheckpointManager.save` writes.
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
    "history": ANY,  # which says itself what it may be
    "last_logs": DictSchema(ANY),
    "callbacks": [(STRING, ANY)],
    "state": DictSchema(ARRAY),
    "layers": OptionalKey(STRING),  # how those of graphs are numbered; versions before did not say it
}
# The numbers that a run left in a model when it was cut off after its last checkpoint: they are not what somebody set.
_interrupted_hyperparams: WeakKeyDictionary[Any, dict[str, float]] = WeakKeyDictionary()


def make_checkpoint_manager(callbacks: Sequence[Any], resume: Any) -> NullCheckpointManager:
    """Return the keeper that a `BackupAndRestore` among `callbacks`, or `resume`, asks for."""
    backups = [callback for callback in callbacks if isinstance(callback, BackupAndRestore)]
    if resume is not None:
        backups.append(BackupAndRestore(resume, delete_checkpoint=False))
    if len(backups) > 1:
        raise InvalidArgument(
            "fit: a run keeps its checkpoints in one folder; pass either resume=folder or one BackupAndRestore"
        )
    return CheckpointManager(backups[0]) if backups else NullCheckpointManager()


class NullCheckpointManager:
    """A run without checkpoints; `CheckpointManager` says what each function is for."""

    @property
    def resumes(self) -> bool:
        """Whether the run goes on from a checkpoint."""
        return False

    def __enter__(self) -> NullCheckpointManager:
        return self

    def __exit__(self, *error: object) -> None:
        """Do nothing."""

    def seed(self, drawn: int) -> int:
        """Return the seed of the run: the one drawn for it."""
        return drawn

    def check_compatible(self, fit: TrainLoop, data: Any, shuffle: bool) -> None:
        """Do nothing."""

    def restore(self, fit: TrainLoop) -> None:
        """Do nothing."""

    def steps_until_save(self, fit: TrainLoop) -> int | None:
        """Return None: any length of a dispatch will do."""
        return None

    def maybe_save(self, fit: TrainLoop) -> None:
        """Do nothing."""

    def save_on_interrupt(self, fit: TrainLoop) -> None:
        """Do nothing."""

    def save_final(self, fit: TrainLoop) -> None:
        """Do nothing."""

    def delete_checkpoints(self, fit: TrainLoop) -> None:
        """Do nothing."""


class CheckpointManager(NullCheckpointManager):
    """Stands between one fit and its folder of checkpoints.

    saved: the checkpoint to go on from, or None when the run begins.
    """

    def __init__(self, backup: BackupAndRestore) -> None:
        self.backup = backup
        self.folder = CheckpointFolder(backup.backup_dir)
        self.saved: dict[str, Any] | None = self.folder.load_latest(_FORM)
        if self.saved is not None:
            History.check_arrays(self.saved["history"], f"the checkpoint in {str(self.folder.path)!r}")
        self._data: Any = None
        self._identity: dict[str, Any] = {}
        self._initial_hyperparams: dict[str, float] = {}
        self._left_early = False

    @property
    def resumes(self) -> bool:
        """Whether the run goes on from a checkpoint."""
        return self.saved is not None

    def seed(self, drawn: int) -> int:
        """Return the seed of the run: of one that is resumed, its own."""
        self._drawn = drawn
        return drawn if self.saved is None else int(self.saved["seed"])

    def __exit__(self, *error: object) -> None:
        """When an error ends the loop, let the checkpoint that is under way be finished all the same."""
        if error[0] is not None:
            _interrupted_hyperparams[self._fit.session] = _hyperparam_values(self._fit)
            with suppress(FileError):
                self.folder.wait()

    def check_compatible(self, fit: TrainLoop, data: Any, shuffle: bool) -> None:
        """Note what the run is, and refuse to go on with a checkpoint of another one."""
        self._data = data
        self._fit = fit
        self._initial_hyperparams = _hyperparam_values(fit)
        self._identity = run_signature.run_signature(fit, data, shuffle)
        if self.saved is None:
            return
        if self.saved.get("layers") != NUMBERING:
            self._rename(self.saved, fit.model)
        problems = ErrorCollector(f"resume: the checkpoint in {str(self.folder.path)!r} is of another run")
        for line in run_signature.signature_diff(self.saved["identity"], self._identity):
            problems.add(line)
        if problems.found:
            problems.add("go on with what the run began with, or name another folder to begin anew")
            fit.session.seed = self._drawn
        problems.raise_if_any(FileError)
        self._check_numbers(fit)

    def _check_numbers(self, fit: TrainLoop) -> None:
        """Refuse hyperparameters of the checkpoint that the model could not have been given."""
        assert self.saved is not None
        for path in self._initial_hyperparams:
            for kind in ("began", "numbers"):
                try:
                    fit.program.hyperparams[path].validate(
                        self.saved[kind].get(path, self._initial_hyperparams[path])
                    )
                except FitwellError as error:
                    fit.session.seed = self._drawn
                    raise FileError(
                        f"the checkpoint in {str(self.folder.path)!r} is damaged, or was made by something else: "
                        f"{kind}[{path!r}]: {error}"
                    ) from None

    def _rename(self, saved: dict[str, Any], model: Any) -> None:
        """Call what is in a checkpoint of an earlier version as it is called today."""
        for part in (saved, saved["identity"]):
            for name in ("architecture", "began", "numbers", "state"):
                if name in part:
                    part[name] = rename_legacy_paths(part[name], model)

    # --- keeping -------------------------------------------------------------------------------------------

    def steps_until_save(self, fit: TrainLoop) -> int | None:
        """Return how many batches the next dispatch may take, for a checkpoint that is due; None for any."""
        in_epoch = fit.step_in_epoch if fit.epoch_is_open else 0
        return self.backup.batches_until_due(
            fit.callback_list.batches, fit.epochs_done, in_epoch, fit.loader.steps
        )

    def maybe_save(self, fit: TrainLoop) -> None:
        """Write a checkpoint if one is due."""
        if self.backup.is_due(fit.callback_list.batches, fit.epochs_done, not fit.epoch_is_open):
            self.save(fit)

    def save(self, fit: TrainLoop) -> None:
        """Hand a checkpoint of this moment to the writer. Arrays do not change, so references are enough."""
        session = fit.session
        state = session.pull()
        callbacks = fit.callback_list.callbacks
        tree = {
            "versions": run_signature.library_versions(),
            "identity": self._identity,
            "seed": session.seed,
            "began": self._initial_hyperparams,
            "numbers": _hyperparam_values(fit),
            "place": {
                "epochs": fit.epochs_done,
                "steps": fit.step_in_epoch,
                "open": fit.epoch_is_open,
                "ended": fit.ended,
                "batches": fit.callback_list.batches,
                "runtime_epoch": session.epoch,
            },
            "history": fit.history.to_arrays(),
            "last_logs": dict(fit.last_logs),
            # A callback may go on to change what it gave, while the writer writes.
            "callbacks": [[_name(c), copy.deepcopy(c.get_state())] for c in callbacks if _has_state(c)],
            "state": {name: _plain(leaf) for name, leaf in _named(state).items()},
            "layers": NUMBERING,
        }
        durable = [callback.flush_to_disk for callback in callbacks if hasattr(callback, "flush_to_disk")]
        self.folder.submit(int(state.step), tree, lambda: [make() for make in durable])

    def save_on_interrupt(self, fit: TrainLoop) -> None:
        """Write the last checkpoint of a run that is interrupted inside an epoch.

        The epoch will be closed for whoever looks at it; a run that goes on does all of it.
        """
        self.save(fit)
        self.folder.wait()
        self._left_early = True

    def save_final(self, fit: TrainLoop) -> None:
        """Write the last checkpoint, before policies put the weights back that they want to be left."""
        if self._left_early:
            _interrupted_hyperparams[fit.session] = _hyperparam_values(fit)
            return
        self.save(fit)
        self.folder.wait()

    def delete_checkpoints(self, fit: TrainLoop) -> None:
        """Remove checkpoints that were only for the way, when the run has come to its end."""
        if self.backup.delete_checkpoint and (fit.ended or fit.epochs_done >= fit.epochs):
            self.folder.clear()

    # --- going on ------------------------------------------------------------------------------------------

    def restore(self, fit: TrainLoop) -> None:
        """Bring `fit` and its model to where the checkpoint is; a new run gets its first checkpoint."""
        saved, session = self.saved, fit.session
        if saved is None:
            # Waited for: whatever callbacks write from now on, there is a moment to go back to.
            self.save(fit)
            self.folder.wait()
            return
        try:
            self._restore(fit, saved)
        except BaseException:
            session.seed = self._drawn
            raise

    def _restore(self, fit: TrainLoop, saved: dict[str, Any]) -> None:
        """Check all that can be wrong with a checkpoint of the same run, and then take it over."""
        session, where = fit.session, f"the checkpoint in {str(self.folder.path)!r}"
        state, afresh = _filled(session.pull(), saved["state"], where)
        fuse_loop = xla_cpu_heuristics.should_fuse_loop(state.variables, fit.loader.batch_size or 0)
        notes = run_signature.version_notes(saved["versions"], fuse_loop)
        place = saved["place"]
        _check_place(place, state, fit.loader.steps, where)
        notes += [f"{name} was no part of the run and starts now" for name in afresh]
        # Before the model: a callback may find that what it wrote to is gone.
        notes += _restore_callbacks(fit.callback_list.callbacks, saved["callbacks"])
        notes += self._restore_numbers(fit, saved)
        state = state.replace(hyperparams=session.pull().hyperparams)
        for _, policy in fit.policies:
            # What a policy is told to do (patience and the like) is what it is told now.
            state.policies[policy.name] |= getattr(policy, "numbers", {})
        session.push(state)
        session.epoch = place["runtime_epoch"]
        fit.epochs_done, fit.step_in_epoch = place["epochs"], place["steps"]
        fit.epoch_is_open, fit.ended = place["open"], place["ended"]
        fit.callback_list.batches = place["batches"]
        fit.history.restore_arrays(saved["history"])
        fit.last_logs = saved["last_logs"]
        self._fast_forward_streams(fit)
        if notes:
            warn(f"resume: {'; '.join(notes)}")

    def _fast_forward_streams(self, fit: TrainLoop) -> None:
        """Let generators, which only know how to begin, give what they gave the run so far."""
        if self._data.stream is not None:
            in_epoch = fit.step_in_epoch if fit.epoch_is_open else 0
            self._data.stream.fast_forward(fit.callback_list.batches - in_epoch, fit.epochs_done)
        if fit.validation is not None and fit.validation.stream is not None:
            validations = len(fit.history.history.get("val_loss", []))
            fit.validation.stream.fast_forward(validations * (fit.validation_steps or 0), validations)

    def _restore_numbers(self, fit: TrainLoop, saved: dict[str, Any]) -> list[str]:
        notes = []
        left = _interrupted_hyperparams.pop(fit.session, {})
        for path, now in self._initial_hyperparams.items():
            began, last = saved["began"].get(path, now), saved["numbers"].get(path, now)
            unchanged = now in (began, last, left.get(path))
            fit.program.hyperparams[path].raw_value = last if unchanged else now
            if not unchanged:
                notes.append(f"{path} was {began!r} when the run began; from here on it is {now!r}")
        return notes


def _hyperparam_values(fit: TrainLoop) -> dict[str, float]:
    return {path: float(cell.raw_value) for path, cell in fit.program.hyperparams.items()}


def _has_state(callback: Any) -> bool:
    return hasattr(callback, "get_state") and callback.get_state() is not None


def _name(callback: Any) -> str:
    return type(callback).__name__


def _restore_callbacks(callbacks: Sequence[Any], saved: list[tuple[str, Any]]) -> list[str]:
    """Give each callback what the next one of its class in the checkpoint remembered."""
    waiting = list(saved)
    notes = []
    for callback in filter(_has_state, callbacks):
        match = next((entry for entry in waiting if entry[0] == _name(callback)), None)
        if match is None:
            notes.append(f"the callback {_name(callback)} was no part of the run and starts now")
        else:
            waiting.remove(match)
            callback.set_state(match[1])
    return notes + [f"the callback {name} of the run is missing now" for name, _ in waiting]


def _check_place(place: dict[str, Any], state: TrainState, steps: int | None, where: str) -> None:
    """Refuse a place in the run that no run can have come to."""
    in_epoch = place["steps"] if place["open"] else 0
    too_far = steps is not None and (
        in_epoch > steps or place["batches"] > place["epochs"] * steps + in_epoch
    )
    negative = int(state.step) < 0 or not POSITION.test(int(state.epoch))
    # A loss that is not finite ends a run.
    unended = int(state.first_nonfinite_step) != -1 and not place["ended"]
    if too_far or negative or unended or in_epoch > place["batches"]:
        told = ", ".join(f"{name}={value}" for name, value in place.items())
        raise FileError(
            f"{where} is damaged: a run with {steps or 'so many'} batches in an epoch cannot have come to {told}, "
            f"step {int(state.step)}, the last bad one {int(state.first_nonfinite_step)}"
        )


# --- the arrays of a state by name -----------------------------------------------------------------------


def _named(state: TrainState) -> dict[str, Any]:
    """Return the arrays of `state` by name; hyperparameters are kept as the numbers they come from."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(state.replace(hyperparams={}))
    return {_key(path): leaf for path, leaf in leaves}


def _key(path: Any) -> str:
    return path_in_file(jax.tree_util.keystr(path).lstrip("."))


def _plain(leaf: Any) -> Any:
    """Return `leaf`, a random key as the numbers it is made of."""
    return jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


def _filled(state: TrainState, saved: dict[str, np.ndarray], where: str) -> tuple[TrainState, list[str]]:
    """Return `state` with the saved arrays in it, and the policies that the checkpoint knows nothing of."""
    problems = ErrorCollector(f"resume: {where} does not fit the model")
    afresh: list[str] = []

    def take(path: Any, leaf: Any) -> Any:
        name, like = _key(path), _plain(leaf)
        value = saved.get(name)
        if value is not None and value.shape == np.shape(like) and value.dtype == like.dtype:
            return (
                value
                if like is leaf
                else jax.random.wrap_key_data(jax.device_put(value), impl=jax.random.key_impl(leaf))
            )
        had = "nothing" if value is None else f"{value.dtype} {value.shape}"
        problems.add(f"{name} is {like.dtype} {np.shape(like)}, the checkpoint has {had}")
        return leaf

    filled = state.replace(hyperparams={})
    policies = {}
    for name, memory in filled.policies.items():
        # The whole memory of a policy is taken, or none of it.
        part = TrainState.replace(filled, policies={name: memory})
        if all(key in saved for key in _named(part) if key.startswith("policies")):
            policies[name] = memory
        else:
            afresh.append(name)
    filled = jax.tree_util.tree_map_with_path(take, filled.replace(policies=policies))
    problems.raise_if_any(FileError)
    fresh = {name: state.policies[name] for name in afresh}
    return filled.replace(hyperparams=state.hyperparams, policies={**filled.policies, **fresh}), afresh
