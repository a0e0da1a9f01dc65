"""`MLPRegressor`: a dense network, or several, as a scikit-learn regressor."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import column_or_1d, validate_data

from fitwell.estimators.base import BaseMLP


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]
    """A multi-layer perceptron that predicts one number a row, or several, in scikit-learn's form.

    Inputs and targets are best standardised first: a pipeline with `StandardScaler`, and
    `sklearn.compose.TransformedTargetRegressor`.

    The parameters and attributes are those of `MLPClassifier`, except for `class_weight` and `classes_`; the
    loss is the mean squared error, and `alpha` stands beside half a batch's sum of squared errors. With `n_members`
    the predictions of the members are averaged, and ``predict(X, return_std=True)`` tells how far they disagree.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train on rows `X` ``[rows, features]`` with targets `y` ``[rows]`` or ``[rows, outputs]``."""
        X, targets = self._check(X, y, reset=True)
        weights = self._check_weights(sample_weight, X)
        self._train(X, targets, weights, "regression", targets.shape[1])
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train for one epoch on some rows: a fresh network at the first call, later the one there is.

        sample_weight: multiplies the losses of the rows as it is.
        """
        X, targets = self._check(X, y, reset=not hasattr(self, "population_"))
        weights = self._check_weights(sample_weight, X)
        self._train_on(X, targets, weights, "regression", targets.shape[1])
        return self

    def _check(self, X: Any, y: Any, *, reset: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        X, y = validate_data(self, X, y, dtype=np.float32, multi_output=True, y_numeric=True, reset=reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if reset:
            self._is_flat = y.ndim == 1
        return X, np.asarray(y, np.float32).reshape(len(y), -1)

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the predicted numbers, the mean over members.

        return_std: return the standard deviation over members as well.
        """
        said = self._outputs(X).astype(np.float64)
        said = said[:, :, 0] if self._is_flat else said
        return (said.mean(axis=0), said.std(axis=0)) if return_std else said.mean(axis=0)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
