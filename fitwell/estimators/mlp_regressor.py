"""`MLPRegressor`, a scikit-learn regressor that consists of one or more dense networks."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import column_or_1d, validate_data

from fitwell._typing import NumpyArray
from fitwell.estimators.base import BaseMLP

__all__ = [
    "MLPRegressor",
]


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]
    """A multilayer perceptron regressor with scikit-learn's interface.

    It predicts one or more numbers per row. Targets are standardized inside. Tables with categories or missing values
    are preprocessed. Standardize other inputs first, with `StandardScaler` in a pipeline or with ``preprocess=True``.

    As in scikit-learn, a batch's loss is proportional to ``1/2 · Σ (prediction - y)² + alpha / 2 · Σ w²``, where w
    are the kernels' weights, and y is standardized. The reported losses are mean squared errors of the standardized
    targets. Predictions are averaged over members, and ``predict(X, return_std=True)`` also returns their standard
    deviation.

    Args:
        hidden_layer_sizes (int | Sequence[int]): Number of units in each hidden layer. ``()`` gives a linear
            model. Default: (100,).
        activation (str | Callable): The hidden layers' activation, which is a name from scikit-learn or from
            `fitwell.activations`, or a function. Default: "relu".
        solver (str | Optimizer): Name of an optimizer from `fitwell.optimizers`, or an optimizer, which keeps
            the learning rate it was created with. Default: "adam".
        alpha (float): Strength of the L2 penalty on all kernels, which must be >= 0. Default: 0.0001.
        batch_size (int | str): Number of rows per batch. ``"auto"`` means 200, or all rows if there are
            fewer. Default: "auto".
        learning_rate_init (float): Learning rate, which must be above 0. It is used only if `solver` is a
            name. Default: 0.001.
        max_iter (int): Maximum number of epochs. Default: 200.
        shuffle (bool): Whether to shuffle the rows in every epoch. Default: True.
        random_state (int | RandomState | None): Seed for the initial weights, the shuffling, the dropout
            masks and the held-out rows. Default: None.
        tol (float): Smallest decrease of the loss that counts as an improvement. Default: 0.0001.
        verbose (int | str): Verbosity, as for `Model.fit`. 1 shows progress. Default: 0.
        early_stopping (bool): Whether to monitor the loss on held-out rows instead of the training loss, and
            to restore the best weights. Default: False.
        validation_fraction (float): Fraction of the rows to hold out for early stopping, in (0, 1).
            Default: 0.1.
        n_iter_no_change (int): Number of epochs without an improvement after which training stops. Default:
            10.
        dropout (float): Dropout rate after each hidden layer, in [0, 1). Default: 0.0.
        batch_normalization (bool): Whether to add batch normalization before each hidden activation.
            Default: False.
        n_members (int): Number of networks, which differ in their seeds and are trained as one program.
            Default: 1.
        preprocess (bool | str): Whether to preprocess `X`: numbers are standardized, categories are one-hot encoded,
            dates are split into parts, and missing values are imputed and flagged. ``"auto"`` does so if `X` is a data
            frame with missing values or with columns that are not numbers. Unless False, targets are standardized
            too, and predictions are in original units. Default: ``"auto"``.

    Attributes:
        n_features_in_ (int): Number of input features.
        n_outputs_ (int): Number of output units.
        n_layers_ (int): Number of layers, including inputs and outputs.
        n_iter_ (int): Number of epochs for which the longest-trained member was trained.
        loss_ (float): Final training loss, averaged over members.
        loss_curve_ (list[float]): Training loss of each epoch, averaged over members.
        population_ (Population): The members. ``population_.member(0)`` is the first model.

    Example:
        >>> import numpy as np
        >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
        >>> regressor = MLPRegressor((8,), max_iter=5, tol=0, n_iter_no_change=9, n_members=3, random_state=0)
        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")  # five epochs are too few
        ...     mean, std = regressor.fit(X, X[:, 0] ** 2).predict(X[:4], return_std=True)
        >>> mean.shape, std.shape
        ((4,), (4,))

    Source: scikit-learn `MLPRegressor`.
    """

    # Pickles from version 0.1.0 do not contain these attributes.
    _mean: Any = 0.0
    _scale: Any = 1.0

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train new members on all rows.

        Args:
            X (array): Inputs, ``[rows, features]``.
            y (array): Targets, ``[rows]`` or ``[rows, outputs]``.
            sample_weight (array | None): Weight of each row, ``[rows]``. Default: None.

        Returns:
            MLPRegressor: The fitted estimator.

        Raises:
            InvalidArgument: if a parameter is out of range, or no row has a positive weight.
        """
        X, targets = self._check(X, y, reset=True)
        weights = self._check_weights(sample_weight, X)
        self._train(X, targets, weights, "regression", targets.shape[1])
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train for one epoch on a chunk of rows. The first call creates the members.

        Args:
            X (array): Inputs, ``[rows, features]``.
            y (array): Targets, ``[rows]`` or ``[rows, outputs]``.
            sample_weight (array | None): Weight of each row, ``[rows]``. The weights multiply the losses
                without normalization. Default: None.

        Returns:
            MLPRegressor: The estimator.

        Raises:
            InvalidArgument: if one of the network's parameters changed, or if `early_stopping` is True.
        """
        X, targets = self._check(X, y, reset=not hasattr(self, "population_"))
        weights = self._check_weights(sample_weight, X)
        self._partial_train(X, targets, weights, "regression", targets.shape[1])
        return self

    def _check(self, X: Any, y: Any, *, reset: bool) -> tuple[NumpyArray, NumpyArray]:
        inputs = self._preprocess(X, reset=reset)
        if inputs is None:
            inputs, y = validate_data(
                self, X, y, dtype=np.float32, multi_output=True, y_numeric=True, reset=reset
            )
        else:
            y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
            check_consistent_length(inputs, y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        targets = np.asarray(y, np.float64).reshape(len(y), -1)
        if reset:
            self._is_flat = y.ndim == 1
            self._mean, self._scale = np.zeros(targets.shape[1]), np.ones(targets.shape[1])
            if self.preprocess is not False:
                self._mean, deviation = targets.mean(axis=0), targets.std(axis=0)
                self._scale = np.where(deviation > 0, deviation, 1.0)
        return inputs, ((targets - self._mean) / self._scale).astype(np.float32)

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the predictions, averaged over members.

        Args:
            X (array): Inputs, ``[rows, features]``.
            return_std (bool): Whether to return the standard deviation over members too. Default: False.

        Returns:
            ndarray | tuple[ndarray, ndarray]: The predictions, with the shape of the `y` that was passed to
            `fit`. If `return_std` is True, also their standard deviation over members.
        """
        predictions = self._predict_members(X) * self._scale + self._mean
        predictions = predictions[:, :, 0] if self._is_flat else predictions
        return (predictions.mean(axis=0), predictions.std(axis=0)) if return_std else predictions.mean(axis=0)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
