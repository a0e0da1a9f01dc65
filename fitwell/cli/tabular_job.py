"""`TabularJob`, the training of an ensemble of tabular networks, one for each fold."""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell._data.feature_encoder import numeric_features
from fitwell._data.table_preprocessor import TablePreprocessor
from fitwell._data.target import ClassTarget
from fitwell._data.text_format import join_words, pluralize
from fitwell._file_io import atomic_write
from fitwell._history import History
from fitwell._progress import format_seconds
from fitwell.cli.baselines import Evaluation, OutOfFold, decode_outputs, evaluate_out_of_fold
from fitwell.cli.csv_output import to_safe_csv
from fitwell.cli.prepared_data import PreparedData
from fitwell.cli.table_prediction import prediction_table
from fitwell.cli.tabular_options import TabularOptions
from fitwell.cli.training_job import TrainResult
from fitwell.errors import DataError
from fitwell.population.members import Member
from fitwell.report import Importance, permutation_importance
from fitwell.tabular.ensemble_selection import row_losses
from fitwell.tabular.fold_ensemble import FoldEnsemble, TableArrays
from fitwell.tabular.network import Task

__all__ = ["TabularJob"]

NUM_FOLDS = 5
# The cost of permutation importance grows with the square of the number of columns: with 2,000 columns, it took longer
# than the training.
MAX_IMPORTANCE_COLUMNS = 200
OUT_OF_FOLD_FILE = "out_of_fold.csv"


