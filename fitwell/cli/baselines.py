"""Evaluation of the networks and of three baselines: linear model, gradient boosting and a constant prediction."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell._data.columns import NumberColumn, OneHotColumn
from fitwell._data.preprocessor_io import Preprocessor
from fitwell._data.table_preprocessor import TablePreprocessor
from fitwell._data.target import ClassTarget, Target
from fitwell._typing import NumpyArray
from fitwell.cli.prepared_data import DataSplit, PreparedData
from fitwell.errors import DataError
from fitwell.report import Importance, Score, ScoreSet, score_classification, score_regression

__all__ = [
    "Evaluation",
    "OutOfFold",
    "decode_outputs",
    "evaluate",
    "evaluate_out_of_fold",
    "score_predictions",
]

# Maximum and minimum number of training steps for the linear model. On large data, a budget of multiplications limits
# the steps (to about 50 for MNIST). More steps would only change the third digit of the accuracy and take longer than
# training the network.
MAX_LINEAR_STEPS = 200
MIN_LINEAR_STEPS = 30
LINEAR_BUDGET = 2e10
# Gradient boosting builds one tree per class in each of 100 iterations. With more cells (rows times columns times
# classes) than this, it would take longer than the networks.
MAX_BOOSTING_CELLS = 5e7


@dataclass(frozen=True)
class OutOfFold:
    """Predictions for training rows by networks that did not train on them.

    Attributes:
        rows: Indices of the predicted training rows, in ascending order.
        folds: 0-based fold of each predicted row.
        predictions: Class probabilities for classification, or predicted numbers for regression.
    """

    rows: NDArray[np.int64]
    folds: NDArray[np.int64]
    predictions: NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation:
    """The scores of the network and the baselines, and the network's predictions for the scored rows.

    Attributes:
        results: All scores.
        true: The true values or class indices of the scored rows.
        predictions: Class probabilities for classification, or predicted numbers for regression.
        importance: The importance of each column, if it was measured.
        folds: 0-based fold of each scored row, or None if there are no folds.
    """

    results: ScoreSet
    true: NumpyArray
    predictions: NDArray[np.float64]
    importance: tuple[Importance, ...] = ()
    folds: NDArray[np.int64] | None = None


def evaluate(model: Any, prepared: PreparedData) -> Evaluation:
    """Score `model` on every split, and the baselines on the test rows."""
    target = prepared.target
    parts = {"train": prepared.train, "validation": prepared.validation, "test": prepared.test}
    predictions = {
        name: decode_outputs(target, model.predict(part.x, verbose=0)) for name, part in parts.items()
    }
    network = {
        name: score_predictions(target, "the network", part.true, predictions[name])
        for name, part in parts.items()
    }
    baselines = [
        score_predictions(target, name, prepared.test.true, predicted)
        for name, predicted in _predict_baselines(prepared.preprocessor, prepared.train, prepared.test.x)
    ]
    results = ScoreSet(target.task, target.name, network, baselines)
    return Evaluation(results, prepared.test.true, predictions["test"])


def evaluate_out_of_fold(
    prepared: PreparedData, found: OutOfFold, predict: Callable[[NDArray[np.float32]], NDArray[np.float64]]
) -> Evaluation:
    """Score out-of-fold predictions, and the baselines on the same rows after training on the same folds.

    Args:
        prepared: The data.
        found: The out-of-fold predictions.
        predict: A function that returns the ensemble's predictions for inputs. It is used if there are test rows.
    """
    target, train = prepared.target, prepared.train
    true = train.true[found.rows]
    network = {"out-of-fold": score_predictions(target, "the network", true, found.predictions)}
    if len(prepared.test):
        network["test"] = score_predictions(
            target, "the network", prepared.test.true, predict(prepared.test.x)
        )
    predictions: dict[str, NDArray[np.float64]] = {}
    for fold in np.unique(found.folds):
        held_out = found.rows[found.folds == fold]
        kept = np.setdiff1d(np.arange(len(train)), held_out)
        rest = DataSplit(train.x[kept], train.y[kept], train.true[kept])
        for name, predicted in _predict_baselines(prepared.preprocessor, rest, train.x[held_out]):
            values = predictions.setdefault(name, np.zeros((len(train), *predicted.shape[1:])))
            values[held_out] = predicted
    baselines = [
        score_predictions(target, name, true, values[found.rows]) for name, values in predictions.items()
    ]
    results = ScoreSet(target.task, target.name, network, baselines, "out-of-fold")
    return Evaluation(results, true, found.predictions, folds=found.folds)


def decode_outputs(target: Target, outputs: NumpyArray) -> NDArray[np.float64]:
    """Convert the network's outputs to class probabilities, or to numbers in the target's units."""
    if not np.isfinite(outputs).all():
        raise DataError(
            "the network's predictions are not finite, probably because its training diverged; train it with a smaller "
            "--learning-rate"
        )
    return target.probabilities(outputs) if isinstance(target, ClassTarget) else target.decode(outputs)


def score_predictions(target: Target, name: str, true: NumpyArray, predictions: NDArray[np.float64]) -> Score:
    """Score predictions that `decode_outputs` has returned."""
    score = score_classification if isinstance(target, ClassTarget) else score_regression
    return score(name, true, predictions)


def _predict_baselines(
    preprocessor: Preprocessor, train: DataSplit, x: NDArray[np.float32]
) -> list[tuple[str, NDArray[np.float64]]]:
    """Train the baselines, and return their names and predictions for `x`."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

    target = preprocessor.target
    # On a busy machine, BLAS threads wait for each other, which made training 15 times slower in one measurement. A
    # single thread also adds numbers in a fixed order, so that runs are reproducible to the last digit.
    with threadpool_limits(1):
        found = [_predict_linear(target, train, x)]
        classes = (
            len(target.classes) if isinstance(target, ClassTarget) and target.task == "multiclass" else 1
        )
        if isinstance(preprocessor, TablePreprocessor) and train.x.size * classes <= MAX_BOOSTING_CELLS:
            found.append(("gradient boosting", _predict_boosting(preprocessor, train, x)))
    return [*found, _predict_constant(target, train, len(x))]


