"""An Optuna study that multiple workers share.

Every RUNNING trial stores the name of its worker. A worker claims trials only while it holds the storage's lock. It
takes over the stale trials of dead workers, and starts new trials until the requested number is reached. Therefore,
trials of a killed search can be resumed, and workers never start too many trials.
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fitwell.errors import InvalidArgument
from fitwell.tuner.domains import Domain
from fitwell.tuner.heartbeat import Worker, is_alive
from fitwell.tuner.hyperparameters import HyperParameters, InvalidSetting
from fitwell.tuner.objective import Objective
from fitwell.tuner.optuna_utils import import_optuna, trial_state
from fitwell.tuner.samplers import make_sampler
from fitwell.tuner.search_space import SearchSpace, encode_params
from fitwell.tuner.storage import Storage
from fitwell.tuner.study_reader import StudyMismatchError, StudyReader
from fitwell.tuner.trial_handle import TrialHandle
from fitwell.tuner.user_attrs import (
    CRASHES,
    REASON,
    STUDY_CONFIG,
    STUDY_TOKEN,
    WORKER,
    check_study,
    crash_count,
)

__all__ = ["MAX_CRASHES", "MAX_INFEASIBLE", "SharedStudy", "StudyMismatchError"]

# A trial is marked as failed after this many workers crashed while training it alone (usually because they ran out of
# memory).
MAX_CRASHES = 3
# After each crash, the trial is trained in a batch that is smaller by this factor, and finally alone. The trial itself
# may not be the cause, because workers also crash if a batch is too large or if they are killed.
_BATCH_DIVISOR = 8
# Number of settings that the build function may reject in a row before the search fails.
MAX_INFEASIBLE = 100


class SharedStudy(StudyReader):
    """A study whose trials are claimed by multiple workers. It is created if it does not exist.

    Args:
        storage: The study's storage.
        name: The study's name.
        space: The search space.
        objective: The objective of the search.
        sampler: Name of the sampler.
        pruner: The Optuna pruner, or None.
        seed: Seed for the sampler.
        trials: Total number of trials over all workers and calls, or None if there is no limit.
        batch: Number of trials that are trained together, or None if trials cannot be trained separately.
        first: Settings to try before the sampler is used.
        config: Settings that must be the same as in an existing study, so that the trials are comparable.
        overwrite: Whether to delete an existing study.

    Raises:
        StudyMismatchError: If an existing study has a different configuration.
    """

    def __init__(
        self,
        storage: Storage,
        name: str,
        space: SearchSpace,
        objective: Objective,
        *,
        sampler: str,
        pruner: Any,
        seed: int,
        trials: int | None,
        config: Mapping[str, Any],
        batch: int | None = None,
        first: Sequence[Mapping[str, Any]] = (),
        overwrite: bool = False,
    ) -> None:
        self.space = space
        self.trials = trials
        self._batch = batch
        self._sampler = sampler
        self._pruner = pruner
        self._seed = seed
        self._config: dict[str, Any] = json.loads(json.dumps(config))
        self._overwrite = overwrite
        self._initial_params = [
            self._encode_initial_params(setting) for setting in _check_initial_params(first)
        ]
        self._grid = space.grid()
        super().__init__(storage, name, space, objective)
        self.worker = Worker(self._write_heartbeat)

    def _open(self, name: str) -> Any:
        """Return the Optuna study, and create it if it does not exist.

        Raises:
            StudyMismatchError: If the study exists but has a different configuration.
        """
        optuna, backend = import_optuna(), self.storage.backend
        if self._overwrite and name in self._study_names():
            optuna.delete_study(study_name=name, storage=backend)
        study = optuna.create_study(
            storage=backend,
            study_name=name,
            pruner=self._pruner,
            direction={"min": "minimize", "max": "maximize"}[self.objective.direction],
            load_if_exists=True,
        )
        self._study_id = backend.get_study_id_from_name(name)
        stored = study.user_attrs.get(STUDY_CONFIG)
        trials = study.get_trials(deepcopy=False)
        if stored is None:
            if trials:
                raise StudyMismatchError(
                    f"the study {name!r} in {self.storage.name} was not created by fitwell"
                )
            study.set_user_attr(STUDY_CONFIG, self._config)
            study.set_user_attr(STUDY_TOKEN, secrets.token_hex(8))
            return study
        check_study(study, trials, self.storage.name)
        config = self._config
        differences = "; ".join(
            f"{key}: {stored.get(key)!r} then, {config.get(key)!r} now"
            for key in {**stored, **config}
            if stored.get(key) != config.get(key)
        )
        if differences:
            raise StudyMismatchError(
                f"the study {name!r} in {self.storage.name} was created with different settings, so its "
                f"trials cannot be compared with new ones ({differences})"
            )
        return study

    # --- claiming trials -----------------------------------------------------------------------------------

    def claim_trials(self, count: int) -> list[TrialHandle]:
        """Claim up to `count` trials, starting with stale ones, and return their handles.

        The list is empty if no trials are left. Hyperparameters are sampled without the lock, because a sampler or the
        build function may take longer than other workers wait for the lock.

        Raises:
            InvalidArgument: If the build function rejected all settings, or 100 settings in a row.
        """
        handles: list[TrialHandle] = []
        infeasible_count = 0
        try:
            while infeasible_count < MAX_INFEASIBLE and len(handles) < min(
                [count, *(t.max_batch_size for t in handles)]
            ):
                with self.storage.lock():
                    handle = self._claim_next(len(handles))
                if handle is None:
                    break
                handles.append(handle)
                try:
                    handle.setting = self.space.sample(handle.hp)
                except InvalidSetting as error:
                    self.mark_infeasible(handles.pop(), str(error))
                    infeasible_count += 1
        except BaseException:  # such as an error in the build function; this worker trains nothing more
            self.release(handles)
            raise
        if infeasible_count == MAX_INFEASIBLE and not handles:
            raise self._no_feasible_point(f"{infeasible_count} settings in a row")
        if not handles and not self._feasible_trials():
            raise self._no_feasible_point("all of its settings")
        return handles

    def mark_infeasible(self, handle: TrialHandle, reason: str) -> None:
        """Mark a trial as failed because the build function rejected its setting.

        Failed trials do not count toward the total number of trials.
        """
        with self.storage.lock(), self.storage.translate_errors():
            if self._owns(handle):
                self._tell_infeasible(handle.trial, reason)

    def check_infeasible(self) -> None:
        """Raise `InvalidArgument` if the build function rejected each of the last 100 settings."""
        last = self.get_trials()[-MAX_INFEASIBLE:]
        if len(last) == MAX_INFEASIBLE and all(trial.state.name == "FAIL" for trial in last):
            raise self._no_feasible_point(f"{MAX_INFEASIBLE} settings in a row")

    def _no_feasible_point(self, rejected: str) -> InvalidArgument:
        return InvalidArgument(
            f"the space seems to have no valid setting, because the build function rejected {rejected}. The last "
            f"reason was: {self.space.infeasible_reason}"
        )

    def _claim_next(self, others: int) -> TrialHandle | None:
        """Claim a stale trial or a new one, or return None if there are enough trials.

        Args:
            others: Number of trials that were already claimed for the same batch.
        """
        with self.storage.translate_errors():
            for stale in self._stale_trials():
                handle = self._take_over(stale, others)
                if handle is not None:
                    return handle
            if self._trials_in_state("WAITING"):
                return self._claim_new()
            if self._has_all_trials():
                return None
            known = [trial.params for trial in self.study.get_trials(deepcopy=False)]
        chosen = None
        if len(known) < len(self._initial_params):
            chosen = self._initial_params[len(known)]
        elif self._sampler == "grid":
            chosen = self._next_grid_point(known)
            if chosen is None:
                return None
        with self.storage.translate_errors():
            if chosen is not None:
                self.study.enqueue_trial(chosen)
            return self._claim_new()

    def _claim_new(self) -> TrialHandle:
        # Some versions of Optuna sample in `ask`, which must not take long under the lock, so use a fast sampler here.
        self.study.sampler = make_sampler("random", self._seed, 0)
        trial = self.study.ask()
        trial.set_user_attr(WORKER, self.worker.name)
        return self._make_handle(trial.number)

    def _make_handle(self, number: int, **known: Any) -> TrialHandle:
        self.study.sampler = make_sampler(self._sampler, self._seed, number)
        return TrialHandle(self._running_trial(number), self.storage.translate_database_errors, **known)

    def _running_trial(self, number: int) -> Any:
        """Return the Optuna `Trial` object of a RUNNING trial, which uses the study's current sampler."""
        trial_id = self.storage.backend.get_trial_id_from_study_id_trial_number(self._study_id, number)
        return import_optuna().trial.Trial(self.study, trial_id)

    def _next_grid_point(self, known: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
        """Return the next unclaimed point of the grid, or None if no point is left."""
        try:
            # The generator continues where it stopped, which is correct because claimed points stay claimed.
            return next((point for point, _ in self._grid if point not in known), None)
        except BaseException:
            self._grid = self.space.grid()  # the error has ended the generator
            raise

    def _encode_initial_params(self, setting: Mapping[str, Any]) -> dict[str, Any]:
        flat = self.space.flatten_lists(setting)

        def look_up(name: str, domain: Domain) -> Any:
            value = flat.get(name, domain.default)
            if not domain.contains(value):
                raise InvalidArgument(f"first: the value {name}={value!r} is not in the domain {domain!r}")
            return value.item() if isinstance(value, np.generic) else value

        hp = HyperParameters(look_up)
        sampled = self.space.sample(hp)
        unknown = [name for name in setting if name not in sampled]
        if unknown:
            under = (
                " for these values of the other hyperparameters"
                if unknown[0] in (self.space.domains or hp.domains)
                else ""
            )
            raise InvalidArgument(
                f"first: {dict(setting)!r} contains {unknown[0]!r}, which is not a hyperparameter{under}; remove it"
            )
        return encode_params(hp)

    def _stale_trials(self) -> list[Any]:
        """Return the RUNNING trials of dead workers, sorted from fewest to most crashes."""
        attributes = self.study.user_attrs
        stale = []
        for trial in self._trials_in_state("RUNNING"):
            owner = trial.user_attrs.get(WORKER)
            # A worker writes its name while it holds the lock, so a missing name means that the worker crashed. An
            # empty name means that the worker released the trial.
            if not owner or (owner != self.worker.name and not is_alive(owner, attributes)):
                stale.append(trial)
        return sorted(stale, key=crash_count)

    def _take_over(self, frozen: Any, others: int) -> TrialHandle | None:
        crashes = crash_count(frozen)
        max_batch_size = self._max_batch_size(crashes)
        if others >= max_batch_size:
            return None
        if self._max_batch_size(crashes - MAX_CRASHES) == 1:
            self._tell_infeasible(
                self._running_trial(frozen.number),
                f"{crashes} workers died while training it, and the last {MAX_CRASHES} were training it alone",
            )
            return None
        handle = self._make_handle(
            frozen.number,
            max_batch_size=max_batch_size,
            reported_steps=frozenset(frozen.intermediate_values),
        )
        handle.trial.set_user_attr(WORKER, self.worker.name)
        handle.trial.set_user_attr(CRASHES, crashes)
        return handle

    def _max_batch_size(self, crashes: int) -> float:
        """Return the maximum size of a batch that contains a trial with this number of crashes."""
        return (
            math.inf if self._batch is None or crashes < 0 else max(1, self._batch // _BATCH_DIVISOR**crashes)
        )

    # --- results -------------------------------------------------------------------------------------------

    def report(self, handle: TrialHandle, step: int, value: float) -> bool:
        """Store `value`, the best value in the first `step` epochs, and return whether to prune the trial."""
        with self.storage.translate_errors():  # without the lock, because multiple threads call this method
            if not self._owns(handle):
                return True
            if step not in handle.reported_steps:
                handle.trial.report(value, step)
            return bool(handle.trial.should_prune())

    def finish(self, handle: TrialHandle, value: float, pruned: bool = False, **attributes: Any) -> None:
        """Store the result of a trial, and mark the trial as complete or pruned."""
        with self.storage.lock(), self.storage.translate_errors():
            if not self._owns(handle):
                return
            for name, attribute in attributes.items():
                handle.trial.set_user_attr(name, attribute)
            state = trial_state("PRUNED") if pruned else None
            self.study.tell(handle.trial, None if pruned else value, state)

    def own_diverged_trials(self) -> list[Any]:
        """Return the completed trials that this worker trained and that have no finite value."""
        return [trial for trial in self.diverged_trials() if trial.user_attrs.get(WORKER) == self.worker.name]

    def release(self, handles: Sequence[TrialHandle]) -> None:
        """Release unfinished trials, so that any worker can claim them."""
        with self.storage.lock(), self.storage.translate_errors():
            for handle in filter(self._owns, handles):
                handle.trial.set_user_attr(WORKER, "")

    def _owns(self, handle: TrialHandle) -> bool:
        """Return whether this worker still owns a trial.

        After a long time without heartbeats (for example, because this computer was asleep), another worker takes over
        the trial and trains the same model.
        """
        return self.get_trials()[handle.number].user_attrs.get(WORKER) == self.worker.name

    def _tell_infeasible(self, trial: Any, reason: str) -> None:
        trial.set_user_attr(REASON, reason)
        self.study.tell(trial, state=trial_state("FAIL"))

    def _trials_in_state(self, name: str) -> list[Any]:
        return list(self.study.get_trials(deepcopy=False, states=(trial_state(name),)))

    def _feasible_trials(self) -> list[Any]:
        return [trial for trial in self.study.get_trials(deepcopy=False) if trial.state.name != "FAIL"]

    def _has_all_trials(self) -> bool:
        return self.trials is not None and len(self._feasible_trials()) >= self.trials

    def _write_heartbeat(self, name: str, value: float) -> None:
        with self.storage.translate_errors():
            self.study.set_user_attr(name, value)


def _check_initial_params(first: Any) -> list[Mapping[str, Any]]:
    if isinstance(first, Mapping) or not all(isinstance(setting, Mapping) for setting in first):
        raise InvalidArgument(f"first: expected a list of dicts of hyperparameters, got {first!r}")
    return list(first)
