"""`search`: hyperparameter search in batches of trials, each trained as one population."""

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

from fitwell._data.fingerprint import fingerprint
from fitwell._data.loaders import Batch
from fitwell._engine.devices import cpu_count
from fitwell._param_validation import FilePath, Identifier, Instance, Integer, ListOf, Real, validate_params
from fitwell.errors import InvalidArgument, NonFiniteWarning, did_you_mean, warn
from fitwell.models.data_adapters import is_batch_iterable
from fitwell.population import Population
from fitwell.tuner.domains import Domain, strip_addresses
from fitwell.tuner.objective import Objective, as_objective
from fitwell.tuner.optuna_utils import import_optuna
from fitwell.tuner.progress_table import VERBOSE, ProgressTable
from fitwell.tuner.samplers import check_sampler, make_pruner, rungs
from fitwell.tuner.scoring import best_common_epoch, best_per_curve
from fitwell.tuner.search_result import SearchResult
from fitwell.tuner.search_space import SearchSpace
from fitwell.tuner.storage import open_storage
from fitwell.tuner.study import SharedStudy, TrialHandle
from fitwell.tuner.trial_trainer import BatchOutcome, TrialTrainer
from fitwell.tuner.user_attrs import BEST_EPOCHS, SECONDS, VALUES, describe_diverged_trials

# Arguments of `Population.fit` that the search sets itself, or takes under the same name.
_SEARCH_ARGUMENTS = frozenset(
    {"self", "x", "y", "verbose", "initial_epoch", "epochs", "callbacks", "sample_weight"}
)
# Models per core in a batch: enough to keep the cores busy, few enough for the sampler to learn between batches.
_MODELS_PER_CORE = 4
# Under a time limit, a batch grows by at most this factor.
_MAX_BATCH_GROWTH = 4


