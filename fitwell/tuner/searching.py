"""`search`: find good hyperparameters."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax
import numpy as np

from fitwell.arguments import Each, FilePath, Instance, Integer, Made, Real, checked
from fitwell.data.feeds import Batch
from fitwell.data.fingerprint import fingerprint
from fitwell.engine.devices import cores
from fitwell.errors import InvalidArgument, NonFiniteWarning, nearest, warn
from fitwell.models.packing import is_stream
from fitwell.population import Population
from fitwell.tuner.domains import Domain, lasting
from fitwell.tuner.ledger import Ledger, Ticket
from fitwell.tuner.live import VERBOSE, Live
from fitwell.tuner.notes import EPOCHS, SECONDS, VALUES, told_lost
from fitwell.tuner.objective import Objective, as_objective
from fitwell.tuner.optional import import_optuna
from fitwell.tuner.result import SearchResult
from fitwell.tuner.samplers import check_sampler, make_pruner, rungs
from fitwell.tuner.scoring import common_best, own_best
from fitwell.tuner.space import Space
from fitwell.tuner.storage import open_storage
from fitwell.tuner.training import Outcome, Trainer

# Arguments of `Population.fit` that a search decides by itself, or has under its own name.
_NOT_PASSED_ON = frozenset(
    {"self", "x", "y", "verbose", "initial_epoch", "epochs", "callbacks", "sample_weight"}
)
# Models of a batch per processor core: enough to keep the cores busy, few enough to learn from batch to batch.
_MODELS_PER_CORE = 4
# A batch under a time limit has at most so many times the trials of the one before.
_GROWTH = 4


class Search:
    """A search that can be run, interrupted, and run again; `search` says what the arguments mean."""

    public_name = "search"
    # Whether a trial can be trained without the others of its batch.
    _apart = True
    # What a kind of search adds to the terms under which trials can be compared.
    _own_terms: Mapping[str, Any] = MappingProxyType({})

    @checked(
        trials=Integer(1) | None,
        minutes=Real(0, closed="right") | None,
        repeats=Integer(1),
        objective=Made(as_objective, optional=False),
        epochs=Integer(1),
        batch=Integer(1) | None,
        storage=FilePath() | None,
        first=Each(Instance(Mapping, "a dict of hyperparameters")),
        seed=Integer(0),
        verbose=VERBOSE,
    )
    def __init__(
        self,
        build: Any,
        space: Mapping[str, Domain] | None = None,
        data: Any = None,
        *,
        trials: int | None = None,
        minutes: float | None = None,
        sampler: str = "tpe",
        pruner: str | None = None,
        repeats: int = 1,
        objective: str | Objective = "val_loss",
        epochs: int = 100,
        callbacks: Any = None,
        batch: int | None = None,
        storage: str | Path | None = None,
        name: str = "search",
        overwrite: bool = False,
        first: Sequence[Mapping[str, Any]] = (),
        seed: int = 0,
        verbose: int | str = "auto",
        **fit: Any,
    ) -> None:
        import_optuna()
        fit = _check_fit(fit)
        self.trials = _check_trials(trials, minutes, sampler)
        self._seconds = None if minutes is None else 60 * minutes
        seeds = range(seed, seed + repeats)
        x, y, weights = _check_data(data)
        if fit.get("splits") is not None:
            fit["splits"] = list(fit["splits"])  # a generator would be used up by the first batch
        self.objective = as_objective(objective)
        self._prunes = pruner is not None
        self._rungs = rungs(epochs)
        made = Space(build, space)
        self._trainer = Trainer(
            made,
            self.objective,
            seeds,
            x,
            y,
            sample_weight=weights,
            epochs=epochs,
            callbacks=callbacks,
            **fit,
        )
        self._members = len(seeds) * self._trainer.folds
        self._batch = _default_batch(self._members) if batch is None else batch
        self._live = Live(verbose, self.objective, self.trials)
        self._ledger = Ledger(
            open_storage(storage),
            name,
            made,
            self.objective,
            sampler=check_sampler(sampler),
            pruner=make_pruner(pruner, epochs),
            seed=seed,
            trials=self.trials,
            batch=self._batch if self._apart else None,
            first=first,
            overwrite=overwrite,
            terms={
                "objective": self.objective.told,
                "epochs": epochs,
                "repeats": repeats,
                "seed": seed,
                "data": fingerprint(Batch(*map(_arrays, (x, y, weights)))),
                "space": None if made.declared is None else {k: repr(v) for k, v in made.declared.items()},
                "fit": {key: _described(value) for key, value in sorted(fit.items())},
                **self._own_terms,
            },
        )

    @property
    def result(self) -> SearchResult:
        """What was found so far."""
        return SearchResult(self._ledger, self._trainer)

    def run(self) -> SearchResult:
        """Train trials until there are as many as asked for, or time is up."""
        ledger = self._ledger
        deadline = None if self._seconds is None else time.monotonic() + self._seconds
        tickets: list[Ticket] = []
        each = math.inf
        with ledger.worker, self._live:
            while deadline is None or time.monotonic() < deadline:
                began = time.monotonic()
                tickets = ledger.book(self._room(deadline, len(tickets), each))
                if not tickets:
                    break
                if self._train(tickets, deadline):
                    raise KeyboardInterrupt
                each = (time.monotonic() - began) / len(tickets)
        self._conclude()
        return self.result

    def _conclude(self) -> None:
        """Say what a user should know beside the best trial."""
        lost = self._ledger.lost(own=True)
        if lost:
            warn(f"search: {told_lost(lost)}", NonFiniteWarning)
        self._live.end(self.result.remarks())

    def _room(self, deadline: float | None, last: int, each: float) -> int:
        """Return for how many trials there is time, by the seconds that `each` of the `last` ones took.

        The last, because the first ones also compiled the programs that those after them run.
        """
        if deadline is None:
            return self._batch
        if not last:
            # Nobody knows yet how long one takes.
            return min(self._batch, max(1, cores() // self._members))
        return max(1, min(self._batch, _GROWTH * last, int((deadline - time.monotonic()) / each)))

    def _train(self, tickets: list[Ticket], deadline: float | None) -> bool:
        """Train a batch and write down what came of it; return whether somebody pressed Ctrl-C."""
        ledger = self._ledger
        began = time.monotonic()
        self._live.batch_begins(len(tickets) * self._members)
        open_tickets = dict(enumerate(tickets))
        try:
            batch = self._trainer.train(
                [ticket.setting for ticket in tickets],
                (lambda at, step, value: ledger.report(tickets[at], step, value)) if self._prunes else None,
                self._rungs,
                deadline,
                self._live.member_done,
            )
            seconds = (time.monotonic() - began) / len(tickets)
            for at, ticket in enumerate(tickets):
                if at in batch.refused:
                    ledger.refuse(ticket, batch.refused[at])
                elif not self._settle(ticket, at, batch, seconds):
                    continue
                del open_tickets[at]
        finally:
            ledger.release(list(open_tickets.values()))
        if batch.refused:
            ledger.check_refusals()
        self._live.batch_ends(ledger.frozen())
        return batch.interrupted and (deadline is None or time.monotonic() < deadline)

    def _settle(self, ticket: Ticket, at: int, batch: Outcome, seconds: float) -> bool:
        """Write down a trial that ended; return whether it did."""
        curves = batch.curves[at]
        notes: dict[str, Any] = {SECONDS: round(seconds, 3)}
        if at in batch.pruned:
            self._ledger.finish(ticket, math.nan, pruned=True, **notes)
            return True
        lost = [curve for curve in curves if curve.diverged]
        if lost:
            self._ledger.finish(ticket, self.objective.worst, reason=lost[0].status, **notes)
            return True
        if batch.interrupted and not all(curve.complete for curve in curves):
            return False
        found = (common_best if self._trainer.folds > 1 else own_best)(curves, self.objective)
        if found is None:
            reason = f"{self.objective.name} was finite in no epoch"
            self._ledger.finish(ticket, self.objective.worst, reason=reason, **notes)
            return True
        values, epochs = found
        notes |= {VALUES: values, EPOCHS: epochs}
        self._ledger.finish(ticket, sum(values) / len(values), **notes)
        return True


def search(
    build: Any, space: Mapping[str, Domain] | None = None, data: Any = None, **settings: Any
) -> SearchResult:
    """Find good hyperparameters; a killed search goes on where it was when it is called again.

    Whole batches of trials are asked for at once and trained as one population, under the same seeds and on the
    same rows, so that settings are compared and not luck.

    Parameters
    ----------
    build: a function from hyperparameters to a compiled model: from a dict when `space` names them, else from
        an `hp` that it asks: ``hp.Float("learning_rate", 1e-4, 1e-1, log=True)``. It may raise
        `InvalidSetting`; then another setting is drawn.
    space: a dict from names to `Float`, `Int`, `Choice`, `Boolean`, `Fixed` or `Several`; ``when={...}`` makes
        one exist only for some values of others.
    data: ``(x, y)`` or ``(x, y, sample_weight)``.
    trials: how many to train in all, those that the storage holds already included; for a grid all by default.
    minutes: stop after so long; trials that are not done then are taken up by the next call.
    sampler: ``"tpe"`` (tree-structured Parzen estimators, the default), ``"random"``, ``"grid"``, ``"gp"``
        (Gaussian process, for few and costly trials; needs torch), ``"cmaes"`` (for many numeric
        hyperparameters), ``"evolution"`` (descendants of the best: hyperparameters of two of them, moved a little).
    pruner: None, ``"hyperband"`` or ``"median"``: gives up trials that are behind after 1, 3, 9, … epochs.
    repeats: seeds that each setting is trained under; its value is the mean.
    objective: the metric that decides, in its best epoch (with folds: the one epoch at which they are best on
        average): ``"val_loss"``, any other in the history, also one that a callback puts into the logs, or an
        `Objective` with a direction. A loss contains
        the penalties: when the space varies these, name the loss among the metrics, too, and go by that
        (``"val_mse"``).
    epochs: the most epochs of a trial, 100. callbacks: as in `Population.fit`; each model gets its own copies.
    batch: trials that are asked for at once; by default four models for each processor core.
    storage: a file for SQLite, ``search.db`` by default, a ``.journal`` file, ``postgresql://…`` or ``":memory:"``.
        Any number of processes may run the same search on one storage: they share its trials.
    name: of the study in the storage. overwrite: delete it first.
    first: settings to try before the sampler is asked.
    seed: the same seed draws the same trials. verbose: ``"auto"`` shows a table in a terminal, 1 also lines
        elsewhere, 0 nothing.
    **settings: what else `Population.fit` takes: ``validation_data``, ``validation_split``, ``folds``,
        ``batch_size``, ``class_weight``, … Without a word about validation a fifth of the rows, drawn at random
        and by class in proportion, is kept for it.

    The study is an ordinary one of Optuna: its dashboard opens it (``optuna-dashboard sqlite:///search.db``).
    """
    return Search(build, space, data, **settings).run()


def _default_batch(members: int) -> int:
    return max(2, _MODELS_PER_CORE * cores() // members)


def _check_trials(trials: int | None, minutes: float | None, sampler: str) -> int | None:
    if trials is None:
        if minutes is None and sampler != "grid":
            raise InvalidArgument("search: say when to stop: trials=50, or minutes=5, or both")
        return None
    return trials


def _check_data(data: Any) -> tuple[Any, Any, Any]:
    if not isinstance(data, tuple) or len(data) not in (2, 3):
        hint = "; leave space out with a keyword: search(build, data=(x, y))" if data is None else ""
        raise InvalidArgument(
            f"search: data must be a tuple (x, y) or (x, y, sample_weight), got {type(data).__name__}{hint}"
        )
    if is_stream(data[0]):
        raise InvalidArgument(
            "search: every trial visits the rows anew, so x must be arrays, not a generator"
        )
    return data[0], data[1], data[2] if len(data) == 3 else None


def _arrays(data: Any) -> list[Any]:
    # A list of numbers, or of rows of them, is one array.
    leaves = jax.tree.leaves(data, is_leaf=lambda part: isinstance(part, list) and not _holds_arrays(part))
    return [np.asarray(leaf) for leaf in leaves]


def _holds_arrays(data: list[Any]) -> bool:
    return bool(data) and all(hasattr(part, "shape") and len(part.shape) > 0 for part in data)


def _check_fit(fit: dict[str, Any]) -> dict[str, Any]:
    known = [name for name in inspect.signature(Population.fit).parameters if name not in _NOT_PASSED_ON]
    for name in fit:
        if name not in known:
            own = [name for name in inspect.signature(Search).parameters if name != "fit"]
            raise InvalidArgument(
                f"search: there is no argument {name!r}{nearest(name, [*own, *known]) or '.'}"
            )
    return fit


def _described(value: Any) -> str:
    """Return what tells the values of an argument apart, from one process to the next."""
    if value is None or isinstance(value, str | int | float):
        return repr(value)
    if isinstance(value, tuple | list | np.ndarray):
        return str(fingerprint(Batch(_arrays(value))))
    return lasting(repr(value))  # a splitter of scikit-learn, say: its representation names its settings
