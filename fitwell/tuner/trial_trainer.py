"""A trainer that trains each batch of trials as one population."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from fitwell import random
from fitwell._callback import Callback
from fitwell._data.loaders import Batch, count_rows
from fitwell._data.splits import split_rows
from fitwell._typing import PyTree
from fitwell.callbacks.callback_list import flatten_callbacks, has_user_defined_hooks
from fitwell.callbacks.early_stopping import EarlyStopping
from fitwell.errors import NonFiniteWarning
from fitwell.models.compile_config import is_classification_loss
from fitwell.models.fit_data import FitData, pack_data
from fitwell.models.loss_comparability import RegularizerSet, regularizers_of, warn_if_regularizers_differ
from fitwell.models.model import Model
from fitwell.population import Population
from fitwell.population.folds import class_labels, make_folds
from fitwell.population.member_train_loop import is_function_of_setting
from fitwell.population.members import Member, Setting
from fitwell.tuner.batch_monitor import (
    TRIAL_INDEX,
    BatchMonitor,
    BatchOutcome,
    ReportFunction,
    stop_at_deadline,
)
from fitwell.tuner.hyperparameters import InvalidSetting
from fitwell.tuner.objective import Objective
from fitwell.tuner.scoring import LearningCurve
from fitwell.tuner.search_space import SearchSpace

__all__ = ["TrialRun", "TrialTrainer", "holdout_split"]


@dataclass
class TrialRun:
    """A training run that is going to be repeated."""

    setting: Setting
    seed: int
    epochs: int


class TrialTrainer:
    """A trainer for the trials of a search.

    Args:
        space: The search space.
        objective: The objective of the search.
        seeds: Seeds for the models of each setting. All trials use the same seeds, so that they differ only in
            their settings.
        x: Training inputs.
        y: Targets.
        **arguments: Other arguments of `Population.fit`.

    Attributes:
        folds: Number of members per setting and seed.
    """

    def __init__(
        self,
        space: SearchSpace,
        objective: Objective,
        seeds: Sequence[int],
        x: PyTree,
        y: PyTree,
        **arguments: Any,
    ) -> None:
        self.space = space
        self.objective = objective
        self.seeds = list(seeds)
        self.epochs = int(arguments["epochs"])
        self.folds = _count_folds(arguments, x)
        self._data = (x, y)
        self._arguments = arguments
        self._callbacks = arguments.pop("callbacks", None)
        self._example: Batch | None = None
        self._penalties: set[RegularizerSet] | None = set()

    def train(
        self,
        settings: Sequence[Setting],
        report: ReportFunction | None = None,
        rungs: Sequence[int] = (),
        deadline: float | None = None,
        on_member_end: Callable[[], None] = lambda: None,
    ) -> BatchOutcome:
        """Train a batch of models, with one trial per setting.

        Args:
            settings: The settings of the trials.
            report: Function that is called after each number of epochs in `rungs`, for the first member of each trial.
            rungs: Numbers of epochs after which a trial may be pruned.
            deadline: A time as returned by `time.monotonic`, or None if there is no time limit.
            on_member_end: Function that is called when the training of a member has ended.

        Returns:
            The results. Their attribute `interrupted` is True if Ctrl-C or the deadline ended the training.
        """
        batch = BatchOutcome([[] for _ in settings])
        population = self.build_population(settings, batch)
        if population is None:
            return batch
        self._check_penalties(population)
        monitor = BatchMonitor(population, batch, self.objective, report, rungs, on_member_end)

        def callbacks(member_setting: Setting) -> list[Callback]:
            return [*self._callbacks_of(settings[member_setting[TRIAL_INDEX]]), monitor.callback()]

        with stop_at_deadline(deadline, population) as late:
            try:
                self.fit(population, callbacks=callbacks)
            except KeyboardInterrupt:
                batch.interrupted = True
        batch.interrupted |= late.is_set()
        for member in population.members:
            name, history = self.objective.name, member.history
            curve = LearningCurve(
                history.history.get(name, []), history.epochs_of(name), member.seed, member.status
            )
            batch.curves[member.setting[TRIAL_INDEX]].append(curve)
        return batch

    def retrain(self, runs: Sequence[TrialRun], all_rows: bool) -> list[Model]:
        """Repeat training runs, and return their models.

        Args:
            runs: The runs to repeat.
            all_rows: Whether to train on all rows, as is done after cross-validation. If False, the runs give the
                same numbers as before, and the weights of the best epochs are restored.
        """
        changed: dict[str, Any] = {"folds": None, "splits": None} if all_rows else {}
        models: dict[int, Model] = {}
        for seed in dict.fromkeys(run.seed for run in runs):
            member_settings = [{TRIAL_INDEX: index} for index, run in enumerate(runs) if run.seed == seed]
            population = Population(
                lambda member_setting: self.space.build(runs[member_setting[TRIAL_INDEX]].setting),
                member_settings,
                seeds=[seed],
            )
            self._prepare(population.members[0])
            self.fit(
                population,
                epochs=lambda member_setting: runs[member_setting[TRIAL_INDEX]].epochs,
                callbacks=lambda member_setting: self._retrain_callbacks(
                    runs[member_setting[TRIAL_INDEX]], all_rows
                ),
                **changed,
            )
            models |= {member.setting[TRIAL_INDEX]: member.model for member in population.members}
        return [models[index] for index in range(len(runs))]

    def _retrain_callbacks(self, run: TrialRun, all_rows: bool) -> list[Callback]:
        own = self._callbacks_of(run.setting)
        if all_rows:
            return [callback for callback in own if getattr(callback, "monitor", "")[:4] != "val_"]
        # This callback never stops the run, but it restores the best weights at the end.
        keeps = EarlyStopping(
            self.objective.name,
            mode=self.objective.direction,
            patience=self.epochs,
            restore_best_weights=True,
        )
        return [*own, keeps]

    @property
    def has_validation(self) -> bool:
        """Whether the search has validation rows."""
        return any(
            self._arguments.get(name) is not None and self._arguments.get(name) != 0.0
            for name in ("validation_data", "validation_split", "folds", "splits")
        )

    def fit(self, population: Population, **changed: Any) -> None:
        """Call `Population.fit` with the search's data and arguments. Arguments in `changed` take precedence."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NonFiniteWarning)  # the search warns once about its trials
            population.fit(*self._data, **{**self._arguments, "verbose": 0, **changed})

    def build_population(self, settings: Sequence[Setting], batch: BatchOutcome) -> Population | None:
        """Build the members of all settings that the build function accepts.

        Rejected settings are recorded in `batch`. If every setting is rejected, the result is None.
        """
        while True:
            index = 0

            def build(member_setting: Setting) -> Model:
                nonlocal index
                index = member_setting[TRIAL_INDEX]
                return self.space.build(settings[index])

            member_settings = [
                {TRIAL_INDEX: number} for number in range(len(settings)) if number not in batch.infeasible
            ]
            if not member_settings:
                return None
            try:
                population = Population(build, member_settings, self.seeds)
                self._prepare(population.members[0])
                return population
            except InvalidSetting as error:
                batch.infeasible[index] = str(error)

    def _check_penalties(self, population: Population) -> None:
        if self._penalties is not None:
            self._penalties |= {regularizers_of(member.model) for member in population.members}
            if warn_if_regularizers_differ(self._penalties, self.objective.name, "search"):
                self._penalties = None  # warn once

    def initialize_weights(self, member: Member) -> None:
        """Create the weights of a model that has none yet, with the initial values that `fit` would use."""
        assert self._example is not None
        with random.use_seed_generator(member.stream):
            member.model._session.get_program(self._example)

    def _callbacks_of(self, setting: Setting) -> list[Callback]:
        callbacks = self._callbacks
        return flatten_callbacks(callbacks(dict(setting)) if is_function_of_setting(callbacks) else callbacks)

    def _prepare(self, member: Member) -> None:
        """Split the rows once for all trials, and check that the objective is measured."""
        if self._example is not None:
            return
        model = member.model
        data = pack_data(model, *self._data, None, learning=True)
        if not self.has_validation and self.objective.name.startswith("val_"):
            self._arguments["splits"] = [holdout_split(data, is_classification_loss(model.loss))]
        elif self._arguments.get("folds") is not None:
            # Store the splits, because a splitter without a seed would split the rows differently for each batch.
            assert data.batch is not None
            folds_and_splits = self._arguments.pop("folds"), self._arguments.get("splits")
            folds = make_folds(*folds_and_splits, data.batch, is_classification_loss(model.loss))
            self._arguments["splits"] = [(fold.train, fold.validation) for fold in folds]
        self._example = data.example
        self.initialize_weights(member)
        if not self._may_log():
            names = model._session.program.result_names()
            self.objective.check_measured(
                names + [f"val_{name}" for name in names] if self.has_validation else names
            )

    def _may_log(self) -> bool:
        """Return whether the callbacks may log additional values during training."""
        callbacks = self._callbacks
        return is_function_of_setting(callbacks) or any(
            map(has_user_defined_hooks, flatten_callbacks(callbacks))
        )


def _count_folds(arguments: Mapping[str, Any], x: PyTree) -> int:
    folds: Any = arguments.get("folds")
    if arguments.get("splits") is not None:
        return len(arguments["splits"])
    if hasattr(folds, "get_n_splits"):
        return int(folds.get_n_splits(np.asarray(jax.tree.leaves(x)[0])))
    # Other values raise an error when the rows are split.
    return int(folds) if isinstance(folds, int | np.integer) else 1


def holdout_split(data: FitData, by_class: bool) -> tuple[Any, Any]:
    """Hold out 20 % of the rows for validation, and return the training and validation row indices.

    Args:
        data: The training data.
        by_class: Whether to stratify the rows by class.
    """
    assert data.batch is not None
    targets = data.batch.y or []
    labels = class_labels(targets[0]) if by_class and len(targets) == 1 else None
    split = split_rows(count_rows(data.batch), classes=labels, test=0)
    return split.train, split.validation
