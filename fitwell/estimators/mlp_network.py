"""`MLPNetwork`, a picklable specification of an estimator's network, and checks for its parameters."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fitwell import activations, layers, optimizers, regularizers
from fitwell._param_validation import (
    Boolean,
    Identifier,
    Instance,
    Integer,
    ListOf,
    Options,
    Real,
    Rule,
    find_param_error,
    validate_param,
)
from fitwell._progress import VERBOSE
from fitwell.errors import ErrorCollector
from fitwell.estimators.validation import check_unchanged
from fitwell.models import Model, Sequential

__all__ = [
    "MLPNetwork",
    "TASKS",
    "check_parameters",
    "normalize_hidden_sizes",
]

# scikit-learn's names for activations that have a different name in fitwell.
_ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid"}
# Activations that need a different initializer than Glorot's. ReLU does not: scikit-learn uses Glorot's too, and with
# He's initializer, the regression error was higher on six of six tables (0.383 instead of 0.354 on concrete strength).
_INITIALIZERS = {"selu": "lecun_normal"}
# The batch size for "auto", as in scikit-learn.
_BATCH_SIZE = 200
# The parameters that cannot change between calls to `partial_fit`.
_FROZEN_PARAMETERS = (
    "hidden_layer_sizes",
    "activation",
    "solver",
    "alpha",
    "batch_size",
    "learning_rate_init",
    "dropout",
    "batch_normalization",
    "n_members",
    "preprocess",
)


@dataclass(frozen=True)
class MLPNetwork:
    """The specification of a dense network.

    Attributes:
        task: A key in `TASKS`.
        inputs: The number of features.
        outputs: The number of output units.
        rows: The number of training rows.
        parameters: The estimator's parameters.
        row_weight: The mean sample weight before `fit` rescaled the weights to a mean of 1.
    """

    task: str
    inputs: int
    outputs: int
    rows: int
    parameters: dict[str, Any]
    row_weight: float = 1.0

    @property
    def widths(self) -> list[int]:
        """The number of units in every layer, including inputs and outputs."""
        return [self.inputs, *normalize_hidden_sizes(self.parameters["hidden_layer_sizes"]), self.outputs]

    @property
    def batch_size(self) -> int:
        """Maximum number of rows in a batch."""
        size = self.parameters["batch_size"]
        return _BATCH_SIZE if size == "auto" else int(size)

    @property
    def _penalty(self) -> float:
        """L2 factor that has the same effect on a mean loss as ``alpha / 2`` has on scikit-learn's summed loss."""
        # scikit-learn sums over outputs and halves the squared error.
        ours_by_theirs = {"multilabel": 1 / self.outputs, "regression": 2 / self.outputs}.get(self.task, 1.0)
        batch = min(self.batch_size, self.rows) * self.row_weight
        return float(self.parameters["alpha"] / 2 * ours_by_theirs / batch)

    def build(self) -> Model:
        """Build and compile the network with new weights."""
        parameters = self.parameters
        activation = parameters["activation"]
        initializer = "glorot_uniform"
        if isinstance(activation, str):
            activation = _ACTIVATIONS.get(activation, activation)
            initializer = _INITIALIZERS.get(activation, initializer)
        penalty = regularizers.L2(self._penalty)
        network = Sequential([layers.Input((self.inputs,))])
        for units in self.widths[1:-1]:
            network.add(layers.Dense(units, kernel_initializer=initializer, kernel_regularizer=penalty))
            if parameters["batch_normalization"]:
                network.add(layers.BatchNormalization())
            network.add(layers.Activation(activation))
            # The layer exists even at rate 0. The rate is an input of the program, so a search over rates
            # compiles only once.
            network.add(layers.Dropout(parameters["dropout"]))
        loss, output_activation = TASKS[self.task]
        network.add(layers.Dense(self.outputs, kernel_regularizer=penalty))
        network.add(layers.Activation(output_activation))
        # The solver is copied, because members and later fits must not share optimizer state.
        optimizer = optimizers.get(copy.deepcopy(parameters["solver"]))
        if isinstance(parameters["solver"], str):
            optimizer.learning_rate = parameters["learning_rate_init"]
        network.compile(loss=loss, optimizer=optimizer)
        return network

    def set_penalty(self, network: Model) -> None:
        """Update the penalties in `network` for the current number of rows."""
        for layer in network.layers:
            penalty = getattr(layer, "kernel_regularizer", None)
            if isinstance(penalty, regularizers.L2):
                penalty.l2 = self._penalty

    def check_parameters_unchanged(self, parameters: dict[str, Any]) -> None:
        """Check that `parameters` are the same as the parameters that the network was built with."""
        check_unchanged(_FROZEN_PARAMETERS, self.parameters, parameters, "the network was built")


# Loss and output activation for each type of target.
TASKS = {
    "binary": ("binary_crossentropy", "sigmoid"),
    "multilabel": ("binary_crossentropy", "sigmoid"),
    "multiclass": ("sparse_categorical_crossentropy", "softmax"),
    "regression": ("mean_squared_error", "linear"),
}


_HIDDEN = (Integer(1) | ListOf(Integer(1))).described_as(
    "a list or tuple with the number of units in each hidden layer, such as (64, 64), or a single integer of at least 1"
)


def normalize_hidden_sizes(sizes: Any) -> list[int]:
    """Return the hidden layers' widths as a list. An empty list gives a linear model."""
    widths = validate_param("MLP", "hidden_layer_sizes", sizes, _HIDDEN)
    return list(widths) if isinstance(widths, tuple) else [widths]


_RULES: dict[str, Rule] = {
    "hidden_layer_sizes": _HIDDEN,
    "alpha": Real(0),
    "batch_size": Integer(1) | Options("auto"),
    "learning_rate_init": Real(0, closed="right"),
    "max_iter": Integer(1),
    "shuffle": Boolean(),
    "random_state": Integer(0, 2**32 - 1) | Instance(np.random.RandomState, "a RandomState") | None,
    "tol": Real(0),
    "verbose": VERBOSE,
    "early_stopping": Boolean(),
    "validation_fraction": Real(0, 1, closed="neither"),
    "n_iter_no_change": Integer(1),
    "dropout": Real(0, 1, closed="left"),
    "batch_normalization": Boolean(),
    "n_members": Integer(1),
    "preprocess": Boolean() | Options("auto"),
}


def check_parameters(where: str, parameters: Mapping[str, Any]) -> None:
    """Raise one `InvalidArgument` that lists all invalid parameters.

    `fit` calls this function, because scikit-learn does not allow checks in the constructor.
    """
    problems = ErrorCollector(where)
    for name, rule in _RULES.items():
        if name == "learning_rate_init" and not isinstance(parameters["solver"], str):
            continue  # an optimizer object has its own rate
        mistake = find_param_error(name, parameters[name], rule)
        if mistake:
            problems.add(mistake)
    problems.raise_if_any()
    activation = parameters["activation"]
    if isinstance(activation, str):
        activation = _ACTIVATIONS.get(activation, activation)
    validate_param(where, "activation", activation, Identifier(activations.get))
    validate_param(
        where, "solver", copy.deepcopy(parameters["solver"]), Identifier(optimizers.get, optional=False)
    )
