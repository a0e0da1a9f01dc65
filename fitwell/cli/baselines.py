"""Evaluation of the network and of two baselines: a linear model and a constant prediction."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell._data.target import ClassTarget, Target
from fitwell._typing import NumpyArray
from fitwell.cli.prepared_data import PreparedData
from fitwell.errors import DataError
from fitwell.report import Score, ScoreSet, score_classification, score_regression

__all__ = [
    "Evaluation",
    "decode_outputs",
    "evaluate",
    "score_predictions",
]

# Maximum and minimum number of training steps for the linear model. On large data, a budget of multiplications limits
# the steps (to about 50 for MNIST). More steps would only change the third digit of the accuracy and take longer than
# training the network.
MAX_LINEAR_STEPS = 200
MIN_LINEAR_STEPS = 30
LINEAR_BUDGET = 2e10


@dataclass(frozen=True)
class Evaluation:
    """The scores of the network and the baselines, and the network's predictions for the test rows.

    Attributes:
        results: All scores.
        predictions: Class probabilities for classification, or predicted numbers for regression.
    """

    results: ScoreSet
    predictions: NDArray[np.float64]


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
    results = ScoreSet(
        target.task, target.name, network, _linear_baseline(prepared), _dummy_baseline(prepared)
    )
    return Evaluation(results, predictions["test"])


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


def _linear_baseline(prepared: PreparedData) -> Score:
    """Train scikit-learn's linear model on the same inputs as the network, and score it on the test rows."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

    target = prepared.target
    train, test = (part.x.reshape(len(part), -1) for part in (prepared.train, prepared.test))
    if not isinstance(target, ClassTarget):
        predictions = target.decode(Ridge().fit(train, prepared.train.y[:, 0]).predict(test))
        return score_regression("ridge regression", prepared.test.true, predictions)
    steps = int(np.clip(LINEAR_BUDGET / train.size / len(target.classes), MIN_LINEAR_STEPS, MAX_LINEAR_STEPS))
    # On a busy machine, BLAS threads wait for each other, which made training 15 times slower in one measurement. A
    # single thread also adds numbers in a fixed order, so that runs are reproducible to the last digit.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        linear = LogisticRegression(max_iter=steps).fit(train, prepared.train.true)
    name = "logistic regression" + (f" ({steps} steps)" if linear.n_iter_.max() >= steps else "")
    # The linear model returns no column for a class without training rows, so its probability stays 0.
    probabilities = np.zeros((len(test), len(target.classes)))
    probabilities[:, linear.classes_] = linear.predict_proba(test)
    return score_classification(name, prepared.test.true, probabilities)


def _dummy_baseline(prepared: PreparedData) -> Score:
    target, true = prepared.target, prepared.train.true
    if not isinstance(target, ClassTarget):
        return score_regression(
            "always predicting the mean", prepared.test.true, np.full(len(prepared.test), true.mean())
        )
    shares = np.bincount(true, minlength=len(target.classes)) / len(true)
    name = f"always predicting {str(target.classes[int(shares.argmax())])!r}"
    return score_classification(name, prepared.test.true, np.tile(shares, (len(prepared.test), 1)))
