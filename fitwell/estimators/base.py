"""The base class of the classifier and the regressor, which handles parameters, training and pickling."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from fitwell._data.feature_encoder import FeatureEncoder
from fitwell._data.splits import hold_out
from fitwell._typing import NumpyArray
from fitwell.callbacks import EarlyStopping
from fitwell.errors import DataError, InvalidArgument, warn
from fitwell.estimators.mlp_network import MLPNetwork, check_parameters
from fitwell.estimators.validation import check_sample_weight, needs_preprocessing, read_table
from fitwell.models import Model
from fitwell.population import Population
from fitwell.population.members import Setting
from fitwell.random import SeedGenerator

__all__ = [
    "BaseMLP",
]

_MAX_SEED = 2**31 - 1
_PREDICT_BATCH_SIZE = 256


class BaseMLP(BaseEstimator):  # type: ignore[misc]
    """Base class of `MLPClassifier` and `MLPRegressor`. It trains networks with different seeds."""

    population_: Population
    _network: MLPNetwork
    _encoder: FeatureEncoder | None = None

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: int = 0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        dropout: float = 0.0,
        batch_normalization: bool = False,
        n_members: int = 1,
        preprocess: bool | str = "auto",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.dropout = dropout
        self.batch_normalization = batch_normalization
        self.n_members = n_members
        self.preprocess = preprocess

    # --- training ----------------------------------------------------------------------------------------

    def _train(self, X: NumpyArray, y: NumpyArray, weights: Any, task: str, outputs: int) -> None:
        """Create the members and train each until it stops early or reaches `max_iter` epochs."""
        check_parameters(type(self).__name__, self.get_params(deep=False))
        # Only the ratios between the weights matter, except for the penalty.
        row_weight = 1.0
        if weights is not None:
            row_weight = float(weights.mean())
            if not row_weight > 0:
                raise InvalidArgument("sample_weight: at least one weight must be above 0")
            weights = weights / np.float32(row_weight)
        held_out = None
        if self.early_stopping:
            X, y, weights, held_out = self._hold_out(X, y, weights, task)
        monitor, keep = ("val_loss", True) if self.early_stopping else ("loss", False)
        stopping = EarlyStopping(
            monitor, min_delta=self.tol, patience=self.n_iter_no_change, restore_best_weights=keep
        )
        self._initialize(len(X), X.shape[1], task, outputs, row_weight)
        self._fit_population(X, y, weights, self.max_iter, validation_data=held_out, callbacks=[stopping])
        if any(len(history.epoch) == self.max_iter for history in self.population_.history):
            warn(
                f"{type(self).__name__}: training reached max_iter={self.max_iter} epochs before the loss stopped "
                "falling; increase max_iter or learning_rate_init",
                ConvergenceWarning,
            )

    def _partial_train(self, X: NumpyArray, y: NumpyArray, weights: Any, task: str, outputs: int) -> None:
        """Train the members for one epoch. The first call creates them."""
        if self.early_stopping:
            raise InvalidArgument(
                "partial_fit: early_stopping=True is not supported, because it needs all rows; set it to False"
            )
        earlier: Sequence[float] = ()
        if not hasattr(self, "population_"):
            check_parameters(type(self).__name__, self.get_params(deep=False))
            self._initialize(len(X), X.shape[1], task, outputs)
        else:
            self._network.check_parameters_unchanged(self.get_params(deep=False))
            # The penalty per row depends on the number of rows in this call.
            self._network = dataclasses.replace(self._network, rows=len(X), row_weight=1.0)
            for member in self.population_.members:
                self._network.set_penalty(member.model)
            earlier = getattr(self, "loss_curve_", ())
        self._fit_population(X, y, weights, 1, earlier)

    def _initialize(self, rows: int, inputs: int, task: str, outputs: int, row_weight: float = 1.0) -> None:
        parameters = self.get_params(deep=False)
        stream = SeedGenerator(check_random_state(self.random_state).randint(_MAX_SEED))
        self._network = MLPNetwork(task, inputs, outputs, rows, parameters, row_weight)
        self.population_ = Population(
            self._build_model, seeds=[stream.next() for _ in range(int(self.n_members))]
        )

    def _build_model(self, setting: Setting) -> Model:
        return self._network.build()

    def _fit_population(
        self,
        X: NumpyArray,
        y: NumpyArray,
        weights: Any,
        epochs: int,
        earlier: Sequence[float] = (),
        **settings: Any,
    ) -> None:
        """Train the members. `earlier` contains the losses from previous epochs."""
        self.population_.fit(
            X,
            y,
            batch_size=self._network.batch_size,
            epochs=epochs,
            sample_weight=weights,
            shuffle=bool(self.shuffle),
            verbose=self.verbose,
            **settings,
        )
        curves = [history.history["loss"] for history in self.population_.history]
        longest = max(map(len, curves))
        means = [float(np.mean([curve[i] for curve in curves if len(curve) > i])) for i in range(longest)]
        self.loss_curve_ = [*earlier, *means]
        self.n_iter_ = len(self.loss_curve_)
        self.loss_ = float(np.mean([curve[-1] for curve in curves]))
        self.n_layers_ = len(self._network.widths)
        self.n_outputs_ = self._network.outputs

    def _hold_out(self, X: Any, y: Any, weights: Any, task: str) -> tuple[Any, Any, Any, tuple[Any, ...]]:
        """Hold out `validation_fraction` of the rows, stratified by class if there are classes."""
        labels = y if task in ("binary", "multiclass") else None
        try:
            train, held_out = hold_out(
                len(X), self.validation_fraction, check_random_state(self.random_state), labels
            )
        except ValueError as error:
            raise DataError(
                f"early_stopping cannot hold out validation_fraction={self.validation_fraction} of {len(X)} rows "
                f"({error}); increase validation_fraction, remove rare classes, or set early_stopping=False"
            ) from error
        validation = tuple(array[held_out] for array in (X, y, weights) if array is not None)
        return X[train], y[train], None if weights is None else weights[train], validation

    def _check_weights(self, sample_weight: Any, X: NumpyArray) -> Any:
        return check_sample_weight(sample_weight, len(X), ensure_non_negative=True)

    def _preprocess(self, X: Any, *, reset: bool) -> NumpyArray | None:
        """Return the preprocessed inputs, or None if `X` is used as it is. If `reset`, fit the preprocessing to `X`."""
        if reset:
            check_parameters(type(self).__name__, self.get_params(deep=False))
            self._encoder = None
            if self.preprocess is False or (self.preprocess == "auto" and not needs_preprocessing(X)):
                return None
            table = read_table(self, X, reset=True)
            self._encoder = FeatureEncoder(table, to_normal=False)
        elif self._encoder is None:
            return None
        else:
            table = read_table(self, X, reset=False)
        return self._encoder.transform(table)

    # --- predicting --------------------------------------------------------------------------------------

    def _predict_members(self, X: Any) -> NDArray[np.float32]:
        """Return every member's outputs as an array with the axes ``[members, rows, outputs]``."""
        check_is_fitted(self)
        inputs = self._preprocess(X, reset=False)
        if inputs is None:
            inputs = validate_data(self, X, reset=False, dtype=np.float32)
        # With a fixed batch size, there is only one compilation, and a row's prediction does not depend on
        # other rows.
        missing = -len(inputs) % _PREDICT_BATCH_SIZE
        padded = np.pad(inputs, [(0, missing), (0, 0)])
        outputs = [
            member.model.predict(padded, batch_size=_PREDICT_BATCH_SIZE, verbose=0)
            for member in self.population_.members
        ]
        return np.stack(outputs)[:, : len(inputs)]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "population_")

    # --- pickling ----------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "population_" in state:
            # The pickle contains the full training state, so that `partial_fit` continues as it would without
            # pickling.
            state["_members"] = state.pop("population_").to_tree()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        members = state.pop("_members", None)
        super().__setstate__(state)
        if members is not None:
            self.population_ = Population.from_tree(members, self._build_model)
