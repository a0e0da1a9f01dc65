"""Base class of the estimators for tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from fitwell._data.feature_encoder import FeatureEncoder
from fitwell._param_validation import Instance, Integer, Options, Real, Rule, find_param_error
from fitwell._progress import VERBOSE
from fitwell._typing import NumpyArray
from fitwell.errors import ErrorCollector
from fitwell.estimators.validation import check_sample_weight, read_table
from fitwell.tabular.fold_ensemble import FoldEnsemble, TableArrays
from fitwell.tabular.network import TabularNetwork, Task, default_networks, time_limit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BaseTabular"]

_MAX_SEED = 2**31 - 1


_RULES: dict[str, Rule] = {
    "quality": Options("fast", "good", "best"),
    "minutes": Real(0) | None,
    "network": Instance(TabularNetwork, "a TabularNetwork") | None,
    "n_folds": Integer(1),
    "n_seeds": Integer(1),
    "random_state": Integer(0, 2**32 - 1) | Instance(np.random.RandomState, "a RandomState") | None,
    "verbose": VERBOSE,
}


class BaseTabular(BaseEstimator):  # type: ignore[misc]
    """Base class of `TabularClassifier` and `TabularRegressor`."""

    ensemble_: FoldEnsemble

    def __init__(
        self,
        quality: str = "good",
        *,
        minutes: float | None = None,
        network: TabularNetwork | None = None,
        n_folds: int = 5,
        n_seeds: int = 1,
        random_state: Any = None,
        verbose: int | str = 0,
    ) -> None:
        self.quality = quality
        self.minutes = minutes
        self.network = network
        self.n_folds = n_folds
        self.n_seeds = n_seeds
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        """Raise one error that lists all invalid parameters.

        `fit` calls this method, because scikit-learn does not allow checks in the constructor.
        """
        problems = ErrorCollector(type(self).__name__)
        for name, rule in _RULES.items():
            mistake = find_param_error(name, getattr(self, name), rule)
            if mistake:
                problems.add(mistake)
        if self.minutes is not None and self.quality != "best":
            problems.add(f"minutes={self.minutes!r} requires quality='best', got quality={self.quality!r}")
        problems.raise_if_any()

    def _fit_ensemble(
        self, table: pd.DataFrame, y: NumpyArray, task: Task, num_outputs: int, sample_weight: Any
    ) -> None:
        self._encoder = FeatureEncoder(table, to_normal=True)
        weights = check_sample_weight(sample_weight, len(table), ensure_non_negative=True)
        arrays = TableArrays(
            self._encoder.transform(table), y, self._encoder.numeric, task, num_outputs, weights
        )
        self.ensemble_ = FoldEnsemble(
            default_networks(self.quality) if self.network is None else [self.network],
            self.n_folds,
            self.n_seeds,
            int(check_random_state(self.random_state).randint(_MAX_SEED)),
            first_fold_only=self.quality == "fast",
        ).fit(arrays, self.verbose, time_limit(self.quality, self.minutes))

    def _predict_mean(self, X: Any) -> NDArray[np.float64]:
        """Return the networks' mean outputs, ``[rows, outputs]``."""
        check_is_fitted(self)
        features = self._encoder.transform(read_table(self, X, reset=False))
        return self.ensemble_.predict(features)

    @property
    def _complete_out_of_fold(self) -> NDArray[np.float32] | None:
        """The out-of-fold predictions, or None if no network was validated on some of the rows."""
        covers_all = self.ensemble_.fold_of_row.min() >= 0
        return self.ensemble_.out_of_fold if covers_all else None

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "ensemble_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags
