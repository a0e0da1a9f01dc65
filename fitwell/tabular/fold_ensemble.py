"""`FoldEnsemble`, which trains one network for each cross-validation fold, seed and set of hyperparameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell import layers
from fitwell._progress import format_seconds, print_message
from fitwell._typing import NumpyArray
from fitwell.callbacks import BackupAndRestore, Callback, EarlyStopping
from fitwell.models import Model
from fitwell.population import Ensemble, Population
from fitwell.population.members import Member, Setting
from fitwell.tabular.balanced_folds import make_balanced_folds
from fitwell.tabular.ensemble_selection import prediction_loss, select_ensemble
from fitwell.tabular.network import TabularNetwork, Task, sample_network

__all__ = ["FoldEnsemble", "TableArrays"]

Splits = list[tuple[NDArray[np.int64], NDArray[np.int64]]]

_PREDICT_BATCH_SIZE = 256
# A network stops if its validation loss has not improved for this share of its epochs. On twelve tables, this saved
# 23 % of the epochs, and no network missed its best epoch. With 0.3, the loss was 4 % higher.
PATIENCE = 0.5
CHECKPOINT_INTERVAL = "10 seconds"
# A table with fewer rows is not divided into folds.
MIN_ROWS_FOR_FOLDS = 10


@dataclass(frozen=True)
class TableArrays:
    """A table as arrays, ready for training.

    Attributes:
        x: Inputs, ``[rows, features]``, float32. Numeric inputs are scaled.
        y: Standardized targets ``[rows, outputs]`` for regression, float32 labels ``[rows, 1]`` for a binary task, or
            int32 class indices ``[rows]`` for a multiclass task.
        numeric: Indices of the inputs that are numbers.
        task: ``"regression"``, ``"binary"`` or ``"multiclass"``.
        num_outputs: Number of outputs of the network.
        sample_weight: Weight of each row, or None.
    """

    x: NDArray[np.float32]
    y: NumpyArray
    numeric: list[int]
    task: Task
    num_outputs: int
    sample_weight: NDArray[np.float32] | None = None

    @property
    def stratify(self) -> NumpyArray:
        """The values by which the folds are stratified: class indices, labels, or the first output's targets."""
        return self.y if self.y.ndim == 1 else self.y[:, 0]


