"""`KerasRegressor`: a build function as a scikit-learn regressor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from fitwell.models import Model
from fitwell.wrappers.base import BaseWrapper


class KerasRegressor(RegressorMixin, BaseWrapper):  # type: ignore[misc]
    """A model that predicts numbers, as a scikit-learn estimator.

    Parameters
    ----------
    build_fn: a function that returns a compiled model.
    settings: arguments of that function, and of `Model.fit` (``epochs=20``), by name. All are parameters in
        scikit-learn's sense: a search may vary them.

    `fit` takes the other arguments of `Model.fit` too. ``score`` is minus the loss, so higher is better (as
    ever in this wrapper; scikit-learn's own regressors give R²). A pickle holds the weights and rebuilds the
    model with the same function; the optimizer's memory is left out, so `partial_fit` goes on with a fresh one.

    Attributes: model (also model_), history_, n_features_in_. Differs from Keras: `fit` returns the estimator.

    >>> from sklearn.datasets import load_diabetes
    >>> from fitwell import Sequential, layers
    >>> def build(width=8):
    ...     model = Sequential([layers.Dense(width, "relu"), layers.Dense(1)])
    ...     model.compile("nadam", "mse")
    ...     return model
    >>> X, y = load_diabetes(return_X_y=True)
    >>> KerasRegressor(build, width=4, epochs=2).fit(X, y).predict(X[:3]).shape
    (3,)
    """

    def __init__(self, build_fn: Callable[..., Model] | None = None, **settings: Any) -> None:
        super().__init__(build_fn, **settings)

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **settings: Any) -> KerasRegressor:
        """Build a fresh model and train it; `settings` go to `Model.fit`."""
        X, y, weights = self._check_rows(X, y, sample_weight)
        self.model_ = self._build()
        self._fit(X, np.asarray(y, np.float32), weights, settings)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, **settings: Any) -> KerasRegressor:
        """Train for one epoch on some rows: a fresh model at the first call, later the one there is."""
        first = not hasattr(self, "model_")
        X, y, weights = self._check_rows(X, y, sample_weight, reset=first)
        if first:
            self.model_ = self._build()
        else:
            self._check_still_built_so()
        self._fit(X, np.asarray(y, np.float32), weights, {"epochs": 1, **settings})
        return self

    def predict(self, X: Any, **settings: Any) -> NDArray[Any]:
        """Return the outputs: ``[rows]`` for a single unit, else ``[rows, units]``."""
        outputs = self._outputs(X, settings)
        return outputs[:, 0] if outputs.ndim == 2 and outputs.shape[1] == 1 else outputs

    def score(self, X: Any, y: Any, sample_weight: Any = None, **settings: Any) -> float:
        """Return minus the loss over `X` and `y`; `settings` go to `Model.evaluate`."""
        X = self._check_inputs(X)
        y = np.asarray(y, np.float32)
        settings = {"verbose": 0, **settings, "return_dict": True}
        return -float(self.model_.evaluate(X, y, sample_weight=sample_weight, **settings)["loss"])
