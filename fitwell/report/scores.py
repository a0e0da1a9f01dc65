"""Scores of predictions, and significance tests of their differences."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "LossDifference",
    "METRIC_NAMES",
    "Score",
    "compare_losses",
    "is_significantly_above",
    "score_classification",
    "score_regression",
    "wilson_interval",
]

# The quantile of the normal distribution for two-sided 95 % intervals.
Z95 = 1.959963984540054

METRIC_NAMES = {
    "accuracy": "accuracy",
    "log_loss": "log loss",
    "auc": "area under ROC",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
}


@dataclass(frozen=True)
class Score:
    """Scores of one predictor on one split of the data.

    Args:
        name (str): Name of the predictor.
        values (dict[str, float]): Metrics by name, the main metric first.
        losses (ndarray): Loss of each row, ``[rows]``: 1 for a wrong class and 0 for the right one, or the squared
            error.
    """

    name: str
    values: dict[str, float]
    losses: NDArray[np.float64]

    @property
    def rows(self) -> int:
        """Number of predicted rows."""
        return len(self.losses)

    @property
    def loss(self) -> float:
        """Mean loss: the error rate, or the mean squared error."""
        return float(np.mean(self.losses))


def score_classification(name: str, true: ArrayLike, probabilities: NDArray[np.float64]) -> Score:
    """Score class probabilities.

    Computes the accuracy, the log loss ``-mean(log p_true)`` with p clipped at 1e-15, and for two classes that both
    occur the area under the ROC curve.

    Args:
        name (str): Name of the predictor.
        true (array): True class indices, ``[rows]``.
        probabilities (ndarray): Probability of each class, ``[rows, classes]``.

    Returns:
        Score: with the metrics ``accuracy``, ``log_loss`` and possibly ``auc``.

    Example:
        >>> import numpy as np
        >>> score_classification("network", [0, 1], np.array([[0.8, 0.2], [0.6, 0.4]])).values["accuracy"]
        0.5
    """
    true = np.asarray(true)
    wrong = (probabilities.argmax(axis=1) != true).astype(np.float64)
    given = np.clip(probabilities[np.arange(len(true)), true], 1e-15, 1.0)
    values = {"accuracy": float(1 - wrong.mean()), "log_loss": float(-np.log(given).mean())}
    if probabilities.shape[1] == 2 and len(np.unique(true)) == 2:
        from sklearn.metrics import roc_auc_score

        values["auc"] = float(roc_auc_score(true, probabilities[:, 1]))
    return Score(name, values, wrong)


def score_regression(name: str, true: ArrayLike, predicted: ArrayLike) -> Score:
    """Score predicted numbers.

    Computes the root mean squared error, the mean absolute error, and ``R² = 1 - MSE / variance``.

    Args:
        name (str): Name of the predictor.
        true (array): True values, ``[rows]``.
        predicted (array): Predicted values, ``[rows]``.

    Returns:
        Score: with the metrics ``rmse``, ``mae``, and ``r2`` unless the true values are constant.

    Example:
        >>> score_regression("network", [1.0, 3.0], [1.0, 2.0]).values
        {'rmse': 0.7071067811865476, 'mae': 0.5, 'r2': 0.5}
    """
    true, predicted = np.asarray(true, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    errors = predicted - true
    squared = errors**2
    spread = float(np.mean((true - true.mean()) ** 2))
    values = {"rmse": math.sqrt(squared.mean()), "mae": float(np.abs(errors).mean())}
    if spread > 0:
        values["r2"] = 1 - float(squared.mean()) / spread
    return Score(name, values, squared)


@dataclass(frozen=True)
class LossDifference:
    """Difference of the mean losses of two predictors, with its 95 % confidence interval."""

    mean: float
    low: float
    high: float

    @property
    def is_significant(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


def compare_losses(better: Score, worse: Score) -> LossDifference:
    """Compare the mean losses of two predictors on the same rows.

    The interval is ``mean(d) ± 1.96 sd(d) / sqrt(n)`` over the differences ``d = loss of worse - loss of better`` of
    each row. Pairing removes the difficulty of rows for both predictors, so fewer rows are needed.

    Args:
        better (Score): Score of the predictor that is expected to have the lower loss.
        worse (Score): Score of the other predictor.

    Returns:
        LossDifference: the mean difference and its 95 % interval, which is infinite for fewer than two rows.
    """
    per_row = worse.losses - better.losses
    mean = float(per_row.mean())
    if len(per_row) < 2:
        return LossDifference(mean, -math.inf, math.inf)
    reach = Z95 * float(per_row.std(ddof=1)) / math.sqrt(len(per_row))
    return LossDifference(mean, mean - reach, mean + reach)


def is_significantly_above(one: Score, other: Score) -> bool:
    """Return whether the mean loss of `one` is significantly above that of `other`, on different rows.

    The limit is ``1.96 sqrt(var(one) / n + var(other) / m)`` (Welch). Both need at least two rows.
    """
    if min(one.rows, other.rows) < 2:
        return False
    variance = sum(float(score.losses.var(ddof=1)) / score.rows for score in (one, other))
    return one.loss - other.loss > Z95 * math.sqrt(variance)


def wilson_interval(share: float, rows: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a proportion of `rows` (Wilson 1927), valid for few rows too."""
    z2 = Z95**2
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    reach = Z95 / (1 + z2 / rows) * math.sqrt(share * (1 - share) / rows + z2 / (4 * rows**2))
    return max(0.0, middle - reach), min(1.0, middle + reach)