class Search:
    """Search that can be run, interrupted and run again.

    Args:
        build, space, data, ...: The arguments of `search`.

    Attributes:
        objective (Objective): The metric that is optimized.
        trials (int | None): Number of trials in total, None if time is the only limit.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> def build(hp):
        ...     model = fw.Sequential([fw.Input((2,)), fw.layers.Dense(1)])
        ...     model.compile(fw.optimizers.SGD(hp.Float("learning_rate", 1e-3, 1e-1, log=True)), "mse")
        ...     return model
        >>> x = np.ones((20, 2), "float32")
        >>> run = fw.tuner.Search(
        ...     build, data=(x, x[:, :1]), trials=2, epochs=1, storage=":memory:", verbose=0
        ... )
        >>> len(run.run().trials)
        2
    """

    public_name = "search"
    # Whether a trial can be trained without the other trials of its batch.
    _trains_trials_independently = True
    # Additional settings that must be equal for trials to be comparable.
    _extra_config: Mapping[str, Any] = MappingProxyType({})

    @validate_params(
        trials=Integer(1) | None,
        minutes=Real(0, closed="right") | None,
        repeats=Integer(1),
        objective=Identifier(as_objective, optional=False),
        epochs=Integer(1),
        batch=Integer(1) | None,
        storage=FilePath() | None,
        first=ListOf(Instance(Mapping, "a dict of hyperparameters")),
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
        fit = _check_fit_arguments(fit)
        self.trials = _check_trials(trials, minutes, sampler)
        self._seconds = None if minutes is None else 60 * minutes
        seeds = range(seed, seed + repeats)
        x, y, weights = _check_data(data)
        if fit.get("splits") is not None:
            fit["splits"] = list(fit["splits"])  # the first batch would exhaust a generator
        self.objective = as_objective(objective)
        self._prunes = pruner is not None
        self._rungs = rungs(epochs)
        made = SearchSpace(build, space)
        self._trainer = TrialTrainer(
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
        self._progress = ProgressTable(verbose, self.objective, self.trials)
        self._shared_study = SharedStudy(
            open_storage(storage),
            name,
            made,
            self.objective,
            sampler=check_sampler(sampler),
            pruner=make_pruner(pruner, epochs),
            seed=seed,
            trials=self.trials,
            batch=self._batch if self._trains_trials_independently else None,
            first=first,
            overwrite=overwrite,
            config={
                "objective": self.objective.description,
                "epochs": epochs,
                "repeats": repeats,
                "seed": seed,
                "data": fingerprint(Batch(*map(_leaf_arrays, (x, y, weights)))),
                "space": None if made.domains is None else {k: repr(v) for k, v in made.domains.items()},
                "fit": {key: _config_value(value) for key, value in sorted(fit.items())},
                **self._extra_config,
            },
        )

    @property
    def result(self) -> SearchResult:
        """The trials so far, and the best of them."""
        return SearchResult(self._shared_study, self._trainer)

    def run(self) -> SearchResult:
        """Train trials until their number or the time limit is reached.

        Returns:
            SearchResult: The trials of the study, including those of earlier runs and of other workers.

        Raises:
            InvalidArgument: If `build` raises `InvalidSetting` for 100 settings in a row.
        """
        study = self._shared_study
        deadline = None if self._seconds is None else time.monotonic() + self._seconds
        handles: list[TrialHandle] = []
        each = math.inf
        with study.worker, self._progress:
            while deadline is None or time.monotonic() < deadline:
                began = time.monotonic()
                handles = study.claim_trials(self._next_batch_size(deadline, len(handles), each))
                if not handles:
                    break
                if self._train_batch(handles, deadline):
                    raise KeyboardInterrupt
                each = (time.monotonic() - began) / len(handles)
        self._report_results()
        return self.result

    def _report_results(self) -> None:
        """Warn about diverged trials, and print remarks on the search ranges."""
        lost = self._shared_study.diverged_trials(own=True)
        if lost:
            warn(f"search: {describe_diverged_trials(lost)}", NonFiniteWarning)
        self._progress.on_search_end(self.result.remarks())

    def _next_batch_size(self, deadline: float | None, last: int, each: float) -> int:
        """Return how many trials fit into the remaining time, given the seconds that each of the `last` ones took.

        Only the last batch counts, because the first batches also compile the programs.
        """
        if deadline is None:
            return self._batch
        if not last:
            # The duration of a trial is not known yet.
            return min(self._batch, max(1, cpu_count() // self._members))
        return max(1, min(self._batch, _MAX_BATCH_GROWTH * last, int((deadline - time.monotonic()) / each)))

    def _train_batch(self, handles: list[TrialHandle], deadline: float | None) -> bool:
        """Train a batch and store its results; return whether Ctrl-C was pressed."""
        study = self._shared_study
        began = time.monotonic()
        self._progress.on_batch_begin(len(handles) * self._members)
        unfinished = dict(enumerate(handles))
        try:
            batch = self._trainer.train(
                [handle.setting for handle in handles],
                (lambda at, step, value: study.report(handles[at], step, value)) if self._prunes else None,
                self._rungs,
                deadline,
                self._progress.on_member_end,
            )
            seconds = (time.monotonic() - began) / len(handles)
            for at, handle in enumerate(handles):
                if at in batch.infeasible:
                    study.mark_infeasible(handle, batch.infeasible[at])
                elif not self._record_trial(handle, at, batch, seconds):
                    continue
                del unfinished[at]
        finally:
            study.release(list(unfinished.values()))
        if batch.infeasible:
            study.check_infeasible()
        self._progress.on_batch_end(study.get_trials())
        return batch.interrupted and (deadline is None or time.monotonic() < deadline)

    def _record_trial(self, handle: TrialHandle, at: int, batch: BatchOutcome, seconds: float) -> bool:
        """Store the result of a trial; return False if the trial is not finished."""
        curves = batch.curves[at]
        notes: dict[str, Any] = {SECONDS: round(seconds, 3)}
        if at in batch.pruned:
            self._shared_study.finish(handle, math.nan, pruned=True, **notes)
            return True
        lost = [curve for curve in curves if curve.diverged]
        if lost:
            self._shared_study.finish(handle, self.objective.worst, reason=lost[0].status, **notes)
            return True
        if batch.interrupted and not all(curve.complete for curve in curves):
            return False
        found = (best_common_epoch if self._trainer.folds > 1 else best_per_curve)(curves, self.objective)
        if found is None:
            reason = f"{self.objective.name} was not finite in any epoch"
            self._shared_study.finish(handle, self.objective.worst, reason=reason, **notes)
            return True
        values, epochs = found
        notes |= {VALUES: values, BEST_EPOCHS: epochs}
        self._shared_study.finish(handle, sum(values) / len(values), **notes)
        return True


def search(
    build: Any, space: Mapping[str, Domain] | None = None, data: Any = None, **settings: Any
) -> SearchResult:
    """Find good hyperparameters.

    The search asks for a batch of trials at a time and trains it as one population, with the same seeds and the
    same rows, so that differences are due to the settings. A killed search continues where it stopped when it is
    called again, and several processes can share a search through its storage. The study is an ordinary Optuna
    study: ``optuna-dashboard sqlite:///search.db`` opens it.

    Args:
        build (Callable[[HyperParameters], Model] | Callable[[dict], Model]): Builds a compiled model. Without
            `space` it gets an `HyperParameters` object and calls methods such as
            ``hp.Float("learning_rate", 1e-4, 1e-1, log=True)``; with `space` it gets a dict. It may raise
            `InvalidSetting` to reject a setting, and another one is sampled.
        space (dict[str, Domain] | None): A `Float`, `Int`, `Choice`, `Boolean`, `Fixed` or `Several` for each
            name; ``when={...}`` makes a hyperparameter depend on the values of others. Default: None.
        data (tuple): ``(x, y)`` or ``(x, y, sample_weight)``, arrays of `[rows, ...]`.
        trials (int | None): Number of trials in total, including those in the storage. Default: None, which
            needs `minutes`, or means all points of a grid.
        minutes (float | None): Time limit; the next call resumes unfinished trials. Default: None.
        sampler (str): ``"tpe"`` (tree-structured Parzen estimator), ``"random"``, ``"grid"``, ``"gp"``
            (Gaussian process, for few and expensive trials; needs torch), ``"cmaes"`` (for many numerical
            hyperparameters), or ``"evolution"`` (crossover and mutation of the best). Default: ``"tpe"``.
        pruner (str | None): ``"hyperband"`` or ``"median"`` stops unpromising trials after 1, 3, 9, … epochs.
            Default: None.
        repeats (int): Seeds for each setting; the value of a trial is their mean. Default: 1.
        objective (str | Objective): Metric that decides, in its best epoch; with folds, in the epoch with
            the best mean over the folds. Any metric in the history, including those that callbacks log. A
            loss includes penalties: if the space varies these, add the plain loss as a metric and use that
            (``"val_mse"``). Default: ``"val_loss"``.
        epochs (int): Maximum epochs of a trial. Default: 100.
        callbacks (list | Callable[[dict], list] | None): See `Population.fit`. Default: None.
        batch (int | None): Trials that are trained together. Default: None, four models per CPU core.
        storage (str | Path | None): File for SQLite (``.db``), a ``.journal`` file, a ``postgresql://`` URL, or
            ``":memory:"``. Default: None, which means ``"search.db"``.
        name (str): Name of the study in the storage. Default: ``"search"``.
        overwrite (bool): Whether to delete an existing study of this name. Default: False.
        first (Sequence[dict]): Settings to try before the sampler is used. Default: ().
        seed (int): Seed of the sampler and of the first model. Default: 0.
        verbose (int | str): ``"auto"`` shows a table in a terminal, 1 also prints lines elsewhere, 0 is silent.
            Default: ``"auto"``.
        **settings: Other arguments of `Population.fit`, such as ``validation_data``, ``validation_split``,
            ``folds``, ``batch_size`` or ``class_weight``. Without validation arguments, 20 % of the rows are
            held out, stratified by class.

    Returns:
        SearchResult: The trials, and the best of them.

    Raises:
        InvalidArgument: If an argument is not valid, if the storage holds a study with other data or settings, or
            if `build` rejects 100 settings in a row.
        FileError: If the storage cannot be used.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> def build(setting):
        ...     model = fw.Sequential([fw.Input((2,)), fw.layers.Dense(1)])
        ...     model.compile(fw.optimizers.SGD(setting["learning_rate"]), "mse")
        ...     return model
        >>> space = {"learning_rate": fw.tuner.Float(1e-3, 1e-1, log=True)}
        >>> x = np.linspace(-1, 1, 40, dtype="float32").reshape(20, 2)
        >>> result = fw.search(
        ...     build, space, (x, x[:, :1]), trials=3, epochs=2, storage=":memory:", verbose=0
        ... )
        >>> list(result.best_params)
        ['learning_rate']
        >>> result.trials["state"].tolist()
        ['complete', 'complete', 'complete']

    Source: Optuna (Akiba et al. 2019).
    """
    return Search(build, space, data, **settings).run()


def _default_batch(members: int) -> int:
    return max(2, _MODELS_PER_CORE * cpu_count() // members)


def _check_trials(trials: int | None, minutes: float | None, sampler: str) -> int | None:
    if trials is None:
        if minutes is None and sampler != "grid":
            raise InvalidArgument("search: pass a limit: trials=50, or minutes=5, or both")
        return None
    return trials


def _check_data(data: Any) -> tuple[Any, Any, Any]:
    if not isinstance(data, tuple) or len(data) not in (2, 3):
        hint = "; leave space out with a keyword: search(build, data=(x, y))" if data is None else ""
        raise InvalidArgument(
            f"search: data must be a tuple (x, y) or (x, y, sample_weight), got {type(data).__name__}{hint}"
        )
    if is_batch_iterable(data[0]):
        raise InvalidArgument(
            "search: x must be arrays, not a generator, because every trial reads the rows again"
        )
    return data[0], data[1], data[2] if len(data) == 3 else None


def _leaf_arrays(data: Any) -> list[Any]:
    # A list of numbers, or of rows of numbers, is one array.
    leaves = jax.tree.leaves(data, is_leaf=lambda part: isinstance(part, list) and not _holds_arrays(part))
    return [np.asarray(leaf) for leaf in leaves]


def _holds_arrays(data: list[Any]) -> bool:
    return bool(data) and all(hasattr(part, "shape") and len(part.shape) > 0 for part in data)


def _check_fit_arguments(fit: dict[str, Any]) -> dict[str, Any]:
    known = [name for name in inspect.signature(Population.fit).parameters if name not in _SEARCH_ARGUMENTS]
    for name in fit:
        if name not in known:
            own = [name for name in inspect.signature(Search).parameters if name != "fit"]
            raise InvalidArgument(
                f"search: there is no argument {name!r}{did_you_mean(name, [*own, *known]) or '.'}"
            )
    return fit


def _config_value(value: Any) -> str:
    """Return a string that identifies the value of an argument in every process."""
    if value is None or isinstance(value, str | int | float):
        return repr(value)
    if isinstance(value, tuple | list | np.ndarray):
        return str(fingerprint(Batch(_leaf_arrays(value))))
    return strip_addresses(repr(value))  # such as a scikit-learn splitter, whose repr contains its settings
