"""Scores of predictions, and tests of whether score differences are significant."""

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

# The standard normal quantile for two-sided 95% intervals.
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
    """The scores of one predictor on one split of the data.

    Args:
        name (str): The predictor's name.
        values (dict[str, float]): A dict that maps the names of metrics to their values, with the main metric first.
        losses (ndarray): The loss of each row, of shape ``[rows]``. In classification it is 0 if the predicted class
            is correct and 1 if it is wrong. In regression it is the squared error.
    """

    name: str
    values: dict[str, float]
    losses: NDArray[np.float64]

    @property
    def rows(self) -> int:
        """The number of predicted rows."""
        return len(self.losses)

    @property
    def loss(self) -> float:
        """The mean loss, which is the error rate in classification and the mean squared error in regression."""
        return float(np.mean(self.losses))


def score_classification(name: str, true: ArrayLike, probabilities: NDArray[np.float64]) -> Score:
    """Score class probabilities.

    The metrics are the accuracy and the log loss ``-mean(log p_true)``, where probabilities below 1e-15 count as
    1e-15. If there are two classes and both occur in `true`, the area under the ROC curve is computed too.

    Args:
        name (str): The predictor's name.
        true (array): The true class indices, of shape ``[rows]``.
        probabilities (ndarray): The probability of each class, of shape ``[rows, classes]``.

    Returns:
        Score: A score with the metrics ``accuracy``, ``log_loss`` and possibly ``auc``.

    Example:
        >>> import numpy as np
        >>> score_classification("network", [0, 1], np.array([[0.8, 0.2], [0.6, 0.4]])).values["accuracy"]
        0.5
    """
    true = np.asarray(true)
    wrong = (probabilities.argmax(axis=1) != true).astype(np.float64)
    true_class_probabilities = np.clip(probabilities[np.arange(len(true)), true], 1e-15, 1.0)
    values = {
        "accuracy": float(1 - wrong.mean()),
        "log_loss": float(-np.log(true_class_probabilities).mean()),
    }
    if probabilities.shape[1] == 2 and len(np.unique(true)) == 2:
        from sklearn.metrics import roc_auc_score

        values["auc"] = float(roc_auc_score(true, probabilities[:, 1]))
    return Score(name, values, wrong)


def score_regression(name: str, true: ArrayLike, predicted: ArrayLike) -> Score:
    """Score predicted numbers.

    The metrics are the root mean squared error, the mean absolute error, and ``R² = 1 - MSE / variance``.

    Args:
        name (str): The predictor's name.
        true (array): The true values, of shape ``[rows]``.
        predicted (array): The predicted values, of shape ``[rows]``.

    Returns:
        Score: A score with the metrics ``rmse`` and ``mae``, and ``r2`` if the true values are not all equal.

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
    """The difference between two predictors' mean losses, with its 95% confidence interval.

    Attributes:
        mean: The difference.
        low: The lower end of the interval.
        high: The upper end of the interval.
    """

    mean: float
    low: float
    high: float

    @property
    def is_significant(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


def compare_losses(better: Score, worse: Score) -> LossDifference:
    """Compare the mean losses of two predictors on the same rows.

    The difference ``d = worse loss - better loss`` is computed for each of the n rows, and the 95% interval of its mean
    is ``mean(d) ± 1.96 sd(d) / sqrt(n)``. Comparing the losses row by row cancels the effect of rows that are
    difficult for both predictors, so fewer rows are needed.

    Args:
        better (Score): The score of the predictor that is expected to have the lower loss.
        worse (Score): The score of the other predictor.

    Returns:
        LossDifference: The mean difference and its 95% interval, which is infinite if there are fewer than two rows.
    """
    per_row = worse.losses - better.losses
    mean = float(per_row.mean())
    if len(per_row) < 2:
        return LossDifference(mean, -math.inf, math.inf)
    reach = Z95 * float(per_row.std(ddof=1)) / math.sqrt(len(per_row))
    return LossDifference(mean, mean - reach, mean + reach)


def is_significantly_above(one: Score, other: Score) -> bool:
    """Return whether `one` has a significantly higher mean loss than `other`, which was scored on different rows.

    The difference is significant if it exceeds ``1.96 sqrt(var(one) / n + var(other) / m)`` for n and m rows (Welch).
    If either score has fewer than two rows, the result is False.
    """
    if min(one.rows, other.rows) < 2:
        return False
    variance = sum(float(score.losses.var(ddof=1)) / score.rows for score in (one, other))
    return one.loss - other.loss > Z95 * math.sqrt(variance)


def wilson_interval(share: float, rows: int) -> tuple[float, float]:
    """Return the 95% confidence interval of a proportion (Wilson 1927), which is accurate even for few rows.

    Args:
        share: The observed proportion.
        rows: The number of rows.
    """
    z2 = Z95**2
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    reach = Z95 / (1 + z2 / rows) * math.sqrt(share * (1 - share) / rows + z2 / (4 * rows**2))
    return max(0.0, middle - reach), min(1.0, middle + reach)
