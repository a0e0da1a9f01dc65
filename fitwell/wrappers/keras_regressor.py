"""`KerasRegressor`, which wraps a model-building function as a scikit-learn regressor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from fitwell._typing import NumpyArray
from fitwell.models import Model
from fitwell.wrappers.base import BaseWrapper

__all__ = [
    "KerasRegressor",
]


class KerasRegressor(RegressorMixin, BaseWrapper):  # type: ignore[misc]
    """A scikit-learn regressor that wraps a function that builds a compiled model.

    `score` returns the negative loss, so higher is better. scikit-learn's regressors return R² instead.

    A pickle contains the weights, and loading it rebuilds the model with the same function. It does not
    contain the optimizer state, so `partial_fit` continues with a new state.

    Args:
        build_fn (Callable[..., Model]): Function that returns a compiled model.
        **settings (Any): Arguments for `build_fn` and `Model.fit` (such as ``epochs=20``). Each is an
            estimator parameter, so a search can vary it.

    Attributes:
        model_ (Model): The fitted model, which is also available as `model`.
        history_ (History): History of the last `fit`.
        n_features_in_ (int): Number of input features.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> from fitwell import Sequential, layers
        >>> def build(width=8):
        ...     model = Sequential([layers.Dense(width, "relu"), layers.Dense(1)])
        ...     model.compile("nadam", "mse")
        ...     return model
        >>> X, y = load_diabetes(return_X_y=True)
        >>> KerasRegressor(build, width=4, epochs=2).fit(X, y).predict(X[:3]).shape
        (3,)

    Source: `tf.keras.wrappers.scikit_learn.KerasRegressor`. Differs from Keras: `fit` returns the estimator.
    """

    def __init__(self, build_fn: Callable[..., Model] | None = None, **settings: Any) -> None:
        super().__init__(build_fn, **settings)

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **settings: Any) -> KerasRegressor:
        """Build a new model and train it.

        Args:
            X (array): Inputs, ``[rows, ...]``.
            y (array): Targets, ``[rows]`` or ``[rows, outputs]``.
            sample_weight (array | None): Weight of each row, ``[rows]``. Default: None.
            **settings (Any): Additional arguments for `Model.fit`, which override the estimator's settings.

        Returns:
            KerasRegressor: The fitted estimator.

        Raises:
            InvalidArgument: if `build_fn` does not return a compiled model, or if `Model.fit` does not accept
                one of the arguments.
        """
        X, y, weights = self._check_rows(X, y, sample_weight)
        self.model_ = self._build()
        self._fit(X, np.asarray(y, np.float32), weights, settings)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, **settings: Any) -> KerasRegressor:
        """Train for one epoch on a chunk of rows. The first call builds the model.

        Args:
            X (array): Inputs, ``[rows, ...]``.
            y (array): Targets, ``[rows]`` or ``[rows, outputs]``.
            sample_weight (array | None): Weight of each row, ``[rows]``. Default: None.
            **settings (Any): Additional arguments for `Model.fit`.

        Returns:
            KerasRegressor: The estimator.

        Raises:
            InvalidArgument: if an argument of `build_fn` changed since the first call.
        """
        first = not hasattr(self, "model_")
        X, y, weights = self._check_rows(X, y, sample_weight, reset=first)
        if first:
            self.model_ = self._build()
        else:
            self._check_build_unchanged()
        self._fit(X, np.asarray(y, np.float32), weights, {"epochs": 1, **settings})
        return self

    def predict(self, X: Any, **settings: Any) -> NumpyArray:
        """Return the model's outputs.

        Args:
            X (array): Inputs, ``[rows, ...]``.
            **settings (Any): Additional arguments for `Model.predict`.

        Returns:
            ndarray: The outputs, ``[rows]`` for a single output unit or ``[rows, units]`` for more than one.
        """
        outputs = self._outputs(X, settings)
        return outputs[:, 0] if outputs.ndim == 2 and outputs.shape[1] == 1 else outputs

    def score(self, X: Any, y: Any, sample_weight: Any = None, **settings: Any) -> float:
        """Return the negative loss.

        Args:
            X (array): Inputs, ``[rows, ...]``.
            y (array): Targets, ``[rows]`` or ``[rows, outputs]``.
            sample_weight (array | None): Weight of each row, ``[rows]``. Default: None.
            **settings (Any): Additional arguments for `Model.evaluate`.

        Returns:
            float: The negative loss on these rows.
        """
        X = self._check_inputs(X)
        y = np.asarray(y, np.float32)
        settings = {"verbose": 0, **settings, "return_dict": True}
        return -float(self.model_.evaluate(X, y, sample_weight=sample_weight, **settings)["loss"])