def _predict_linear(
    target: Target, train: DataSplit, x: NDArray[np.float32]
) -> tuple[str, NDArray[np.float64]]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    inputs, x = train.x.reshape(len(train), -1), x.reshape(len(x), -1)
    if not isinstance(target, ClassTarget):
        return "ridge regression", target.decode(Ridge().fit(inputs, train.y[:, 0]).predict(x))
    steps = int(
        np.clip(LINEAR_BUDGET / inputs.size / len(target.classes), MIN_LINEAR_STEPS, MAX_LINEAR_STEPS)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        linear = LogisticRegression(max_iter=steps).fit(inputs, train.true)
    name = "logistic regression" + (f" ({steps} steps)" if steps < MAX_LINEAR_STEPS else "")
    return name, _all_classes(linear.predict_proba(x), linear.classes_, len(target.classes))


def _predict_boosting(
    preprocessor: TablePreprocessor, train: DataSplit, x: NDArray[np.float32]
) -> NDArray[np.float64]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    target = preprocessor.target
    inputs, is_category = _to_tree_inputs(preprocessor, train.x)
    x = _to_tree_inputs(preprocessor, x)[0]
    if not isinstance(target, ClassTarget):
        regressor = HistGradientBoostingRegressor(categorical_features=is_category, random_state=0)
        return target.decode(regressor.fit(inputs, train.y[:, 0]).predict(x))
    classifier = HistGradientBoostingClassifier(categorical_features=is_category, random_state=0)
    classifier.fit(inputs, train.true)
    return _all_classes(classifier.predict_proba(x), classifier.classes_, len(target.classes))


def _to_tree_inputs(
    preprocessor: TablePreprocessor, x: NDArray[np.float32]
) -> tuple[NDArray[np.float32], list[bool]]:
    """Convert a network's inputs to the inputs that trees work best with.

    Each category becomes one number instead of several 0/1 inputs, and imputed values become NaN again.

    Returns:
        The inputs, ``[rows, inputs]``, and whether each of them is a category.
    """
    blocks, is_category, start = [], [], 0
    for column in preprocessor.columns:
        block = x[:, start : start + len(column.feature_names)]
        start += block.shape[1]
        if isinstance(column, OneHotColumn):
            # Unseen and rare categories, whose inputs are all 0, count as missing.
            hot = block[:, : len(column.categories)]
            block = np.where(hot.any(axis=1), hot.argmax(axis=1), np.nan)[:, None]
        elif isinstance(column, NumberColumn) and column.missing:
            block = np.where(block[:, 1:] == 1, np.nan, block[:, :1])
        blocks.append(block)
        is_category += [isinstance(column, OneHotColumn)] * block.shape[1]
    return np.hstack(blocks), is_category


def _predict_constant(target: Target, train: DataSplit, rows: int) -> tuple[str, NDArray[np.float64]]:
    if not isinstance(target, ClassTarget):
        return "always predicting the mean", np.full(rows, train.true.mean())
    shares = np.bincount(train.true, minlength=len(target.classes)) / len(train)
    return f"always predicting {str(target.classes[int(shares.argmax())])!r}", np.tile(shares, (rows, 1))


def _all_classes(probabilities: NumpyArray, present: NumpyArray, count: int) -> NDArray[np.float64]:
    """Insert columns of zeros for classes without training rows, for which scikit-learn returns no column."""
    everything = np.zeros((len(probabilities), count))
    everything[:, present] = probabilities
    return everything
