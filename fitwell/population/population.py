"""`Population`: train many models together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from fitwell import random
from fitwell._history import History
from fitwell._param_validation import CallableRule, Integer, validate_param, validate_params
from fitwell._progress import ProgressReporter
from fitwell._typing import PyTree
from fitwell.callbacks.metric_mode import MODE
from fitwell.errors import InvalidArgument, NonFiniteWarning, warn
from fitwell.models import data_adapters
from fitwell.models.fit_options import FIT_RULES, FitOptions
from fitwell.models.interrupts import catch_keyboard_interrupt
from fitwell.models.model import Model
from fitwell.population import results_table, scheduling
from fitwell.population.ensemble import Ensemble, predict_all
from fitwell.population.fold_members import TrainedFolds, assign_folds, check_leakage
from fitwell.population.member_train_loop import Group
from fitwell.population.members import (
    Build,
    Setting,
    build_member,
    check_seeds,
    check_settings,
)
from fitwell.population.population_plots import PopulationPlots
from fitwell.population.population_run import PopulationRun
from fitwell.population.population_saving import BUILD, PopulationSaving
from fitwell.population.sampling import SampledSettings
from fitwell.population.shared_data import PopulationData

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["Population"]

_COUNT = Integer(1) | None


class Population(PopulationPlots, PopulationSaving):
    """Train models that differ in hyperparameters and seeds together.

    Every setting in `members` is built once for every seed. Models with the same structure share one
    compiled program even if their learning rates, penalties, dropout rates and other numbers differ, so an
    additional member costs only its arithmetic. The learning curve of a member equals that of a model that is
    built and fitted alone after ``utils.set_random_seed(seed)``, up to rounding.

    Args:
        build (Callable[[dict], Model]): Builds a compiled `Model` from a dict of hyperparameters.
        members (list[dict] | None): Settings to train: your own dicts, or the result of `grid` or `sample`.
            The dicts may have different keys; results are missing where a dict has no such key.
            Default: None, a single empty dict, for members that differ in the seed only.
        seeds (Sequence[int]): Different integers >= 0. Default: (0,).

    Attributes:
        members (list[Member]): One entry per setting, seed and fold, in the order of the rows of `results`.

    Raises:
        InvalidArgument: If a setting is not a dict of hyperparameters, if seeds repeat, or if `build` does
            not return a compiled model.

    Example:
        >>> import fitwell as fw
        >>> def build(setting):
        ...     layers = [fw.Input((8,)), fw.layers.Dense(30, activation="relu"), fw.layers.Dense(1)]
        ...     model = fw.Sequential(layers)
        ...     model.compile(loss="mse", optimizer=fw.optimizers.SGD(setting["learning_rate"]))
        ...     return model
        >>> population = fw.Population(build, fw.grid(learning_rate=[0.01, 0.1]), seeds=range(10))
        >>> len(population)
        20
        >>> population
        <Population of 20 members, 0 trained>

        ``population.fit(x, y, epochs=10, validation_split=0.2)`` trains them, ``population.results`` is a table
        with a row per member, and ``population.best()`` returns the best model.
    """

    @validate_params(build=BUILD)
    def __init__(
        self, build: Build, members: Sequence[Setting] | None = None, seeds: Sequence[int] = (0,)
    ) -> None:
        settings = [{}] if members is None else check_settings(members)
        numbers = check_seeds(seeds)
        self._log_scaled = members.log if isinstance(members, SampledSettings) else {}
        self.build = build
        self.members = [build_member(build, setting, seed) for setting in settings for seed in numbers]
        self._groups: list[Group] = []
        self._trained_folds: TrainedFolds | None = None

    # --- training ------------------------------------------------------------------------------------------

    @validate_params(FIT_RULES, epochs=Integer(0) | CallableRule("a function from a setting to one"))
    def fit(
        self,
        x: PyTree = None,
        y: PyTree = None,
        batch_size: int | None = None,
        epochs: int | Callable[[Setting], int] = 1,
        verbose: int | str = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: PyTree = None,
        shuffle: bool = True,
        class_weight: dict[Any, float] | None = None,
        sample_weight: PyTree = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        folds: Any = None,
        splits: Any = None,
    ) -> Population:
        """Train every member. A second call continues where each member stopped.

        A member whose loss is no longer finite stops with its last finite weights, and the others continue.
        Ctrl-C, or an error in a callback, stops the running members and keeps what they have learned; members
        that have not started stay unchanged.

        If JAX has several accelerators (``jax.local_devices()``), all of them train members. A member that is
        trained by itself gets the same bits on each of them; members under ``vmap`` form smaller groups, and
        are equal up to rounding. Wrap the call in ``with jax.default_device(device):`` to use one device.

        Args:
            x (Array | pytree): Training inputs, `[rows, ...]`. Arrays, not a generator.
            y (Array | pytree | None): Targets, `[rows, ...]`. Default: None.
            batch_size (int | None): Rows per step. Default: None, which means 32.
            epochs (int | Callable[[dict], int]): Number of epochs, or a function of the setting if the
                training length is a hyperparameter. Default: 1.
            verbose (int | str): ``"auto"``, 0 or 1, see `Model.fit`. Default: ``"auto"``.
            callbacks (list | Callable[[dict], list] | None): Templates; each member gets copies, so early
                stopping, best weights and learning rates are separate for each member. Or a function from
                a setting to a list, if arguments of callbacks are hyperparameters. Callbacks with batch hooks
                are not supported. Default: None.
            validation_split (float): Fraction of the rows to validate on, in [0, 1). Default: 0.
            validation_data (tuple | None): ``(x, y)`` or ``(x, y, sample_weight)``. Default: None.
            shuffle (bool): Whether to shuffle the rows in each epoch. Default: True.
            class_weight (dict | None): Weight of each class in the loss. Default: None.
            sample_weight (Array | None): Weight of each row in the loss, `[rows]`. Default: None.
            initial_epoch (int): Number of the first epoch, from 0. Default: 0.
            steps_per_epoch (int | None): Steps in an epoch. Default: None, all rows.
            validation_steps (int | None): Validation batches to use. Default: None, all rows.
            validation_batch_size (int | None): Rows per validation batch. Results do not depend on it.
                Default: None, chosen.
            validation_freq (int | Sequence[int]): Validate every n epochs, or after the listed epochs.
                Default: 1.
            folds (int | splitter | None): Cross-validation: number of folds, or a scikit-learn splitter. Each
                member becomes one member per fold, which trains on the rows of the other folds and validates
                on its own fold. Default: None.
            splits (list[tuple[Array, Array]] | None): Pairs of arrays of row indices ``(train, validation)`` to
                use instead of `folds`; the second may be empty. Default: None.

        Returns:
            Population: The population itself.

        Raises:
            InvalidArgument: If an argument is not valid, or if members share weights or files.
            StateError: If a trained population continues with other folds.
        """
        epochs_for = epochs if callable(epochs) else lambda setting: epochs
        for member in self.members:
            validate_param("fit", "epochs", epochs_for(dict(member.setting)), Integer(0))
        if x is None:
            raise InvalidArgument("fit: x is missing")
        data = PopulationData(
            x,
            y,
            sample_weight=sample_weight,
            class_weight=class_weight,
            validation_data=validation_data,
            validation_split=validation_split,
            folds=folds,
            splits=splits,
        )
        self._create_fold_members(data)
        options = FitOptions(
            batch_size=batch_size,
            verbose=0,
            shuffle=shuffle,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
        )
        run = PopulationRun(self.members, data, callbacks, epochs_for, options)
        progress = ProgressReporter(verbose, None, len(self.members))
        # Members with the same seed share one row order.
        with random.cache_permutations(), scheduling.async_compiler() as compile_ahead:
            self._groups = run.group_members(compile_ahead)
            try:
                self._train(run, progress)
            finally:
                for member in self.members:
                    member.model._session.verify_shared_executables()
        return self

    def _create_fold_members(self, data: PopulationData) -> None:
        """Replace each member with one member per fold on the first call with folds."""
        rows = data.rows_for(self.members[0].model)
        self.members = assign_folds(self.members, self.build, rows.folds)
        if any(member.status != "not trained" for member in self.members):
            check_leakage(self._trained_folds, rows.count, rows.folds)
        self._trained_folds = None if rows.folds is None else (rows.count, rows.folds)

    def _train(self, run: PopulationRun, progress: ProgressReporter) -> None:
        for member in self.members:
            member.mark_waiting()
        progress.epoch_begin(0)
        with catch_keyboard_interrupt() as interrupted:
            scheduling.run_groups(run.member_starts(), progress.update, interrupted)
        progress.epoch_end(0, results_table.best_so_far(self.members))
        progress.close()
        self._warn_nonfinite()
        if interrupted():
            raise KeyboardInterrupt

    def _warn_nonfinite(self) -> None:
        diverged = [member for member in self.members if member.status.startswith("NaN")]
        if diverged:
            first = diverged[0]
            warn(
                f"{len(diverged)} of {len(self.members)} members ended with a loss that is not finite, and have their "
                f"last finite weights: the first is {first.label} ({first.status}). See `results`, column 'status'.",
                NonFiniteWarning,
            )

    # --- results -------------------------------------------------------------------------------------------

    @property
    def results(self) -> pd.DataFrame:
        """A pandas table with one row per member: setting, seed, fold, epochs, status and metrics.

        Each metric has a column with its value after the last epoch and a column ``best_…`` with its best value
        in any epoch. The latter is left out if the direction of the metric is not known (``my_score``).
        `stopped_epoch` (from 0) is missing if no callback stopped the member.
        """
        return results_table.make_results(self.members)

    @property
    def history(self) -> list[History]:
        """The `History` of every member from the last `fit`."""
        return [member.history for member in self.members]

    def member(self, number: int) -> Model:
        """Return the model of one member.

        Args:
            number (int): Row of the member in `results`; negative numbers count from the end.

        Returns:
            Model: The model with its present weights.

        Raises:
            InvalidArgument: If there is no such member.
        """
        is_integer = isinstance(number, int | np.integer) and not isinstance(number, bool)
        if not is_integer or not -len(self.members) <= number < len(self.members):
            raise InvalidArgument(
                f"member: there are {len(self.members)} members, counted from 0, got {number!r}"
            )
        return self.members[number].model

    @validate_params(mode=MODE)
    def best(self, metric: str | None = None, mode: str = "auto") -> Model:
        """Return the model with the best value of a metric.

        The values compared belong to the present weights of the members: those of the epoch that early stopping
        restored, otherwise of the last epoch. With folds, this is the setting and seed with the best mean over
        the folds, and the model of its first fold; to train on all rows, fit a new ``build(setting)``.

        Args:
            metric (str | None): Name in the history. Default: None, which means ``"val_loss"``, or ``"loss"``
                without validation.
            mode (str): ``"min"``, ``"max"`` or ``"auto"``, which infers the direction of the metric.
                Default: ``"auto"``.

        Returns:
            Model: The best model.

        Raises:
            StateError: If the population is not trained, or if no member has a finite value.
            InvalidArgument: If there is no such metric, or if its direction cannot be inferred.
        """
        return self.members[results_table.rank_members(self.members, metric, mode)[0]].model

    @validate_params(top=_COUNT, mode=MODE)
    def ensemble(self, top: int | None = None, metric: str | None = None, mode: str = "auto") -> Ensemble:
        """Return the best members as one predictor.

        Args:
            top (int | None): Number of members. Default: None, all members.
            metric (str | None): Metric that ranks the members, see `best`. Default: None.
            mode (str): Direction of the metric, see `best`. Default: ``"auto"``.

        Returns:
            Ensemble: Predicts the mean and the standard deviation of the members.

        Raises:
            InvalidArgument: If `top` is larger than the population, or `metric` is given without `top`.
        """
        if top is None:
            if metric is not None:
                raise InvalidArgument("ensemble: metric ranks the members, so pass how many to use: top=...")
            return Ensemble([member.model for member in self.members])
        if top > len(self.members):
            raise InvalidArgument(f"ensemble: top={top} is more than the {len(self.members)} members")
        best = results_table.rank_members(self.members, metric, mode)[:top]
        return Ensemble([self.members[number].model for number in best])

    @validate_params(batch_size=_COUNT)
    def predict(self, x: PyTree, batch_size: int | None = None) -> PyTree:
        """Return the outputs of every member.

        Args:
            x (Array | pytree): Inputs, `[rows, ...]`.
            batch_size (int | None): Rows per step. Default: None, see `Model.predict`.

        Returns:
            Array | pytree: Outputs, `[members, rows, ...]`.

        Raises:
            InvalidArgument: If the outputs of the members have different shapes.
        """
        groups = [group.models for group in self._groups] or [[member.model] for member in self.members]
        outputs = predict_all(groups, x, batch_size)
        positions = {id(member.model): position for position, member in enumerate(self.members)}
        order = np.argsort([positions[id(model)] for group in groups for model in group])
        return jax.tree.map(lambda part: part[order], outputs)

    @validate_params(batch_size=_COUNT)
    def evaluate(
        self, x: PyTree, y: PyTree = None, batch_size: int | None = None, sample_weight: PyTree = None
    ) -> pd.DataFrame:
        """Return the loss and the metrics of each member.

        Args:
            x (Array | pytree): Inputs, `[rows, ...]`. Arrays, not a generator.
            y (Array | pytree | None): Targets, `[rows, ...]`. Default: None.
            batch_size (int | None): Rows per step. Default: None, see `Model.evaluate`.
            sample_weight (Array | None): Weight of each row, `[rows]`. Default: None.

        Returns:
            pandas.DataFrame: One row per member, with its setting, seed, fold, loss and metrics.

        Raises:
            InvalidArgument: If `x` is a generator.
        """
        if data_adapters.is_batch_iterable(x):
            raise InvalidArgument(
                "Population.evaluate: x must be arrays, not a generator: every member reads the rows, and the first "
                "one would exhaust a generator"
            )
        metrics = [
            member.model.evaluate(
                x, y, batch_size=batch_size, sample_weight=sample_weight, verbose=0, return_dict=True
            )
            for member in self.members
        ]
        return results_table.member_table(self.members, metrics)

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        trained = sum(member.status != "not trained" for member in self.members)
        return f"<Population of {len(self)} members, {trained} trained>"
