"""The study: which trials there are, who trains them, and what they came to.

Every trial that is RUNNING carries the name of its worker. Trials are taken only under the storage's lock, by
whoever finds that there are still some to begin, or that a worker has died and left some: a killed search
therefore goes on with the very trials that it was killed in, and no more trials begin than were asked for.
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

# A trial that so many workers died of while they trained nothing else (of memory, most likely) is given up.
MOST_DEATHS = 3
# After each death the batch that a trial may be part of is so many times smaller, until it is alone: workers also die
# of a batch too large, or are killed, and that is no fault of a trial.
_SHRINK = 8
# So many settings refused in a row mean that there is hardly a valid one.
MOST_REFUSALS = 100


@dataclass
class Ticket:
    """A trial that this worker has to train.

    guarded: `Storage.asked`, for drawing. company: in how large a batch it may be trained. setting: what its model
    is built from. reported: the steps that a worker before reported already. hp: what draws from the trial; values
    that a worker before drew are drawn again.
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
                    f"{name}: {domain!r} does not go together with what trials before drew it from, in the study "
                    f"{self.trial.study.study_name!r} ({error}). If build was changed since, give another name=..., or "
                    "overwrite=True to begin anew; if what may be chosen depends on other hyperparameters, call it "
                    "something else in each case"
                ) from error

        self.hp = HyperParameters(draw)

    @property
    def number(self) -> int:
        """The trial's number in the study."""
        return int(self.trial.number)


