"""The network behind an estimator, written down as data so that a pickle can hold it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fitwell import activations, layers, optimizers, regularizers
from fitwell.arguments import Boolean, Each, Instance, Integer, Made, Options, Real, Rule, check, mistake_in
from fitwell.errors import InvalidArgument, Problems
from fitwell.models import Model, Sequential
from fitwell.progress import VERBOSE

# scikit-learn's names beside fitwell's own.
_ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid"}
# The initializer that keeps the variance through layers of an activation; Glorot's for the others.
_INITIALIZERS = {
    "relu": "he_uniform",
    "leaky_relu": "he_uniform",
    "elu": "he_uniform",
    "selu": "lecun_normal",
}
# The size of a batch where none is given, as in scikit-learn.
_BATCH_SIZE = 200
# The parameters that a network keeps for good.
_BUILT_FROM = (
    "hidden_layer_sizes",
    "activation",
    "solver",
    "alpha",
    "batch_size",
    "learning_rate_init",
    "dropout",
    "batch_normalization",
    "n_members",
)


@dataclass(frozen=True)
class Network:
    """A dense network for so many `inputs` and `outputs`.

    task: what the outputs are, see `TASKS`. parameters: those of the estimator. rows: to train on.
    row_weight: what a row counts on average, before the weights that `fit` gets were brought to mean 1.
    """

    task: str
    inputs: int
    outputs: int
    rows: int
    parameters: dict[str, Any]
    row_weight: float = 1.0

    @property
    def widths(self) -> list[int]:
        """Neurons of every layer, inputs and outputs included."""
        return [self.inputs, *hidden_sizes(self.parameters["hidden_layer_sizes"]), self.outputs]

    @property
    def batch_size(self) -> int:
        """Rows in a batch, where there are as many."""
        size = self.parameters["batch_size"]
        return _BATCH_SIZE if size == "auto" else int(size)

    @property
    def _penalty(self) -> float:
        """What beside our mean loss weighs as ``alpha / 2`` does beside scikit-learn's sum of a batch's losses."""
        # Theirs is a sum over outputs, and half the squared error.
        ours_by_theirs = {"multilabel": 1 / self.outputs, "regression": 2 / self.outputs}.get(self.task, 1.0)
        batch = min(self.batch_size, self.rows) * self.row_weight
        return float(self.parameters["alpha"] / 2 * ours_by_theirs / batch)

    def build(self) -> Model:
        """Return the compiled network with new weights."""
        given = self.parameters
        activation = given["activation"]
        initializer = "glorot_uniform"
        if isinstance(activation, str):
            activation = _ACTIVATIONS.get(activation, activation)
            initializer = _INITIALIZERS.get(activation, initializer)
        penalty = regularizers.L2(self._penalty)
        network = Sequential([layers.Input((self.inputs,))])
        for units in self.widths[1:-1]:
            network.add(layers.Dense(units, kernel_initializer=initializer, kernel_regularizer=penalty))
            if given["batch_normalization"]:
                network.add(layers.BatchNormalization())
            network.add(layers.Activation(activation))
            # There at rate 0 too: a rate is data, so a search over rates compiles once.
            network.add(layers.Dropout(given["dropout"]))
        loss, output_activation = TASKS[self.task]
        network.add(layers.Dense(self.outputs, kernel_regularizer=penalty))
        network.add(layers.Activation(output_activation))
        # A copy: what an object learns in training is neither for the other members nor for the next `fit`.
        optimizer = optimizers.get(copy.deepcopy(given["solver"]))
        if isinstance(given["solver"], str):
            optimizer.learning_rate = given["learning_rate_init"]
        network.compile(loss=loss, optimizer=optimizer)
        return network

    def set_penalty(self, network: Model) -> None:
        """Give a `network` that was built for other rows the penalty for these."""
        for layer in network.layers:
            penalty = getattr(layer, "kernel_regularizer", None)
            if isinstance(penalty, regularizers.L2):
                penalty.l2 = self._penalty

    def check_still_of(self, parameters: dict[str, Any]) -> None:
        """Refuse to train it on with other `parameters` than it was built from."""
        refuse_changes(_BUILT_FROM, self.parameters, parameters, "the network was made")


def refuse_changes(names: Iterable[str], then: Mapping[str, Any], now: Mapping[str, Any], when: str) -> None:
    """Refuse to train on where one of the parameters called `names` was another `then`; when: that was, for people."""
    for name in names:
        before, after = then.get(name), now.get(name)
        if before is not after and repr(before) != repr(after):
            raise InvalidArgument(
                f"partial_fit: {name} was {before!r} when {when} and cannot become {after!r} in it; "
                "put it back, or fit anew"
            )


# Loss and activation of the outputs for each kind of target.
TASKS = {
    "binary": ("binary_crossentropy", "sigmoid"),
    "multilabel": ("binary_crossentropy", "sigmoid"),
    "multiclass": ("sparse_categorical_crossentropy", "softmax"),
    "regression": ("mean_squared_error", "linear"),
}


_HIDDEN = (Integer(1) | Each(Integer(1))).said(
    "integers of at least 1, the neurons of each layer, such as (64, 64)"
)


def hidden_sizes(sizes: Any) -> list[int]:
    """Return the widths of the hidden layers, given as one number or several; none makes a linear model."""
    widths = check("MLP", "hidden_layer_sizes", sizes, _HIDDEN)
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
}


def check_parameters(where: str, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that cannot be honoured, all at once; they are kept as they were given until `fit`."""
    problems = Problems(where)
    for name, rule in _RULES.items():
        if name == "learning_rate_init" and not isinstance(parameters["solver"], str):
            continue  # an optimizer has a rate of its own
        mistake = mistake_in(name, parameters[name], rule)
        if mistake:
            problems.add(mistake)
    problems.raise_any()
    activation = parameters["activation"]
    if isinstance(activation, str):
        activation = _ACTIVATIONS.get(activation, activation)
    check(where, "activation", activation, Made(activations.get))
    check(where, "solver", copy.deepcopy(parameters["solver"]), Made(optimizers.get, optional=False))