class FoldEnsemble:
    """An ensemble of networks, one for each set of hyperparameters, seed and fold, which are trained together.

    Each network trains on all folds except one, and is validated on that fold. It keeps the weights with the lowest
    validation loss. If a table has fewer than 10 rows, or fewer rows than `n_folds`, it is not divided into
    folds, as with ``n_folds=1``.

    With more than one set of hyperparameters, `select_ensemble` computes the sets' weights in the mean from the
    out-of-fold predictions.

    Args:
        networks: The hyperparameters of the networks and of their training.
        n_folds: Number of folds. With 1, the networks train on all rows and keep the weights of the last epoch.
        n_seeds: Number of networks per set of hyperparameters and fold.
        seed: Seed for the folds, the weights and dropout.
        first_fold_only: Whether to train only the networks that are validated on the first fold.

    Attributes:
        populations: The networks. The first population contains those with the given hyperparameters.
        member_weights: Weight of each network in the mean, in the order of `members`. Networks that Ctrl-C stopped
            before their first epoch ended have the weight 0.
        fold_of_row: 0-based number of the fold that contains each training row, ``[rows]``, or -1 if no network is
            validated on the row.
        out_of_fold: Predictions for the training rows by networks that did not train on them, ``[rows, outputs]``.
            Rows that no network is validated on are NaN. None if there are no folds.
    """

    populations: list[Population]
    member_weights: NDArray[np.float64]
    fold_of_row: NDArray[np.int64]
    out_of_fold: NDArray[np.float32] | None
    _build_arguments: list[tuple[Any, ...]]

    def __init__(
        self,
        networks: Sequence[TabularNetwork],
        n_folds: int = 5,
        n_seeds: int = 1,
        seed: int = 0,
        *,
        first_fold_only: bool = False,
    ) -> None:
        self.networks = tuple(networks)
        self.n_folds = n_folds
        self.n_seeds = n_seeds
        self.seed = seed
        self.first_fold_only = first_fold_only

    def fit(
        self,
        table: TableArrays,
        verbose: int | str = 0,
        minutes: float | None = None,
        checkpoints: Path | None = None,
    ) -> FoldEnsemble:
        """Train the networks.

        Args:
            table: The table.
            verbose: 1 shows progress.
            minutes: Time limit for training more networks with random hyperparameters after `networks`, or None to
                train only `networks`.
            checkpoints: Folder in which each network saves its state every ten seconds. If it contains the states of a
                killed run with the same arguments, the networks continue from there. None saves nothing.

        Raises:
            KeyboardInterrupt: After Ctrl-C. The ensemble then consists of the networks that have been trained for at
                least one epoch. If there are none, all `member_weights` are 0.
        """
        began = monotonic()
        num_rows = len(table.x)
        n_folds = self.n_folds if num_rows >= max(MIN_ROWS_FOR_FOLDS, self.n_folds) else 1
        rng = np.random.default_rng(self.seed)
        splits = make_balanced_folds(table.stratify, n_folds, rng) if n_folds > 1 else None
        if splits is not None and self.first_fold_only:
            splits = splits[:1]
        self._num_train = num_rows if splits is None else len(splits[0][0])
        self.fold_of_row = np.full(num_rows, -1)
        for fold, (_, validation) in enumerate(splits or []):
            self.fold_of_row[validation] = fold

        self.populations, self._build_arguments = [], []
        try:
            self._train(table, range(len(self.networks)), splits, verbose, checkpoints)
            duration = monotonic() - began
            while minutes is not None and monotonic() - began + duration < 60 * minutes:
                start = monotonic()
                self.networks += (sample_network(rng, table.task),)
                self._train(table, [len(self.networks) - 1], splits, 0, checkpoints)
                duration = monotonic() - start
                if verbose:
                    spent = format_seconds(monotonic() - began)
                    print_message(
                        f"{len(self.networks)} kinds of networks trained, {spent} of {minutes:g} minutes"
                    )
        finally:
            self._combine_members(table)
        return self

    def _train(
        self,
        table: TableArrays,
        numbers: Sequence[int],
        splits: Splits | None,
        verbose: int | str,
        checkpoints: Path | None,
    ) -> None:
        """Train the networks with these numbers as one population."""
        shapes = table.x.shape[1], table.numeric, table.task, table.num_outputs, self._num_train
        for number in numbers:
            bins = self.networks[number].num_bins
            edges = layers.quantile_bin_edges(table.x[:, table.numeric], bins) if bins else []
            self._build_arguments.append((*shapes, edges))
        seeds = [self.seed + number for number in range(self.n_seeds)]
        population = Population(self._build, [{"network": number} for number in numbers], seeds)
        self.populations.append(population)

        def epochs(setting: Setting) -> int:
            return self.networks[setting["network"]].epochs(self._num_train)

        backups: list[Callback] = []
        if checkpoints is not None:
            folder = checkpoints / f"population-{len(self.populations)}"
            backups = [BackupAndRestore(folder, CHECKPOINT_INTERVAL, delete_checkpoint=False)]

        def callbacks(setting: Setting) -> list[Callback]:
            if splits is None:
                return backups
            patience = max(1, round(PATIENCE * epochs(setting)))
            return [EarlyStopping("val_loss", patience=patience, restore_best_weights=True), *backups]

        population.fit(
            table.x,
            table.y,
            batch_size=self.networks[numbers[0]].batch_size,
            epochs=epochs,
            splits=splits,
            sample_weight=table.sample_weight,
            callbacks=callbacks,
            verbose=verbose,
        )

    @property
    def members(self) -> list[Member]:
        """All networks."""
        return [member for population in self.populations for member in population.members]

    def _build(self, setting: Setting) -> Model:
        number = setting["network"]
        return self.networks[number].build(*self._build_arguments[number])

    def _combine_members(self, table: TableArrays) -> None:
        """Compute the out-of-fold predictions and the weights of the members."""
        members = self.members
        trained = np.array([len(member.history.epoch) > 0 for member in members])
        self.member_weights = trained / max(trained.sum(), 1)
        self.out_of_fold = None
        if self.fold_of_row.max() < 0 or not trained.any():
            return
        # Each block contains the members of one set of hyperparameters and seed, one for each fold.
        blocks = trained.reshape(-1, self.fold_of_row.max() + 1)
        complete = blocks.all(axis=1)
        if not complete.any():
            first = int(blocks.any(axis=1).argmax()) * blocks.shape[1]
            self.out_of_fold = self._predict_trained_folds(members[first : first + blocks.shape[1]], table.x)
            return
        outputs = np.concatenate(
            [population.predict_out_of_fold(table.x, _PREDICT_BATCH_SIZE) for population in self.populations]
        )
        validated = self.fold_of_row >= 0
        # A network that diverged may predict NaN. It must not become a part of the mean.
        usable = complete & np.isfinite(outputs[:, validated]).all(axis=(1, 2))
        chosen = np.flatnonzero(usable if usable.any() else complete)
        weights = np.zeros(len(blocks))
        loss = prediction_loss(table.task, table.y[validated])
        weights[chosen] = select_ensemble([outputs[block, validated] for block in chosen], loss)
        self.out_of_fold = np.tensordot(weights[chosen], outputs[chosen], 1).astype(np.float32)
        self.member_weights = np.repeat(weights / blocks.shape[1], blocks.shape[1])

    def _predict_trained_folds(
        self, members: Sequence[Member], x: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return predictions for the rows of the folds whose networks have been trained, and NaN for other rows."""
        outputs = np.full((len(x), members[0].model.output_shape[-1]), np.nan, np.float32)
        for fold, member in enumerate(members):
            if member.history.epoch:
                rows = self.fold_of_row == fold
                outputs[rows] = member.model.predict(x[rows], _PREDICT_BATCH_SIZE, 0)
        return outputs

    def predict_members(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the outputs of the networks whose weight is not 0, ``[networks, rows, outputs]``."""
        # With a fixed batch size, there is one compilation, and a row's prediction does not depend on the other rows.
        missing = -len(x) % _PREDICT_BATCH_SIZE
        padded, used, start = np.pad(x, [(0, missing), (0, 0)]), [], 0
        for population in self.populations:
            chosen = self.member_weights[start : start + len(population)] > 0
            start += len(population)
            if chosen.any():
                used.append(population.predict(padded, batch_size=_PREDICT_BATCH_SIZE)[chosen, : len(x)])
        return np.concatenate(used)

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the weighted mean of the networks' outputs, ``[rows, outputs]``."""
        weights = self.member_weights[self.member_weights > 0]
        mean: NDArray[np.float64] = np.tensordot(weights, self.predict_members(x).astype(np.float64), 1)
        return mean

    def predict_folds(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the weighted mean of the outputs of each fold's networks, ``[folds, rows, outputs]``."""
        used = np.flatnonzero(self.member_weights)
        weights = self.member_weights[used]
        folds = np.array([self.members[number].fold for number in used])
        outputs = self.predict_members(x).astype(np.float64)
        return np.stack(
            [
                np.average(outputs[folds == fold], axis=0, weights=weights[folds == fold])
                for fold in range(self.fold_of_row.max() + 1)
            ]
        )

    def predict_out_of_fold(self, x: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return outputs for changed inputs of training rows, by networks that did not train on the rows.

        Args:
            x: Inputs, ``[n, features]``.
            rows: The training row that each input is a version of, ``[n]``. It must be in a fold.

        Returns:
            The weighted mean of the outputs, ``[n, outputs]``.
        """
        fold_of_input = self.fold_of_row[rows]
        outputs = np.zeros((len(x), self.members[0].model.output_shape[-1]))
        totals = np.zeros((len(x), 1))
        for member, weight in zip(self.members, self.member_weights, strict=True):
            chosen = np.flatnonzero(fold_of_input == member.fold)
            if weight and len(chosen):
                outputs[chosen] += weight * member.model.predict(x[chosen], _PREDICT_BATCH_SIZE, 0)
                totals[chosen] += weight
        return outputs / totals

    def to_model(self) -> Model:
        """Return one model that computes the weighted mean of the networks' outputs."""
        used = np.flatnonzero(self.member_weights)
        models = [self.members[number].model for number in used]
        return Ensemble(models, self.member_weights[used]).to_model()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"populations": [population.to_tree() for population in self.populations]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.populations = [Population.from_tree(tree, self._build) for tree in state["populations"]]
