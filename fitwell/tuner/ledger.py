"""An Optuna study that several workers share.

Every RUNNING trial stores the name of its worker. Workers claim trials only under the lock of the storage: new
trials until their number is reached, and stale trials of dead workers. A killed search therefore resumes the trials
that were running, and workers never start too many trials.
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fitwell.errors import InvalidArgument, StateError
from fitwell.tuner.domains import Domain
from fitwell.tuner.hyperparameters import HyperParameters, InvalidSetting, Setting
from fitwell.tuner.notes import DEATHS, FINAL, REASON, TERMS, TOKEN, WORKER, check_study, deaths_of, told_lost
from fitwell.tuner.objective import Objective
from fitwell.tuner.optional import import_optuna, quiet, trial_state
from fitwell.tuner.samplers import make_sampler
from fitwell.tuner.space import Space, stored
from fitwell.tuner.storage import Storage
from fitwell.tuner.workers import Worker, is_alive

# A trial is marked failed after this many workers crashed (mostly out of memory) while training it alone.
MOST_DEATHS = 3
# After each crash the trial is trained in a batch smaller by this factor, and finally alone: workers also crash because
# a batch is too large, or because they are killed.
_SHRINK = 8
# Rejected settings in a row after which the search fails.
MOST_REFUSALS = 100


@dataclass
class Ticket:
    """A trial that this worker trains.

    Attributes:
        trial: Optuna trial.
        storage_guard: Context manager that translates storage errors while sampling.
        max_batch_size: Maximum size of the batch that contains the trial.
        setting: Hyperparameters of the model.
        reported_steps: Steps that an earlier worker reported.
        hp: Samples from the trial; values that an earlier worker sampled stay the same.
    """

    trial: Any
    guarded: Callable[[], AbstractContextManager[None]] = nullcontext
    company: float = math.inf
    setting: Setting = field(default_factory=dict)
    reported: frozenset[int] = frozenset()
    hp: HyperParameters = field(init=False)

    def __post_init__(self) -> None:
        def draw(name: str, domain: Domain) -> Any:
            try:
                with self.guarded(), quiet():
                    return domain.suggest(self.trial, name)
            except ValueError as error:
                raise InvalidArgument(
                    f"{name}: {domain!r} is not compatible with earlier trials in the study "
                    f"{self.trial.study.study_name!r} ({error}). If build was changed, pass another name=..., or "
                    "overwrite=True to start over; if the choices depend on other hyperparameters, use a different "
                    "name in each case"
                ) from error

        self.hp = HyperParameters(draw)

    @property
    def number(self) -> int:
        """The trial's number in the study."""
        return int(self.trial.number)


