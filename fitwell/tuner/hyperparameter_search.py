"""Hyperparameter search that trains each batch of trials as one population."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fitwell._engine.devices import cpu_count
from fitwell._param_validation import FilePath, Identifier, Instance, Integer, ListOf, Real, validate_params
from fitwell.errors import NonFiniteWarning, warn
from fitwell.tuner.batch_monitor import BatchOutcome
from fitwell.tuner.domains import Domain
from fitwell.tuner.objective import Objective, as_objective
from fitwell.tuner.optuna_utils import import_optuna
from fitwell.tuner.progress_table import VERBOSE, ProgressTable
from fitwell.tuner.pruners import make_pruner, rungs
from fitwell.tuner.samplers import check_sampler
from fitwell.tuner.scoring import best_common_epoch, best_per_curve
from fitwell.tuner.search_config import check_data, check_fit_arguments, check_trials, study_config
from fitwell.tuner.search_result import SearchResult
from fitwell.tuner.search_space import SearchSpace
from fitwell.tuner.storage import open_storage
from fitwell.tuner.study import SharedStudy
from fitwell.tuner.trial_handle import TrialHandle
from fitwell.tuner.trial_trainer import TrialTrainer
from fitwell.tuner.user_attrs import BEST_EPOCHS, SECONDS, VALUES, describe_diverged_trials

__all__ = ["Search", "search"]

# Models per CPU core in a batch. This is enough to keep the cores busy, but few enough for the sampler to learn between
# batches.
_MODELS_PER_CORE = 4
# Under a time limit, a batch grows by at most this factor.
_MAX_BATCH_GROWTH = 4


class Search:
    """A hyperparameter search that can be interrupted and continued by calling `run` again.

    Args:
        build, space, data, ...: The same arguments as for `fitwell.search`.

    Attributes:
        objective (Objective): The metric that is optimized.
        trials (int | None): Total number of trials, or None if it is not limited.

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
    # Additional settings that must match for trials to be comparable.
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
        check_fit_arguments(fit, inspect.signature(Search))
        self.trials = check_trials(trials, minutes, sampler)
        self._seconds = None if minutes is None else 60 * minutes
        self.objective = as_objective(objective)
        self._prunes = pruner is not None
        self._rungs = rungs(epochs)
        data = check_data(data)
        if fit.get("splits") is not None:
            fit["splits"] = list(fit["splits"])  # the first batch would exhaust a generator
        search_space = SearchSpace(build, space)
        seeds = range(seed, seed + repeats)
        arguments = {"sample_weight": data[2], "epochs": epochs, "callbacks": callbacks, **fit}
        self._trainer = TrialTrainer(search_space, self.objective, seeds, data[0], data[1], **arguments)
        self._members = len(seeds) * self._trainer.folds
        self._batch = _default_batch(self._members) if batch is None else batch
        self._progress = ProgressTable(verbose, self.objective, self.trials)
        self._shared_study = SharedStudy(
            open_storage(storage),
            name,
            search_space,
            self.objective,
            sampler=check_sampler(sampler),
            pruner=make_pruner(pruner, epochs),
            seed=seed,
            trials=self.trials,
            batch=self._batch if self._trains_trials_independently else None,
            first=first,
            overwrite=overwrite,
            config={
                **study_config(self.objective, search_space, data, epochs, repeats, seed, fit),
                **self._extra_config,
            },
        )

    @property
    def result(self) -> SearchResult:
        """The results so far, including all trials and the best one."""
        return SearchResult(self._shared_study, self._trainer)

    def run(self) -> SearchResult:
        """Run trials until the number of trials or the time limit is reached.

        Returns:
            SearchResult: The trials of the study, including trials from earlier runs and from other workers.

        Raises:
            InvalidArgument: If `build` raises `InvalidSetting` for 100 settings in a row.
        """
        study = self._shared_study
        deadline = None if self._seconds is None else time.monotonic() + self._seconds
        handles: list[TrialHandle] = []
        seconds_per_trial = math.inf
        with study.worker, self._progress:
            while deadline is None or time.monotonic() < deadline:
                start = time.monotonic()
                handles = study.claim_trials(self._next_batch_size(deadline, len(handles), seconds_per_trial))
                if not handles:
                    break
                if self._train_batch(handles, deadline):
                    raise KeyboardInterrupt
                seconds_per_trial = (time.monotonic() - start) / len(handles)
        self._report_results()
        return self.result

    def _report_results(self) -> None:
        """Warn about diverged trials, and print remarks about the search ranges."""
        diverged = self._shared_study.own_diverged_trials()
        if diverged:
            warn(f"search: {describe_diverged_trials(diverged)}", NonFiniteWarning)
        self._progress.on_search_end(self.result.remarks())

    def _next_batch_size(self, deadline: float | None, last: int, seconds_per_trial: float) -> int:
        """Return the size of the next batch, chosen so that the batch fits into the remaining time.

        Args:
            deadline: A time as returned by `time.monotonic`, or None if there is no time limit.
            last: Number of trials in the last batch, or 0 if there has been none.
            seconds_per_trial: Seconds that a trial took in the last batch. Earlier batches are ignored, because they
                may have been slowed down by compilation.
        """
        if deadline is None:
            return self._batch
        if not last:
            # The duration of a trial is not known yet.
            return min(self._batch, max(1, cpu_count() // self._members))
        affordable = int((deadline - time.monotonic()) / seconds_per_trial)
        return max(1, min(self._batch, _MAX_BATCH_GROWTH * last, affordable))

    def _train_batch(self, handles: list[TrialHandle], deadline: float | None) -> bool:
        """Train the models of a batch of trials, store the results, and return whether Ctrl-C was pressed."""
        study = self._shared_study
        start = time.monotonic()
        self._progress.on_batch_begin(len(handles) * self._members)
        unfinished = dict(enumerate(handles))
        try:
            batch = self._trainer.train(
                [handle.setting for handle in handles],
                (lambda index, step, value: study.report(handles[index], step, value))
                if self._prunes
                else None,
                self._rungs,
                deadline,
                self._progress.on_member_end,
            )
            seconds = (time.monotonic() - start) / len(handles)
            for index, handle in enumerate(handles):
                if index in batch.infeasible:
                    study.mark_infeasible(handle, batch.infeasible[index])
                elif not self._record_trial(handle, index, batch, seconds):
                    continue
                del unfinished[index]
        finally:
            study.release(list(unfinished.values()))
        if batch.infeasible:
            study.check_infeasible()
        self._progress.on_batch_end(study.get_trials())
        return batch.interrupted and (deadline is None or time.monotonic() < deadline)

    def _record_trial(self, handle: TrialHandle, index: int, batch: BatchOutcome, seconds: float) -> bool:
        """Store a trial's result and return True, or return False if the trial is not finished."""
        curves = batch.curves[index]
        attributes: dict[str, Any] = {SECONDS: round(seconds, 3)}
        if index in batch.pruned:
            self._shared_study.finish(handle, math.nan, pruned=True, **attributes)
            return True
        diverged = [curve for curve in curves if curve.diverged]
        if diverged:
            self._shared_study.finish(handle, self.objective.worst, reason=diverged[0].status, **attributes)
            return True
        if batch.interrupted and not all(curve.complete for curve in curves):
            return False
        score = (best_common_epoch if self._trainer.folds > 1 else best_per_curve)(curves, self.objective)
        if score is None:
            reason = f"{self.objective.name} was not finite in any epoch"
            self._shared_study.finish(handle, self.objective.worst, reason=reason, **attributes)
            return True
        values, epochs = score
        attributes |= {VALUES: values, BEST_EPOCHS: epochs}
        self._shared_study.finish(handle, sum(values) / len(values), **attributes)
        return True


def search(
    build: Any, space: Mapping[str, Domain] | None = None, data: Any = None, **settings: Any
) -> SearchResult:
    """Find good hyperparameters.

    The search samples a batch of trials and trains it as one population. All trials use the same seeds and the same
    rows, so that only the settings make a difference. If a search is killed, repeat the same call to continue where it
    stopped. Multiple processes can share a search through its storage. The study is an ordinary Optuna study, which you
    can open with ``optuna-dashboard sqlite:///search.db``.

    Args:
        build (Callable[[HyperParameters], Model] | Callable[[dict], Model]): Function that builds a compiled model.
            Without `space`, it receives a `HyperParameters` object and calls methods such as
            ``hp.Float("learning_rate", 1e-4, 1e-1, log=True)``. With `space`, it receives a dict. It can reject a
            setting by raising `InvalidSetting`; the search then samples another one.
        space (dict[str, Domain] | None): Dict that maps the name of each hyperparameter to a `Float`, `Int`, `Choice`,
            `Boolean`, `Fixed` or `List`. With ``when={...}``, a hyperparameter depends on the values of others.
            Default: None, which means that `build` defines the hyperparameters.
        data (tuple): ``(x, y)`` or ``(x, y, sample_weight)``, with arrays of shape `[rows, ...]`.
        trials (int | None): Total number of trials, including trials that are already in the storage. Default: None,
            which means no limit, so `minutes` is required unless `sampler` is ``"grid"``.
        minutes (float | None): Time limit in minutes. The next call resumes unfinished trials. Default: None, which
            means no limit.
        sampler (str): ``"tpe"`` (tree-structured Parzen estimator), ``"random"``, ``"grid"``, ``"gp"``
            (Gaussian process, for a few expensive trials; requires torch), ``"cmaes"`` (for many numerical
            hyperparameters), or ``"evolution"`` (crossover and mutation of the best trials). Default: ``"tpe"``.
        pruner (str | None): ``"hyperband"`` or ``"median"`` stops unpromising trials after 1, 3, 9, … epochs.
            Default: None, which stops no trials.
        repeats (int): Number of seeds for each setting. The value of a trial is the mean over its seeds. Default: 1.
        objective (str | Objective): Metric to optimize. It can be any metric in the history, including metrics that
            callbacks log. The value of a trial is the metric in its best epoch or, with folds, in the epoch with the
            best mean over the folds. A loss includes regularization penalties. If the search varies the penalties, add
            the plain loss as a metric, and use this metric as the objective (such as ``"val_mse"``). Default:
            ``"val_loss"``.
        epochs (int): Maximum number of epochs per trial. Default: 100.
        callbacks (list | Callable[[dict], list] | None): See `Population.fit`. Default: None.
        batch (int | None): Number of trials that are trained together. Default: None, which means four models per CPU
            core.
        storage (str | Path | None): SQLite file (``.db``), journal file (``.journal``), ``postgresql://`` URL, or
            ``":memory:"``. Default: None, which means ``"search.db"``.
        name (str): Name of the study in the storage. Default: ``"search"``.
        overwrite (bool): Whether to delete an existing study with this name. Default: False.
        first (Sequence[dict]): Settings to try before the sampler is used. Default: ().
        seed (int): Seed for the sampler and for the first model. Default: 0.
        verbose (int | str): ``"auto"`` and 1 show a table if the output is a terminal. Otherwise, 1 prints one line per
            batch, and ``"auto"`` prints nothing. 0 is silent. Default: ``"auto"``.
        **settings: Other arguments of `Population.fit`, such as ``validation_data``, ``validation_split``,
            ``folds``, ``batch_size`` or ``class_weight``. Without validation arguments, 20 % of the rows are held out
            if the objective is a validation metric. For classification, the split is stratified by class.

    Returns:
        SearchResult: The results, including all trials and the best one.

    Raises:
        InvalidArgument: If an argument is invalid, if the storage contains a study with the same name but different
            data or settings, or if `build` rejects 100 settings in a row.
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
