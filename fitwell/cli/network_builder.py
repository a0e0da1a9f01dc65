"""Construction of a run's network from the options and the shape of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fitwell._data.target import ClassTarget
from fitwell.cli.prepared_data import PreparedData
from fitwell.errors import InvalidArgument

__all__ = [
    "TrainOptions",
    "build_network",
    "initializer_for",
    "loss_for",
]

LARGE_INPUT_COUNT = 200
# Smallest number of hidden layers for which batch normalization is on by default. Regression needs one more layer,
# because the noise in the batch statistics reaches the linear output. (With two hidden layers, batch normalization
# improves the accuracy on digits by 1.8 points, but makes the error on California housing worse.)
BATCH_NORM_DEPTH = {"binary": 2, "multiclass": 2, "regression": 3}
LARGE_ROW_COUNT = 10_000

# Initializers that preserve the variance of the activations from layer to layer (He 2015, LeCun 1998, Glorot 2010).
INITIALIZERS = {
    "he_normal": ("relu", "relu6", "elu", "leaky_relu", "gelu", "silu", "swish", "mish", "celu"),
    "lecun_normal": ("selu",),
}


@dataclass(frozen=True)
class TrainOptions:
    """The options for the network and its training, with all defaults filled in."""

    hidden: tuple[int, ...]
    activation: str
    batch_norm: bool
    dropout: float
    l2: float
    optimizer: str
    learning_rate: float | None
    batch_size: int
    epochs: int
    patience: int
    seed: int

    @property
    def plateau_patience(self) -> int:
        """Number of epochs without a better validation loss after which the learning rate is halved."""
        return max(self.patience // 2, 1)

    @classmethod
    def with_defaults(cls, options: Any, prepared: PreparedData) -> TrainOptions:
        """Create the options, and fill in missing ones depending on the size of the data."""
        inputs = int(np.prod(prepared.train.x.shape[1:]))
        hidden = tuple(options.hidden or ((256, 128) if inputs >= LARGE_INPUT_COUNT else (64, 64)))
        dropout = options.dropout or 0.0
        if not 0 <= dropout < 1:
            raise InvalidArgument(f"--dropout must be at least 0 and below 1, got {dropout:g}")
        for name in ("quality", "minutes"):
            if getattr(options, name) is not None:
                raise InvalidArgument(f"--{name} only applies to --network tabular")
        return cls(
            hidden,
            options.activation or "elu",
            len(hidden) >= BATCH_NORM_DEPTH[prepared.target.task]
            if options.batch_norm is None
            else options.batch_norm,
            dropout,
            options.l2 or 0.0,
            options.optimizer or "nadam",
            options.learning_rate,
            options.batch_size or (128 if len(prepared.train) > LARGE_ROW_COUNT else 32),
            options.epochs or 100,
            options.patience or 10,
            options.seed,
        )


def build_network(prepared: PreparedData, settings: TrainOptions, measure_loss: bool = False) -> Any:
    """Build and compile the model.

    The hidden layers use `settings.activation` and an initializer that matches it. Depending on the settings, batch
    normalization follows each hidden layer, and dropout follows the last one. The output layer is linear for
    regression, a sigmoid for two classes, and a softmax for more classes.

    Args:
        prepared: The data, which determines the shapes and the task.
        settings: The options for the network.
        measure_loss: Whether to also report the loss without penalties as a metric.
    """
    from fitwell import Sequential, layers, regularizers

    initializer = initializer_for(settings.activation)
    model = Sequential([layers.Input(prepared.train.x.shape[1:])], name=_identifier(prepared.name))
    if prepared.train.x.ndim > 2:
        model.add(layers.Flatten())
    for units in settings.hidden:
        penalty = regularizers.l2(settings.l2) if settings.l2 else None
        model.add(
            layers.Dense(
                units,
                activation=settings.activation,
                kernel_initializer=initializer,
                kernel_regularizer=penalty,
            )
        )
        if settings.batch_norm:
            model.add(layers.BatchNormalization())
    if settings.dropout:
        model.add(layers.Dropout(settings.dropout))
    target = prepared.target
    if not isinstance(target, ClassTarget):
        model.add(layers.Dense(1))
        metrics = ["mae"]
    else:
        metrics = ["accuracy"]
        if target.task == "binary":
            model.add(layers.Dense(1, activation="sigmoid"))
        else:
            model.add(layers.Dense(len(target.classes), activation="softmax"))
    loss = loss_for(prepared)
    if measure_loss:
        metrics.append(loss)
    model.compile(loss=loss, optimizer=_optimizer(settings), metrics=metrics)
    return model


def loss_for(prepared: PreparedData) -> str:
    """Return the name of the loss for the task."""
    target = prepared.target
    if not isinstance(target, ClassTarget):
        return "mse"
    return "binary_crossentropy" if target.task == "binary" else "sparse_categorical_crossentropy"


def initializer_for(activation: str) -> str:
    """Return the name of the initializer for layers with `activation`.

    >>> initializer_for("elu"), initializer_for("selu"), initializer_for("tanh")
    ('he_normal', 'lecun_normal', 'glorot_uniform')
    """
    for initializer, activations in INITIALIZERS.items():
        if activation in activations:
            return initializer
    return "glorot_uniform"


def _optimizer(settings: TrainOptions) -> Any:
    from fitwell import optimizers

    optimizer = optimizers.get(settings.optimizer)
    if settings.learning_rate is not None:
        optimizer.learning_rate = settings.learning_rate
    return optimizer


def _identifier(name: str) -> str:
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in name) or "network"
