"""`TabularRegressor`, a scikit-learn regressor for tables."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import column_or_1d

from fitwell._typing import NumpyArray
from fitwell.estimators.validation import read_table
from fitwell.tabular.base import BaseTabular

__all__ = ["TabularRegressor"]


class TabularRegressor(RegressorMixin, BaseTabular):  # type: ignore[misc]
    """A tabular regressor that averages the predictions of an ensemble of networks.

    It accepts data frames with numbers, categories, dates and missing values, and scales inputs and targets. No
    preprocessing or tuning is required. By default, two networks with different embeddings are trained for each of five
    folds, each on four fifths of the rows. Predictions are clipped to the range of the training targets.

    Args:
        quality (str): ``"good"`` trains two kinds of networks for all folds. ``"fast"`` trains one kind, and only the
            networks that are validated on the first fold. Default: ``"good"``.
        network (TabularNetwork | None): Hyperparameters of the networks and of their training. Default: None, which
            means the defaults of `quality`.
        n_folds (int): Number of folds. With 1, the networks train on all rows, without validation. This is also the
            case if there are fewer than 10 rows, or fewer rows than folds. Default: 5.
        n_seeds (int): Number of networks of each kind per fold. Default: 1.
        random_state (int | RandomState | None): Seed for the folds, weights and dropout. An integer makes
            the run reproducible. Default: None.
        verbose (int | str): 1 shows progress, as for `Model.fit`. Default: 0.

    Attributes:
        ensemble_ (FoldEnsemble): The networks.
        out_of_fold_ (ndarray | None): Predictions for the training rows, from networks that did not train on them, in
            the format that `predict` returns. None if `quality` is ``"fast"``, or if the networks train on all
            rows (see `n_folds`).
        n_features_in_ (int): Number of columns.
        feature_names_in_ (ndarray): Column names. Set only if `X` was a data frame whose column names are strings.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
        >>> network = fw.tabular.TabularNetwork((8,), steps=10, max_epochs=10)
        >>> regressor = fw.tabular.TabularRegressor(network=network, n_folds=2, random_state=0).fit(X, X[:, 0] ** 2)
        >>> regressor.predict(X[:2]).shape
        (2,)

    Source: Holzmüller et al. (2024), *Better by default*.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TabularRegressor:
        """Train the networks.

        Args:
            X (DataFrame | array): Inputs, ``[rows, columns]``.
            y (array): Targets, ``[rows]`` or ``[rows, outputs]``.
            sample_weight (array | None): Weight of each row, ``[rows]``. Default: None.

        Returns:
            TabularRegressor: The fitted estimator.

        Raises:
            InvalidArgument: If a parameter is out of range.
            DataError: If a column cannot be used.
        """
        self._check_parameters()
        table = read_table(self, X, reset=True)
        if y is None:
            raise ValueError("TabularRegressor requires y to be passed, but the target y is None")
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_consistent_length(table, y)
        self._is_flat = y.ndim == 1
        targets = y.reshape(len(y), -1)
        self._mean, scale = targets.mean(axis=0), targets.std(axis=0)
        self._scale = np.where(scale > 0, scale, 1.0)
        self._range = targets.min(axis=0), targets.max(axis=0)
        standardized = ((targets - self._mean) / self._scale).astype(np.float32)
        self._fit_ensemble(table, standardized, "regression", targets.shape[1], sample_weight)
        out_of_fold = self._complete_out_of_fold
        self.out_of_fold_ = None if out_of_fold is None else self._decode(out_of_fold)
        return self

    def predict(self, X: Any) -> NumpyArray:
        """Return the networks' predictions, averaged.

        Args:
            X (DataFrame | array): Inputs, ``[rows, columns]``.

        Returns:
            ndarray: Predictions, ``[rows]`` for a single output, or ``[rows, outputs]`` for more than one.
        """
        return self._decode(self._predict_mean(X))

    def _decode(self, outputs: NumpyArray) -> NumpyArray:
        values = np.clip(outputs.astype(np.float64) * self._scale + self._mean, *self._range)
        return values[:, 0] if self._is_flat else values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