class OtherStudy(InvalidArgument):
    """The storage holds a different study of the same name. what: the difference, without advice."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}. Pass another name=..., or overwrite=True to delete it and start over")
        self.what = what


class Ledger:
    """The study of one search, opened or created.

    Args:
        storage: Storage of the study.
        name: Name of the study.
        space: Search space.
        objective: Objective of the search.
        sampler: Name of the sampler.
        pruner: Optuna pruner, or None.
        seed: Seed of the sampler.
        trials: Number of trials of all workers and calls; None if there is no limit.
        batch: Number of trials trained together; None if trials cannot be trained separately.
        first: Settings to try before the sampler is used.
        terms: Settings that must equal those of an existing study, so that trials are comparable. None only reads
            an existing study.
        overwrite: Whether to delete an existing study.
    """

    def __init__(
        self,
        storage: Storage,
        name: str,
        space: Space,
        objective: Objective,
        *,
        sampler: str,
        pruner: Any,
        seed: int,
        trials: int | None,
        batch: int | None = None,
        first: Sequence[Mapping[str, Any]] = (),
        terms: Mapping[str, Any] | None,
        overwrite: bool = False,
    ) -> None:
        optuna = import_optuna()
        self.storage = storage
        self.space = space
        self.objective = objective
        self.trials = trials
        self._batch = batch
        self._sampler = sampler
        self._seed = seed
        self._first = [self._as_stored(setting) for setting in _check_first(first)]
        self._points = space.grid()
        with storage.locked(), storage.guarded():
            known = [found.study_name for found in optuna.get_all_study_summaries(storage.backend, False)]
            if overwrite and name in known:
                optuna.delete_study(study_name=name, storage=storage.backend)
            if terms is None and name not in known:
                raise StateError(f"there is no study {name!r} in {storage.name} yet")
            self.study = optuna.create_study(
                storage=storage.backend,
                study_name=name,
                pruner=pruner,
                direction={"min": "minimize", "max": "maximize"}[objective.direction],
                load_if_exists=True,
            )
            if terms is None:
                self._check_objective()
            else:
                self._check_terms(json.loads(json.dumps(terms)))
            self._token = self._token_now()
            self.finished_before = len(self._ended())
        self.worker = Worker(self._note)

    def _check_terms(self, terms: dict[str, Any]) -> None:
        begun = self.study.user_attrs.get(TERMS)
        trials = self.study.get_trials(deepcopy=False)
        if begun is not None:
            check_study(self.study, trials, self.storage.name)
        if begun is None:
            if trials:
                raise OtherStudy(
                    f"the study {self.study.study_name!r} in {self.storage.name} was not created by fitwell"
                )
            self.study.set_user_attr(TERMS, terms)
            self.study.set_user_attr(TOKEN, secrets.token_hex(8))
            return
        differ = [name for name in {**begun, **terms} if begun.get(name) != terms.get(name)]
        if differ:
            told = "; ".join(f"{name}: {begun.get(name)!r} then, {terms.get(name)!r} now" for name in differ)
            raise OtherStudy(
                f"the study {self.study.study_name!r} in {self.storage.name} was created with other settings, so its "
                f"trials cannot be compared with new ones ({told})"
            )

    def _check_objective(self) -> None:
        """Raise if the study does not exist yet or has another objective."""
        begun = (self.study.user_attrs.get(TERMS) or {}).get("objective")
        if begun is None:
            raise StateError(f"the study {self.study.study_name!r} in {self.storage.name} has not started")
        if begun != self.objective.told:
            raise OtherStudy(
                f"the study {self.study.study_name!r} in {self.storage.name} has the objective {begun}, not "
                f"{self.objective.told}"
            )

    # --- claiming trials -----------------------------------------------------------------------------------

    def book(self, count: int) -> list[Ticket]:
        """Claim up to `count` trials to train, stale ones first. Empty if none are left.

        Hyperparameters are sampled outside the lock, because a sampler or the build function may take longer than
        the lock timeout of other workers.
        """
        tickets: list[Ticket] = []
        refused = 0
        try:
            while refused < MOST_REFUSALS and len(tickets) < min([count, *(t.company for t in tickets)]):
                with self.storage.locked():
                    ticket = self._take(len(tickets))
                if ticket is None:
                    break
                tickets.append(ticket)
                try:
                    ticket.setting = self.space.draw(ticket.hp)
                except InvalidSetting as error:
                    self.refuse(tickets.pop(), str(error))
                    refused += 1
        except BaseException:  # such as an error of the build function: no worker will train these
            self.release(tickets)
            raise
        if refused == MOST_REFUSALS and not tickets:
            raise self._nothing_valid(f"{refused} settings in a row")
        if not tickets and not self._begun():
            raise self._nothing_valid("all of its settings")
        return tickets

    def refuse(self, ticket: Ticket, reason: str) -> None:
        """Mark a trial whose setting the build function rejected; it does not count as a trial."""
        with self.storage.locked(), self.storage.guarded():
            if self._is_ours(ticket):
                self._refuse(ticket.trial, reason)

    def check_refusals(self) -> None:
        """Raise `InvalidArgument` if the build function rejected all of the last settings."""
        last = self.frozen()[-MOST_REFUSALS:]
        if len(last) == MOST_REFUSALS and all(trial.state.name == "FAIL" for trial in last):
            raise self._nothing_valid(f"{MOST_REFUSALS} settings in a row")

    def _nothing_valid(self, what: str) -> InvalidArgument:
        return InvalidArgument(
            f"the space seems to have no valid point: the build function rejected {what}. The last reason: "
            f"{self.space.refusal}"
        )

    def _take(self, others: int) -> Ticket | None:
        """Claim a stale trial, or a new one. Returns None if there are enough trials.

        others: number of trials claimed before for the same batch.
        """
        with self.storage.guarded():
            for orphan in self._orphans():
                ticket = self._adopt(orphan, others)
                if ticket is not None:
                    return ticket
            if self._in_state("WAITING"):
                return self._ask()
            if self._full():
                return None
            known = [trial.params for trial in self.study.get_trials(deepcopy=False)]
        chosen = None
        if len(known) < len(self._first):
            chosen = self._first[len(known)]
        elif self._sampler == "grid":
            chosen = self._next_point(known)
            if chosen is None:
                return None
        with self.storage.guarded():
            if chosen is not None:
                self.study.enqueue_trial(chosen)
            return self._ask()

    def _ask(self) -> Ticket:
        # Some versions of Optuna sample immediately, which must not happen under the lock.
        self.study.sampler = make_sampler("random", self._seed, 0)
        trial = self.study.ask()
        trial.set_user_attr(WORKER, self.worker.name)
        return self._ticket(trial._trial_id, trial.number)

    def _ticket(self, trial_id: int, number: int, **known: Any) -> Ticket:
        self.study.sampler = make_sampler(self._sampler, self._seed, number)
        # Optuna has no public function that returns the `Trial` of a RUNNING trial.
        trial = import_optuna().trial.Trial(self.study, trial_id)
        return Ticket(trial, self.storage.asked, **known)

    def _next_point(self, known: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
        """Return the next unclaimed point of the grid, None at its end."""
        try:
            # Every point is visited once, because known points stay known.
            return next((point for point, _ in self._points if point not in known), None)
        except BaseException:
            self._points = self.space.grid()  # an error ends the generator
            raise

    def _as_stored(self, setting: Mapping[str, Any]) -> dict[str, Any]:
        given = self.space.apart(setting)

        def look_up(name: str, domain: Domain) -> Any:
            value = given.get(name, domain.default)
            if not domain.contains(value):
                raise InvalidArgument(f"first: {name}={value!r} is not in {domain!r}")
            return value.item() if isinstance(value, np.generic) else value

        hp = HyperParameters(look_up)
        made = self.space.draw(hp)
        unknown = [name for name in setting if name not in made]
        if unknown:
            under = " under these conditions" if unknown[0] in (self.space.declared or hp.domains) else ""
            raise InvalidArgument(
                f"first: the space has no hyperparameter {unknown[0]!r}{under} in {dict(setting)!r}; leave it out"
            )
        return stored(hp)

    def _orphans(self) -> list[Any]:
        """Return the RUNNING trials of dead workers, those with the fewest crashes first."""
        notes = self.study.user_attrs
        found = []
        for trial in self._in_state("RUNNING"):
            owner = trial.user_attrs.get(WORKER)
            # Names are written under the lock, so a missing name means that the worker crashed.
            if not owner or (owner != self.worker.name and not is_alive(owner, notes)):
                found.append(trial)
        return sorted(found, key=deaths_of)

    def _adopt(self, frozen: Any, others: int) -> Ticket | None:
        deaths = deaths_of(frozen)
        company = self._company(deaths)
        if others >= company:
            return None
        if self._company(deaths - MOST_DEATHS) == 1:
            trial = import_optuna().trial.Trial(self.study, frozen._trial_id)
            self._refuse(
                trial,
                f"{deaths} workers died while training it, the last {MOST_DEATHS} while training it alone",
            )
            return None
        ticket = self._ticket(
            frozen._trial_id, frozen.number, company=company, reported=frozenset(frozen.intermediate_values)
        )
        ticket.trial.set_user_attr(WORKER, self.worker.name)
        ticket.trial.set_user_attr(DEATHS, deaths)
        return ticket

    def _company(self, deaths: int) -> float:
        """Return the maximum size of a batch with a trial that crashed this many workers."""
        return math.inf if self._batch is None or deaths < 0 else max(1, self._batch // _SHRINK**deaths)

    # --- results -------------------------------------------------------------------------------------------

    def report(self, ticket: Ticket, step: int, value: float) -> bool:
        """Store the value after `step` epochs; return whether to prune the trial."""
        with self.storage.guarded():  # no lock: members report from several threads
            if not self._is_ours(ticket):
                return True
            if step not in ticket.reported:
                ticket.trial.report(value, step)
            return bool(ticket.trial.should_prune())

    def finish(self, ticket: Ticket, value: float, pruned: bool = False, **notes: Any) -> None:
        """Store the result of a trial."""
        with self.storage.locked(), self.storage.guarded():
            if not self._is_ours(ticket):
                return
            for name, note in notes.items():
                ticket.trial.set_user_attr(name, note)
            state = trial_state("PRUNED") if pruned else None
            self.study.tell(ticket.trial, None if pruned else value, state)

    def release(self, tickets: Sequence[Ticket]) -> None:
        """Release unfinished trials, so that any worker can claim them."""
        with self.storage.locked():
            self._give_back(tickets)

    def frozen(self) -> list[Any]:
        """Return all trials of the study."""
        with self.storage.guarded():
            # A new study may have the name and even the id of a deleted one.
            if self._token_now() != self._token:
                raise StateError(
                    f"the study {self.study.study_name!r} in {self.storage.name} was deleted, probably by "
                    "overwrite=True; use a different name=... for every search"
                )
            return list(self.study.get_trials(deepcopy=False))

    def complete(self) -> list[Any]:
        """Return the complete trials with a finite value, or raise `StateError` if there are none."""
        found = self.finite()
        if not found:
            lost = self.lost()
            why = (
                f": {told_lost(lost)}. See `trials`, column 'reason'; NaN often means that the learning rates of the "
                "space are too large"
                if lost
                else "; see `trials`, column 'state', and continue the search"
            )
            raise StateError(f"no trial has a finite value yet{why}")
        return found

    def finite(self) -> list[Any]:
        """Return the complete trials with a finite value."""
        return [trial for trial in self._complete() if math.isfinite(trial.value)]

    def lost(self, own: bool = False) -> list[Any]:
        """Return the complete trials without a finite value. own: only those of this worker."""
        lost = [trial for trial in self._complete() if not math.isfinite(trial.value)]
        return [t for t in lost if t.user_attrs.get(WORKER) == self.worker.name] if own else lost

    def best(self) -> Any:
        """Return the best of the complete trials."""
        pick = min if self.objective.direction == "min" else max
        return pick(self.complete(), key=lambda trial: trial.value)

    def drawn(self, frozen: Any) -> tuple[HyperParameters, Setting]:
        """Return the hyperparameters of a finished trial, and its setting."""
        return self.restored(frozen.user_attrs.get(FINAL, frozen.params))

    def restored(self, values: Mapping[str, Any]) -> tuple[HyperParameters, Setting]:
        """Return the hyperparameters that the study stores as `values`, and their setting."""

        def look_up(name: str, domain: Any) -> Any:
            return domain.restored(values[name]) if name in values else domain.default

        hp = HyperParameters(look_up)
        return hp, self.space.draw(hp)

    def _is_ours(self, ticket: Ticket) -> bool:
        """Return whether this worker still owns a trial.

        Other workers take over after a long time without heartbeats, as when the computer was asleep. They train
        the same model.
        """
        return self.frozen()[ticket.number].user_attrs.get(WORKER) == self.worker.name

    def _give_back(self, tickets: Sequence[Ticket]) -> None:
        with self.storage.guarded():
            for ticket in filter(self._is_ours, tickets):
                ticket.trial.set_user_attr(WORKER, "")

    # --- internals -----------------------------------------------------------------------------------------

    def _refuse(self, trial: Any, reason: str) -> None:
        trial.set_user_attr(REASON, reason)
        self.study.tell(trial, state=trial_state("FAIL"))

    def _complete(self) -> list[Any]:
        return [trial for trial in self.frozen() if trial.state.name == "COMPLETE"]

    def _token_now(self) -> str | None:
        try:
            return self.study.user_attrs.get(TOKEN)
        except KeyError:  # the study was deleted
            return None

    def _in_state(self, name: str) -> list[Any]:
        return list(self.study.get_trials(deepcopy=False, states=(trial_state(name),)))

    def _begun(self) -> list[Any]:
        return [trial for trial in self.study.get_trials(deepcopy=False) if trial.state.name != "FAIL"]

    def _ended(self) -> list[Any]:
        return [trial for trial in self._begun() if trial.state.is_finished()]

    def _full(self) -> bool:
        return self.trials is not None and len(self._begun()) >= self.trials

    def _note(self, name: str, value: float) -> None:
        with self.storage.guarded():
            self.study.set_user_attr(name, value)


def _check_first(first: Any) -> list[Mapping[str, Any]]:
    if isinstance(first, Mapping) or not all(isinstance(setting, Mapping) for setting in first):
        raise InvalidArgument(f"first: expected a list of dicts of hyperparameters, got {first!r}")
    return list(first)
