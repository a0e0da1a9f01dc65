"""`TabularClassifier`, a scikit-learn classifier for tables."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import check_consistent_length
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from fitwell._typing import NumpyArray
from fitwell.errors import DataError
from fitwell.estimators.validation import read_table
from fitwell.tabular.base import BaseTabular

__all__ = ["TabularClassifier"]


class TabularClassifier(ClassifierMixin, BaseTabular):  # type: ignore[misc]
    """A tabular classifier that averages the probabilities of an ensemble of networks.

    It accepts labels of any type, and data frames with numbers, categories, dates and missing values. No preprocessing
    or tuning is required. By default, two networks with different embeddings are trained for each of five folds, each
    on four fifths of the rows.

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
        classes_ (ndarray): Class labels, ``[classes]``.
        ensemble_ (FoldEnsemble): The networks.
        out_of_fold_ (ndarray | None): Probabilities for the training rows, from networks that did not train on them,
            ``[rows, classes]``. None if `quality` is ``"fast"``, or if the networks train on all rows (see `n_folds`).
        n_features_in_ (int): Number of columns.
        feature_names_in_ (ndarray): Column names. Set only if `X` was a data frame whose column names are strings.

    Example:
        >>> import fitwell as fw
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> network = fw.tabular.TabularNetwork((16,), steps=30, max_epochs=30)
        >>> classifier = fw.tabular.TabularClassifier(network=network, n_folds=2, random_state=0).fit(X, y)
        >>> classifier.predict_proba(X[:2]).shape
        (2, 3)

    Source: Holzmüller et al. (2024), *Better by default*.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TabularClassifier:
        """Train the networks.

        Args:
            X (DataFrame | array): Inputs, ``[rows, columns]``.
            y (array): Labels, ``[rows]``.
            sample_weight (array | None): Weight of each row, ``[rows]``. Default: None.

        Returns:
            TabularClassifier: The fitted estimator.

        Raises:
            InvalidArgument: If a parameter is out of range.
            DataError: If there is only one class, or a column cannot be used.
        """
        self._check_parameters()
        table = read_table(self, X, reset=True)
        if y is None:
            raise ValueError("TabularClassifier requires y to be passed, but the target y is None")
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        check_consistent_length(table, y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(
                f"a classifier needs rows of at least two classes, got only one class: {self.classes_.tolist()}"
            )
        if len(self.classes_) == 2:
            self._fit_ensemble(table, numbers.astype(np.float32)[:, None], "binary", 1, sample_weight)
        else:
            self._fit_ensemble(
                table, numbers.astype(np.int32), "multiclass", len(self.classes_), sample_weight
            )
        out_of_fold = self._complete_out_of_fold
        self.out_of_fold_ = None if out_of_fold is None else self._to_probabilities(out_of_fold)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of every class, averaged over the networks.

        Args:
            X (DataFrame | array): Inputs, ``[rows, columns]``.

        Returns:
            ndarray: Probabilities, ``[rows, classes]``.
        """
        return self._to_probabilities(self._predict_mean(X))

    def predict(self, X: Any) -> NumpyArray:
        """Return the most probable label of each row.

        Args:
            X (DataFrame | array): Inputs, ``[rows, columns]``.

        Returns:
            ndarray: Labels, ``[rows]``.
        """
        probabilities = self.predict_proba(X)
        labels: NumpyArray = self.classes_[probabilities.argmax(axis=1)]
        return labels

    def _to_probabilities(self, outputs: NumpyArray) -> NDArray[np.float64]:
        outputs = outputs.astype(np.float64)
        if len(self.classes_) == 2:
            return np.hstack([1 - outputs, outputs])
        # In float32 the sums differ from 1 by about 1e-7, which scikit-learn rejects.
        return outputs / outputs.sum(axis=1, keepdims=True)