class TabularJob:
    """The training of one network for each fold of a table.

    Args:
        prepared: The data. It has no validation rows.
        options: The options for the networks and their training.
    """

    def __init__(self, prepared: PreparedData, options: TabularOptions) -> None:
        self.prepared = prepared
        self.options = options
        target, preprocessor = prepared.target, prepared.preprocessor
        assert isinstance(preprocessor, TablePreprocessor)
        task: Task = "regression"
        num_outputs = 1
        if isinstance(target, ClassTarget):
            task = "binary" if target.task == "binary" else "multiclass"
            num_outputs = 1 if task == "binary" else len(target.classes)
        self._arrays = TableArrays(
            prepared.train.x,
            prepared.train.y,
            numeric_features(preprocessor),
            task,
            num_outputs,
        )
        self.ensemble = FoldEnsemble(
            options.networks, NUM_FOLDS, seed=options.seed, first_fold_only=options.quality == "fast"
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The settings for ``run.json``."""
        networks = [dataclasses.asdict(network) for network in self.ensemble.networks]
        return {
            "quality": self.options.quality,
            "folds": NUM_FOLDS,
            "seed": self.options.seed,
            "networks": networks,
        }

    def describe(self) -> str:
        """Describe the networks in a sentence."""
        count = len(self.ensemble.networks) * (1 if self.options.quality == "fast" else NUM_FOLDS)
        inputs = pluralize(self._arrays.x.shape[1], "input")
        if self.options.minutes is not None:
            return (
                f"Training {count} networks with {inputs} on {NUM_FOLDS} folds, and then more kinds of networks for "
                f"{self.options.minutes:g} minutes in total."
            )
        if count == 1:
            return f"Training one network with {inputs} on four of {NUM_FOLDS} folds."
        return f"Training {count} networks with {inputs}, each on {NUM_FOLDS - 1} of {NUM_FOLDS} folds."

    def train(self, quiet: bool, checkpoints: Path) -> TrainResult:
        """Train the networks. See `TrainingJob.train`."""
        began = time.perf_counter()
        interrupted = False
        try:
            self.ensemble.fit(self._arrays, 0 if quiet else 1, self.options.minutes, checkpoints)
        except KeyboardInterrupt:
            interrupted = True
        weights = self.ensemble.member_weights
        trained = [member for member, weight in zip(self.ensemble.members, weights, strict=True) if weight]
        if trained and not any(math.isfinite(_best_loss(member)) for member in trained):
            raise DataError(
                "training diverged: the validation loss was not finite in any epoch, so no model was kept; try a "
                "smaller --learning-rate"
            )
        return TrainResult(
            self.ensemble.to_model() if trained else None,
            _mean_history(trained),
            None,
            interrupted,
            time.perf_counter() - began,
            self._describe_outcome(trained, interrupted),
        )

    def _describe_outcome(self, trained: list[Member], interrupted: bool) -> str:
        if not trained:
            return "Interrupted by Ctrl-C before the end of the first epoch; no model was kept."
        count = len(self.ensemble.members)
        epochs = sorted({len(member.history.epoch) for member in trained})
        span = pluralize(epochs[-1], "epoch") if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]} epochs"
        kept = "Each network kept the weights with its lowest validation loss."
        if interrupted:
            return (
                f"Interrupted by Ctrl-C after {span}; {len(trained)} of {pluralize(count, 'network')} "
                f"{'was' if len(trained) == 1 else 'were'} kept. {kept}"
            )
        return f"Trained {pluralize(count, 'network')} for {span}. {kept}"

    def evaluate(self) -> Evaluation:
        """Score the ensemble and the baselines."""
        found = self._out_of_fold()
        evaluation = evaluate_out_of_fold(self.prepared, found, self._predict)
        return dataclasses.replace(evaluation, importance=tuple(self._measure_importance(found)))

    def _measure_importance(self, found: OutOfFold) -> list[Importance]:
        """Measure the importance of each column with the networks that did not train on the row.

        The loss is the log loss, or the squared error of the standardized target.
        """
        preprocessor = self.prepared.preprocessor
        assert isinstance(preprocessor, TablePreprocessor)
        columns, start = {}, 0
        for column in preprocessor.columns:
            columns[column.name] = slice(start, start + len(column.feature_names))
            start = columns[column.name].stop
        if len(columns) > MAX_IMPORTANCE_COLUMNS:
            return []
        x, y = self.prepared.train.x[found.rows], self.prepared.train.y[found.rows]

        def predict_losses(inputs: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float64]:
            outputs = self.ensemble.predict_out_of_fold(inputs, found.rows[rows])
            return row_losses(self._arrays.task, y[rows], outputs)

        return permutation_importance(predict_losses, x, columns)

    def _predict(self, x: Any) -> Any:
        return decode_outputs(self.prepared.target, self.ensemble.predict(x))

    def _out_of_fold(self) -> OutOfFold:
        outputs = self.ensemble.out_of_fold
        assert outputs is not None
        rows = np.flatnonzero(~np.isnan(outputs).any(axis=1))
        return OutOfFold(
            rows, self.ensemble.fold_of_row[rows], decode_outputs(self.prepared.target, outputs[rows])
        )

    def describe_settings(self, result: TrainResult) -> list[tuple[str, str]]:
        """Return pairs of a setting and its value for the report."""
        network = self.ensemble.networks[0]
        used = np.flatnonzero(self.ensemble.member_weights)
        kept = [self.ensemble.members[number].restored_epoch for number in used]
        return [
            ("quality", self.options.quality),
            ("networks", str(len(used))),
            ("hidden layers", " - ".join(map(str, network.hidden_layer_sizes))),
            ("batch size", str(network.batch_size)),
            ("epochs kept", join_words([epoch + 1 for epoch in kept if epoch is not None], most=20)),
            ("training", result.outcome),
            ("time", format_seconds(result.seconds)),
        ]

    def write_predictions(self, folder: Path) -> None:
        """Write the out-of-fold predictions to ``out_of_fold.csv``."""
        found, target, train = self._out_of_fold(), self.prepared.target, self.prepared.train
        table = prediction_table(target, found.predictions)
        true = train.true[found.rows]
        values = [target.classes[number] for number in true] if isinstance(target, ClassTarget) else true
        numbers = found.rows + 1 if train.row_numbers is None else train.row_numbers[found.rows]
        table.insert(0, "row", numbers)
        table.insert(1, "fold", found.folds + 1)
        table.insert(2, target.name, values, allow_duplicates=True)
        atomic_write(folder / OUT_OF_FOLD_FILE, to_safe_csv(table.sort_values("row")))


def _best_loss(member: Member) -> float:
    return float(np.nanmin([*member.history.history.get("val_loss", []), np.inf]))


def _mean_history(members: list[Member]) -> History:
    """Return the mean losses of the networks with the first set of hyperparameters, until the first of them stops.

    A mean over networks that stop at different times would jump whenever one stops.
    """
    mean = History()
    histories = [member.history for member in members if member.setting == members[0].setting]
    if not histories:
        return mean
    epochs = min((history.epoch for history in histories), key=lambda epochs: len(epochs))
    for number, epoch in enumerate(epochs):
        logs = {
            name: float(np.mean([history.history[name][number] for history in histories]))
            for name in ("loss", "val_loss")
            if all(name in history.history for history in histories)
        }
        mean.append(epoch, logs)
    return mean
