"""`TabularRegressor`, a scikit-learn regressor for tables."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import check_is_fitted, column_or_1d

from fitwell._param_validation import Real, validate_param
from fitwell._typing import NumpyArray
from fitwell.errors import StateError
from fitwell.estimators.validation import read_table
from fitwell.tabular.base import BaseTabular
from fitwell.tabular.conformal import cv_plus_interval

__all__ = ["TabularRegressor"]


class TabularRegressor(RegressorMixin, BaseTabular):  # type: ignore[misc]
    """A tabular regressor that averages the predictions of an ensemble of networks.

    It accepts data frames with numbers, categories, dates and missing values, and scales inputs and targets. No
    preprocessing or tuning is required. By default, two networks with different embeddings are trained for each of five
    folds, each on four fifths of the rows. Predictions are clipped to the range of the training targets.

    Args:
        quality (str): ``"good"`` trains two kinds of networks for all folds. ``"fast"`` trains one kind, and only the
            networks that are validated on the first fold. ``"best"`` trains the same networks as ``"good"``, and then
            more kinds with random hyperparameters until the time is up. The weights of the kinds in the mean are
            chosen by their out-of-fold predictions. Default: ``"good"``.
        minutes (float | None): Time limit for ``"best"``, in minutes. The number of networks depends on the speed of
            the machine, so results are not reproducible. Default: None, which means 10.
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
        self._targets = targets
        self._fit_ensemble(table, standardized, "regression", targets.shape[1], sample_weight)
        out_of_fold = self._complete_out_of_fold
        self.out_of_fold_ = None if out_of_fold is None else self._decode(out_of_fold)
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the networks' predictions, averaged.

        Args:
            X (DataFrame | array): Inputs, ``[rows, columns]``.
            return_std (bool): Whether to return a standard deviation for each prediction too. It is
                ``sqrt(s² + e²)``, where s is the standard deviation of the folds' predictions for the row, and e² is
                the mean squared error of the out-of-fold predictions. Default: False.

        Returns:
            ndarray | tuple[ndarray, ndarray]: Predictions, ``[rows]`` for a single output, or ``[rows, outputs]`` for
            more than one. If `return_std` is True, also their standard deviations, with the same shape.

        Raises:
            StateError: If `return_std` is True, but there are no out-of-fold predictions for all rows.
        """
        if not return_std:
            return self._decode(self._predict_mean(X))
        residuals = self._out_of_fold_errors("predict with return_std=True")
        folds = self._predict_folds(X)
        std = np.sqrt(folds.std(axis=0) ** 2 + (residuals**2).mean(axis=0))
        return self._decode(self._predict_mean(X)), std[:, 0] if self._is_flat else std

    def predict_interval(self, X: Any, coverage: float = 0.9) -> NDArray[np.float64]:
        """Return an interval for each prediction that contains the target with a probability of about `coverage`.

        The intervals are computed from the out-of-fold errors and from the predictions of each fold's networks (CV+).
        For rows that are drawn like the training rows, the probability is at least ``1 - 2 (1 - coverage)``, up to a
        term that decreases with the number of rows, whatever the distribution is. In practice it is close to
        `coverage`. The guarantee does not account for the choice of the best epoch on the fold's own rows. Intervals
        are wider where the folds disagree, but they do not adapt to noise that differs between rows.

        Args:
            X (DataFrame | array): Inputs, ``[rows, columns]``.
            coverage (float): Probability with which an interval should contain the target, in (0, 1). Default: 0.9.

        Returns:
            ndarray: Lower and upper limits, ``[rows, 2]`` for a single output, or ``[rows, outputs, 2]`` for more than
            one. If there are too few training rows for the coverage, a limit is infinite.

        Raises:
            InvalidArgument: If `coverage` is not in (0, 1).
            StateError: If there are no out-of-fold predictions for all rows.

        Source: Barber et al. (2021), *Predictive inference with the jackknife+*.
        """
        validate_param("predict_interval", "coverage", coverage, Real(0, 1, closed="neither"))
        residuals = self._out_of_fold_errors("predict_interval")
        folds = self._predict_folds(X)
        limits = [
            np.stack(
                cv_plus_interval(
                    folds[:, :, output], np.abs(residuals[:, output]), self.ensemble_.fold_of_row, coverage
                ),
                axis=-1,
            )
            for output in range(residuals.shape[1])
        ]
        return np.asarray(limits[0] if self._is_flat else np.stack(limits, axis=1), np.float64)

    def _out_of_fold_errors(self, where: str) -> NDArray[np.float64]:
        check_is_fitted(self)
        if self.out_of_fold_ is None:
            raise StateError(
                f"{where} requires out-of-fold predictions for all training rows; fit the regressor with "
                "quality='good', n_folds=2 or more, and at least 10 rows"
            )
        errors: NDArray[np.float64] = self._targets - self.out_of_fold_.reshape(self._targets.shape)
        return errors

    def _predict_folds(self, X: Any) -> NDArray[np.float64]:
        """Return the predictions of each fold's networks, ``[folds, rows, outputs]``."""
        outputs = self.ensemble_.predict_folds(self._encoder.transform(read_table(self, X, reset=False)))
        return np.clip(outputs * self._scale + self._mean, *self._range)

    def _decode(self, outputs: NumpyArray) -> NumpyArray:
        values = np.clip(outputs.astype(np.float64) * self._scale + self._mean, *self._range)
        return values[:, 0] if self._is_flat else values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
