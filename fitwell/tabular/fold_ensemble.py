"""`FoldEnsemble`, which trains one network for each cross-validation fold and seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell._typing import NumpyArray
from fitwell.callbacks import EarlyStopping
from fitwell.models import Model
from fitwell.population import Population
from fitwell.population.members import Setting
from fitwell.tabular.balanced_folds import make_balanced_folds
from fitwell.tabular.network import TabularNetwork, Task

__all__ = ["FoldEnsemble", "TableArrays"]

_PREDICT_BATCH_SIZE = 256


@dataclass(frozen=True)
class TableArrays:
    """A table as arrays, ready for training.

    Attributes:
        x: Inputs, ``[rows, features]``, float32. Numeric inputs are standardized.
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
    """An ensemble of networks, one for each fold and seed, which are trained together.

    Each network trains on all folds except one, and is validated on that fold. It keeps the weights with the lowest
    validation loss. If a table has fewer than 10 rows, or fewer rows than `n_folds`, it is not divided into
    folds, as with ``n_folds=1``.

    Args:
        network: The hyperparameters of the network and of its training.
        n_folds: Number of folds. With 1, the networks train on all rows and keep the weights of the last epoch.
        n_seeds: Number of networks per fold.
        seed: Seed for the folds, the weights and dropout.
        first_fold_only: Whether to train only the networks that are validated on the first fold.

    Attributes:
        population: The networks.
        out_of_fold: Predictions for the training rows by networks that did not train on them, ``[rows, outputs]``.
            None if there are no folds, or if `first_fold_only` is True.
    """

    population: Population
    out_of_fold: NDArray[np.float32] | None
    _build_arguments: tuple[Any, ...]

    def __init__(
        self,
        network: TabularNetwork,
        n_folds: int = 5,
        n_seeds: int = 1,
        seed: int = 0,
        *,
        first_fold_only: bool = False,
    ) -> None:
        self.network = network
        self.n_folds = n_folds
        self.n_seeds = n_seeds
        self.seed = seed
        self.first_fold_only = first_fold_only

    def fit(self, table: TableArrays, verbose: int | str = 0) -> FoldEnsemble:
        """Train the networks."""
        num_rows = len(table.x)
        n_folds = self.n_folds if num_rows >= max(10, self.n_folds) else 1
        rng = np.random.default_rng(self.seed)
        splits = make_balanced_folds(table.stratify, n_folds, rng) if n_folds > 1 else None
        if splits is not None and self.first_fold_only:
            splits = splits[:1]
        num_train = num_rows if splits is None else len(splits[0][0])

        self._build_arguments = table.x.shape[1], table.numeric, table.task, table.num_outputs, num_train
        epochs = self.network.epochs(num_train)
        best_epoch = EarlyStopping("val_loss", patience=epochs, restore_best_weights=True)
        seeds = [self.seed + number for number in range(self.n_seeds)]
        self.population = Population(self._build, seeds=seeds).fit(
            table.x,
            table.y,
            batch_size=self.network.batch_size,
            epochs=epochs,
            splits=splits,
            sample_weight=table.sample_weight,
            callbacks=[] if splits is None else [best_epoch],
            verbose=verbose,
        )
        covers_all_rows = splits is not None and not self.first_fold_only
        self.out_of_fold = (
            self.population.predict_out_of_fold(table.x).mean(axis=0) if covers_all_rows else None
        )
        return self

    def _build(self, setting: Setting) -> Model:
        return self.network.build(*self._build_arguments)

    def predict_members(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the outputs of every network, ``[members, rows, outputs]``."""
        # With a fixed batch size, there is one compilation, and a row's prediction does not depend on the other rows.
        missing = -len(x) % _PREDICT_BATCH_SIZE
        outputs = self.population.predict(np.pad(x, [(0, missing), (0, 0)]), batch_size=_PREDICT_BATCH_SIZE)
        members: NDArray[np.float32] = outputs[:, : len(x)]
        return members

    def to_model(self) -> Model:
        """Return one model that computes the mean of the networks' outputs."""
        return self.population.ensemble().to_model()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"population": self.population.to_tree()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.population = Population.from_tree(state["population"], self._build)