class OtherStudy(InvalidArgument):
    """The storage holds a study of that name which is another one; `what` says so, without what to do about it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}. Give another name=..., or overwrite=True to delete it and begin anew")
        self.what = what


class Ledger:
    """The study of one search, opened or made.

    terms: what must be equal for results to be comparable; a study that was begun with others is refused. None only
        reads a study that is there.
    trials: how many there shall be in all, of all workers and all calls; None for as many as there is time for.
    batch: how many are trained together; None where all are, so that none alone can be what a worker died of.
    first: settings to try before the sampler is asked.
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
                    f"the study {self.study.study_name!r} in {self.storage.name} was not made by fitwell"
                )
            self.study.set_user_attr(TERMS, terms)
            self.study.set_user_attr(TOKEN, secrets.token_hex(8))
            return
        differ = [name for name in {**begun, **terms} if begun.get(name) != terms.get(name)]
        if differ:
            told = "; ".join(f"{name}: {begun.get(name)!r} then, {terms.get(name)!r} now" for name in differ)
            raise OtherStudy(
                f"the study {self.study.study_name!r} in {self.storage.name} was begun differently, so its trials "
                f"cannot be compared with new ones ({told})"
            )

    def _check_objective(self) -> None:
        """Refuse to read a study that was judged by something else."""
        begun = (self.study.user_attrs.get(TERMS) or {}).get("objective")
        if begun is None:
            raise StateError(f"the study {self.study.study_name!r} in {self.storage.name} has not begun")
        if begun != self.objective.told:
            raise OtherStudy(
                f"the study {self.study.study_name!r} in {self.storage.name} was judged by {begun}, not by "
                f"{self.objective.told}"
            )

    # --- taking trials -------------------------------------------------------------------------------------

    def book(self, count: int) -> list[Ticket]:
        """Take up to `count` trials to train: those of dead workers first. None left: an empty list.

        Each is drawn outside the lock: a sampler, or the build function, may take longer than the others wait.
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
        except BaseException:  # an error of the build function, say: nobody will train these
            self.release(tickets)
            raise
        if refused == MOST_REFUSALS and not tickets:
            raise self._nothing_valid(f"{refused} settings in a row")
        if not tickets and not self._begun():
            raise self._nothing_valid("all of its settings")
        return tickets

    def refuse(self, ticket: Ticket, reason: str) -> None:
        """Note that the build function refused a setting; it does not count as a trial."""
        with self.storage.locked(), self.storage.guarded():
            if self._is_ours(ticket):
                self._refuse(ticket.trial, reason)

    def check_refusals(self) -> None:
        """Raise `InvalidArgument` when nothing but refusals has come of the last trials."""
        last = self.frozen()[-MOST_REFUSALS:]
        if len(last) == MOST_REFUSALS and all(trial.state.name == "FAIL" for trial in last):
            raise self._nothing_valid(f"{MOST_REFUSALS} settings in a row")

    def _nothing_valid(self, what: str) -> InvalidArgument:
        return InvalidArgument(
            f"the space seems to have no valid point: the build function refused {what}. The last time: "
            f"{self.space.refusal}"
        )

    def _take(self, others: int) -> Ticket | None:
        """Return a trial that was left, or else a new one; None when there shall be no more.

        others: how many trials it will be trained together with.
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
        # Some versions of Optuna draw at once, and that is not to be done under the lock.
        self.study.sampler = make_sampler("random", self._seed, 0)
        trial = self.study.ask()
        trial.set_user_attr(WORKER, self.worker.name)
        return self._ticket(trial._trial_id, trial.number)

    def _ticket(self, trial_id: int, number: int, **known: Any) -> Ticket:
        self.study.sampler = make_sampler(self._sampler, self._seed, number)
        # There is no public way from a trial that is RUNNING to one that can be reported to.
        trial = import_optuna().trial.Trial(self.study, trial_id)
        return Ticket(trial, self.storage.asked, **known)

    def _next_point(self, known: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
        """Return the next point of the grid that nobody has; None at its end."""
        try:
            # Every point is passed once: what is known stays known.
            return next((point for point, _ in self._points if point not in known), None)
        except BaseException:
            self._points = self.space.grid()  # a generator ends with an error
            raise

    def _as_stored(self, setting: Mapping[str, Any]) -> dict[str, Any]:
        given = self.space.apart(setting)

        def look_up(name: str, domain: Domain) -> Any:
            value = given.get(name, domain.default)
            if not domain.contains(value):
                raise InvalidArgument(f"first: {name}={value!r} cannot be drawn from {domain!r}")
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
        """Return the trials whose workers died, last those that most workers died of."""
        notes = self.study.user_attrs
        found = []
        for trial in self._in_state("RUNNING"):
            owner = trial.user_attrs.get(WORKER)
            # Under the lock nobody is just about to write the name, so without one the worker died before.
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
                trial, f"{deaths} workers died while they trained it, the last {MOST_DEATHS} it alone"
            )
            return None
        ticket = self._ticket(
            frozen._trial_id, frozen.number, company=company, reported=frozenset(frozen.intermediate_values)
        )
        ticket.trial.set_user_attr(WORKER, self.worker.name)
        ticket.trial.set_user_attr(DEATHS, deaths)
        return ticket

    def _company(self, deaths: int) -> float:
        """Return how many trials may be trained together with one that so many workers died of, itself included."""
        return math.inf if self._batch is None or deaths < 0 else max(1, self._batch // _SHRINK**deaths)

    # --- what came of them ---------------------------------------------------------------------------------

    def report(self, ticket: Ticket, step: int, value: float) -> bool:
        """Note the value after `step` epochs; return whether the pruner gives the trial up."""
        with self.storage.guarded():  # no lock: members report from several threads
            if not self._is_ours(ticket):
                return True
            if step not in ticket.reported:
                ticket.trial.report(value, step)
            return bool(ticket.trial.should_prune())

    def finish(self, ticket: Ticket, value: float, pruned: bool = False, **notes: Any) -> None:
        """Note the value of a trial, and whether it was given up early."""
        with self.storage.locked(), self.storage.guarded():
            if not self._is_ours(ticket):
                return
            for name, note in notes.items():
                ticket.trial.set_user_attr(name, note)
            state = trial_state("PRUNED") if pruned else None
            self.study.tell(ticket.trial, None if pruned else value, state)

    def release(self, tickets: Sequence[Ticket]) -> None:
        """Give trials back that were not trained to their end; somebody takes them up again."""
        with self.storage.locked():
            self._give_back(tickets)

    def frozen(self) -> list[Any]:
        """Return all trials as they are now."""
        with self.storage.guarded():
            # Where a study was deleted, the next one may have its place, and even its number.
            if self._token_now() != self._token:
                raise StateError(
                    f"the study {self.study.study_name!r} in {self.storage.name} was deleted, by overwrite=True most "
                    "likely, and its trials with it; give every search a name=... of its own"
                )
            return list(self.study.get_trials(deepcopy=False))

    def complete(self) -> list[Any]:
        """Return the complete trials with a finite value; raises `StateError` when there is none."""
        found = self.finite()
        if not found:
            lost = self.lost()
            why = (
                f": {told_lost(lost)}. See `trials`, column 'reason'; NaN often means that the rates of the space are "
                "too large"
                if lost
                else "; see `trials`, column 'state', and search on"
            )
            raise StateError(f"no trial has come to a finite value yet, so none is the best{why}")
        return found

    def finite(self) -> list[Any]:
        """Return the complete trials with a finite value."""
        return [trial for trial in self._complete() if math.isfinite(trial.value)]

    def lost(self, own: bool = False) -> list[Any]:
        """Return the trials that were trained and came to no finite value; `own`: those of this worker alone."""
        lost = [trial for trial in self._complete() if not math.isfinite(trial.value)]
        return [t for t in lost if t.user_attrs.get(WORKER) == self.worker.name] if own else lost

    def best(self) -> Any:
        """Return the best of the complete trials."""
        pick = min if self.objective.direction == "min" else max
        return pick(self.complete(), key=lambda trial: trial.value)

    def drawn(self, frozen: Any) -> tuple[HyperParameters, Setting]:
        """Return the hyperparameters of a finished trial, and what its model is built from."""
        return self.restored(frozen.user_attrs.get(FINAL, frozen.params))

    def restored(self, values: Mapping[str, Any]) -> tuple[HyperParameters, Setting]:
        """Return the hyperparameters that were written into the study as `values`, and the setting of them."""

        def look_up(name: str, domain: Any) -> Any:
            return domain.restored(values[name]) if name in values else domain.default

        hp = HyperParameters(look_up)
        return hp, self.space.draw(hp)

    def _is_ours(self, ticket: Ticket) -> bool:
        """Return whether a trial is still this worker's, which others take for dead after a long silence.

        A computer that was asleep wakes up to this. Whoever took the trial over trains the same model.
        """
        return self.frozen()[ticket.number].user_attrs.get(WORKER) == self.worker.name

    def _give_back(self, tickets: Sequence[Ticket]) -> None:
        with self.storage.guarded():
            for ticket in filter(self._is_ours, tickets):
                ticket.trial.set_user_attr(WORKER, "")

    # --- inside --------------------------------------------------------------------------------------------

    def _refuse(self, trial: Any, reason: str) -> None:
        trial.set_user_attr(REASON, reason)
        self.study.tell(trial, state=trial_state("FAIL"))

    def _complete(self) -> list[Any]:
        return [trial for trial in self.frozen() if trial.state.name == "COMPLETE"]

    def _token_now(self) -> str | None:
        try:
            return self.study.user_attrs.get(TOKEN)
        except KeyError:  # there is no study of this number any more
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
        raise InvalidArgument(f"first: expected a list of dicts, a setting each, got {first!r}")
    return list(first)
