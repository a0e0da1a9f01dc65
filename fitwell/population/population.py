"""`Population`, which trains many models together."""

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
from fitwell.errors import InvalidArgument, NonFiniteWarning, StateError, warn
from fitwell.models import data_adapters
from fitwell.models.fit_options import FIT_RULES, FitOptions
from fitwell.models.interrupts import catch_keyboard_interrupt
from fitwell.models.model import Model
from fitwell.population import results_table, scheduling
from fitwell.population.ensemble import Ensemble, average_out_of_fold, predict_all
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
    """A group of models with different hyperparameters and seeds that are trained together.

    One model is built for each combination of a setting in `members` and a seed. Models with the same structure
    share one compiled program even if their learning rates, penalties, dropout rates and other numbers differ, so
    an additional member costs only its own computation time. Up to rounding, a member's learning curve equals the
    learning curve of a model that is built and fitted alone after ``utils.set_random_seed(seed)``.

    Args:
        build (Callable[[dict], Model]): Function that builds a compiled `Model` from a dict of hyperparameters.
        members (list[dict] | None): Settings to train. Pass your own dicts, or the result of `grid` or `sample`.
            The dicts may have different keys. If a dict lacks a key that another dict has, the value is missing (NaN)
            in `results`.
            Default: None, which means a single empty dict, so that the members differ only in their seeds.
        seeds (Sequence[int]): Distinct integers >= 0. Default: (0,).

    Attributes:
        members (list[Member]): One entry per setting, seed and fold, in the same order as the rows of `results`.

    Raises:
        InvalidArgument: If a setting is not a dict of hyperparameters, if a seed occurs twice, or if `build` does
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

        ``population.fit(x, y, epochs=10, validation_split=0.2)`` trains the models, ``population.results`` is a
        table with one row per member, and ``population.best()`` returns the best model.
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

    @validate_params(
        FIT_RULES, epochs=Integer(0) | CallableRule("a function that maps a setting to an integer")
    )
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
        """Train all members. If you call `fit` again, each member continues where it stopped.

        If a member's loss becomes non-finite, the member stops with its last finite weights and the others continue.
        Ctrl-C or an error in a callback stops the running members, which keep their current weights. Members that
        have not started do not change.

        If JAX has more than one accelerator (``jax.local_devices()``), all of them train members. A member that is
        trained alone gives bit-identical results on each accelerator. Members under ``vmap`` form
        smaller groups if there are more accelerators, so their results depend on the number of accelerators, but only
        up to rounding. To use a single device, wrap the call in ``with jax.default_device(device):``.

        Args:
            x (Array | pytree): Training inputs, `[rows, ...]`: an array or a collection of arrays, not a generator.
            y (Array | pytree | None): Targets, `[rows, ...]`. Default: None.
            batch_size (int | None): Rows per step. Default: None, which means 32.
            epochs (int | Callable[[dict], int]): Number of epochs. If the number of epochs is a hyperparameter,
                pass a function that maps a setting to the number. Default: 1.
            verbose (int | str): ``"auto"``, 0 or 1, see `Model.fit`. Default: ``"auto"``.
            callbacks (list | Callable[[dict], list] | None): Callbacks, which are copied for each member, so early
                stopping, best weights and learning rates are separate for each member. If the callbacks depend on
                hyperparameters, pass a function that maps a setting to a list of callbacks. With `BackupAndRestore`,
                each member saves its checkpoints in a subfolder, and a killed population continues where it stopped:
                create it again and call `fit` with the same arguments. Members that were finished are not trained
                again. Callbacks with batch hooks are not supported. Default: None.
            validation_split (float): Fraction of the rows to validate on, in [0, 1). Default: 0.
            validation_data (tuple | None): ``(x, y)`` or ``(x, y, sample_weight)``. Default: None.
            shuffle (bool): Whether to shuffle the rows in each epoch. Default: True.
            class_weight (dict | None): Weight of each class in the loss. Default: None.
            sample_weight (Array | None): Weight of each row in the loss, `[rows]`. Default: None.
            initial_epoch (int): 0-based number of the first epoch. Default: 0.
            steps_per_epoch (int | None): Steps per epoch. Default: None, which means one pass over all rows.
            validation_steps (int | None): Number of validation batches. Default: None, which means all rows.
            validation_batch_size (int | None): Rows per validation batch. The results do not depend on it.
                Default: None, which means that it is chosen automatically.
            validation_freq (int | Sequence[int]): Interval between validations in epochs, or a list of the epochs
                after which to validate. Default: 1.
            folds (int | splitter | None): Number of cross-validation folds, or a scikit-learn splitter. Each
                member becomes one member per fold, which trains on the rows of the other folds and validates
                on its own fold. Default: None.
            splits (list[tuple[Array, Array]] | None): Pairs ``(train, validation)`` of row index arrays to
                use instead of `folds`. The second array may be empty. Default: None.

        Returns:
            Population: The population itself.

        Raises:
            InvalidArgument: If an argument is not valid, or if members share weights or files.
            StateError: If the population was already trained with different folds.
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
        run.delete_backups()
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
                f"{len(diverged)} of {len(self.members)} members stopped because of a non-finite loss. The last finite "
                f"weights are kept. The first such member is {first.label} ({first.status}). See the 'status' column "
                "of population.results.",
                NonFiniteWarning,
            )

    # --- results -------------------------------------------------------------------------------------------

    @property
    def results(self) -> pd.DataFrame:
        """A pandas table with one row per member, which contains its setting, seed, fold, epochs, status and metrics.

        Each metric has a column with its value after the last epoch, and a column ``best_…`` with its best value
        over all epochs. There is no ``best_…`` column if it is not known whether larger values are better, for
        example for a custom metric ``my_score``. `stopped_epoch` is 0-based, and is missing if no callback stopped
        the member.
        """
        return results_table.make_results(self.members)

    @property
    def history(self) -> list[History]:
        """A list with the `History` of each member's last `fit`."""
        return [member.history for member in self.members]

    def member(self, number: int) -> Model:
        """Return the model of one member.

        Args:
            number (int): Row of the member in `results`. Negative numbers count from the end.

        Returns:
            Model: The model with its current weights.

        Raises:
            InvalidArgument: If there is no such member.
        """
        is_integer = isinstance(number, int | np.integer) and not isinstance(number, bool)
        if not is_integer or not -len(self.members) <= number < len(self.members):
            raise InvalidArgument(
                f"member: expected an index from {-len(self.members)} to {len(self.members) - 1}, got {number!r}"
            )
        return self.members[number].model

    @validate_params(mode=MODE)
    def best(self, metric: str | None = None, mode: str = "auto") -> Model:
        """Return the model with the best value of a metric.

        Members are ranked by their current weights. These are the weights that early stopping restored, or the
        weights after the last epoch if none were restored. With folds, the setting and seed with the best mean over
        the folds win, and the model of their first fold is returned. To train the best setting on all rows, fit a
        new ``build(setting)``.

        Args:
            metric (str | None): Name of a metric in the history. Default: None, which means ``"val_loss"``, or
                ``"loss"`` if there is no validation.
            mode (str): ``"min"`` if smaller values are better, ``"max"`` if larger values are better, or ``"auto"``
                to infer this from the metric. Default: ``"auto"``.

        Returns:
            Model: The best model.

        Raises:
            StateError: If the population is not trained, or if no member has a finite value.
            InvalidArgument: If there is no such metric, or if `mode` cannot be inferred.
        """
        return self.members[results_table.rank_members(self.members, metric, mode)[0]].model

    @validate_params(top=_COUNT, mode=MODE)
    def ensemble(self, top: int | None = None, metric: str | None = None, mode: str = "auto") -> Ensemble:
        """Combine the best members into one predictor.

        Args:
            top (int | None): Number of members. Default: None, which means all members.
            metric (str | None): Metric by which the members are ranked, see `best`. Default: None.
            mode (str): Whether smaller or larger values are better, see `best`. Default: ``"auto"``.

        Returns:
            Ensemble: A predictor that returns the mean and the standard deviation of the members' outputs.

        Raises:
            InvalidArgument: If `top` is larger than the population, or `metric` is given without `top`.
        """
        if top is None:
            if metric is not None:
                raise InvalidArgument("ensemble: metric requires top=..., the number of best members to use")
            return Ensemble([member.model for member in self.members])
        if top > len(self.members):
            raise InvalidArgument(f"ensemble: top={top} exceeds the number of members, {len(self.members)}")
        best = results_table.rank_members(self.members, metric, mode)[:top]
        return Ensemble([self.members[number].model for number in best])

    @validate_params(batch_size=_COUNT)
    def predict(self, x: PyTree, batch_size: int | None = None) -> PyTree:
        """Return the outputs of all members.

        Args:
            x (Array | pytree): Inputs, `[rows, ...]`.
            batch_size (int | None): Rows per step, see `Model.predict`. Default: None.

        Returns:
            Array | pytree: Outputs, `[members, rows, ...]`.

        Raises:
            InvalidArgument: If the members' outputs have different shapes.
        """
        groups = [group.models for group in self._groups] or [[member.model] for member in self.members]
        outputs = predict_all(groups, x, batch_size)
        positions = {id(member.model): position for position, member in enumerate(self.members)}
        order = np.argsort([positions[id(model)] for group in groups for model in group])
        return jax.tree.map(lambda part: part[order], outputs)

    @validate_params(batch_size=_COUNT)
    def predict_out_of_fold(self, x: PyTree, batch_size: int | None = None) -> PyTree:
        """Predict each training row with the members that were validated on it.

        These members did not train on the row. The predictions are therefore as honest as predictions for new rows,
        except that early stopping and your choice of a setting have seen the scores. Use the predictions to calibrate
        probabilities, to choose thresholds, or to find wrong labels, without setting rows aside.

        Args:
            x (Array | pytree): The inputs that `fit` was called with, `[rows, ...]`.
            batch_size (int | None): Rows per step. Default: None, see `Model.predict`.

        Returns:
            Array | pytree: Outputs, `[settings * seeds, rows, ...]`, in the order of the members. If more than one
            fold validates on a row, the row's predictions are averaged. If no fold does, they are NaN.

        Raises:
            StateError: If the population was not trained with folds.
            InvalidArgument: If `x` has a different number of rows than the training data.

        Example:
            >>> import fitwell as fw
            >>> import numpy as np
            >>> def build(setting):
            ...     model = fw.Sequential([fw.Input((2,)), fw.layers.Dense(1)])
            ...     model.compile(loss="mse", optimizer="sgd")
            ...     return model
            >>> x, y = np.ones((6, 2)), np.ones(6)
            >>> population = fw.Population(build, seeds=range(4)).fit(x, y, folds=3, verbose=0)
            >>> population.predict_out_of_fold(x).shape
            (4, 6, 1)
        """
        if self._trained_folds is None:
            raise StateError(
                "predict_out_of_fold: the population was not trained with folds; pass folds=5 to fit"
            )
        num_rows, folds = self._trained_folds
        rows = {len(part) for part in jax.tree.leaves(x)}
        if rows != {num_rows}:
            raise InvalidArgument(
                f"predict_out_of_fold: x must have the {num_rows} rows that fit was called with, got {max(rows)}"
            )
        return average_out_of_fold([member.model for member in self.members], x, folds, batch_size)

    @validate_params(batch_size=_COUNT)
    def evaluate(
        self, x: PyTree, y: PyTree = None, batch_size: int | None = None, sample_weight: PyTree = None
    ) -> pd.DataFrame:
        """Compute each member's loss and metrics.

        Args:
            x (Array | pytree): Inputs, `[rows, ...]`: an array or a collection of arrays, not a generator.
            y (Array | pytree | None): Targets, `[rows, ...]`. Default: None.
            batch_size (int | None): Rows per step, see `Model.evaluate`. Default: None.
            sample_weight (Array | None): Weight of each row, `[rows]`. Default: None.

        Returns:
            pandas.DataFrame: One row per member, with its setting, seed, fold, loss and metrics.

        Raises:
            InvalidArgument: If `x` is a generator.
        """
        if data_adapters.is_batch_iterable(x):
            raise InvalidArgument(
                "Population.evaluate: x must be an array or a collection of arrays, not a generator, because the first "
                "member would exhaust the generator"
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
