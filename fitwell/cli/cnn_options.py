"""`CNNOptions`, the command-line options for a convolutional network, and the construction of the network."""

from __future__ import annotations

import math
from argparse import Namespace
from dataclasses import dataclass
from typing import Any

import numpy as np

from fitwell.cli.network_options import default_batch_size, dropout_rate
from fitwell.cli.network_output import loss_for, metrics_for, model_name, output_layer
from fitwell.cli.prepared_data import PreparedData
from fitwell.errors import InvalidArgument

__all__ = ["CNNOptions", "build_network", "filters_for"]

# Eleven epochs of MNIST, which take six and a half minutes on two cores.
STEPS = 4000
MIN_EPOCHS, MAX_EPOCHS = 10, 100
# Pooling stops at this size, so that the dense layer still sees where in the image something is.
SMALLEST_SIDE = 7
MIN_CONVOLUTIONS = 3
MAX_FILTERS = 64
DENSE_UNITS = 128


@dataclass(frozen=True)
class CNNOptions:
    """The options for the network and its training, with all defaults filled in."""

    dropout: float
    learning_rate: float
    batch_size: int
    epochs: int
    augment: bool
    seed: int

    @classmethod
    def with_defaults(cls, options: Namespace, prepared: PreparedData) -> CNNOptions:
        """Create the options, and fill in missing ones depending on the number of images.

        Raises:
            InvalidArgument: If the inputs are not images, or if an option is out of range.
        """
        if prepared.image_shape is None:
            raise InvalidArgument("--network cnn only applies to images; omit it, or choose --network mlp")
        rows = len(prepared.train)
        batch_size = options.batch_size or default_batch_size(rows)
        epochs = int(np.clip(math.ceil(STEPS * batch_size / rows), MIN_EPOCHS, MAX_EPOCHS))
        return cls(
            dropout_rate(options, 0.3),
            options.learning_rate or 0.003,
            batch_size,
            options.epochs or epochs,
            options.augment is not False,
            options.seed,
        )

    @property
    def decays_to_zero(self) -> bool:
        """Whether the learning rate falls to zero in the last epoch."""
        return True

    def build(self, prepared: PreparedData) -> Any:
        """Build and compile the network."""
        return build_network(prepared, self)

    def make_callbacks(self) -> list[Any]:
        """Return the callback that restores the weights of the best epoch.

        It does not stop the training early, because the learning rate has a fixed schedule.
        """
        from fitwell import callbacks

        return [callbacks.EarlyStopping(monitor="val_loss", patience=self.epochs, restore_best_weights=True)]

    def to_settings(self) -> dict[str, Any]:
        """Return the settings for ``run.json``."""
        return dict(vars(self))

    def describe(self, prepared: PreparedData, model: Any) -> str:
        """Describe the network in a sentence before the training starts."""
        shape = prepared.image_shape
        assert shape is not None
        extras = [f"batches of {self.batch_size}", f"dropout {self.dropout:g}"]
        extras += ["images randomly shifted and rotated"] if self.augment else []
        return (
            f"Training a convolutional network of {' - '.join(map(str, filters_for(shape)))} filters with "
            f"{model.count_params():,} parameters for {self.epochs} epochs ({', '.join(extras)})."
        )

    def describe_settings(self) -> list[tuple[str, str]]:
        """Return pairs of a setting and its value for the report."""
        return [
            ("network", "convolutional"),
            ("learning rate", f"{self.learning_rate:g}, with warm-up and cosine decay"),
            ("batch size", str(self.batch_size)),
            ("dropout", f"{self.dropout:g}"),
            ("random shifts and rotations", "yes" if self.augment else "no"),
        ]


def filters_for(shape: list[int]) -> list[int]:
    """Return the number of filters of each convolution for images of `shape`.

    The number doubles after each pooling, up to 64.

    >>> filters_for([28, 28]), filters_for([64, 64, 3]), filters_for([8, 8])
    ([32, 64, 64], [32, 64, 64, 64, 64], [32, 64, 64])
    """
    poolings = max(0, math.ceil(math.log2(min(shape[:2]) / SMALLEST_SIDE)))
    return [min(32 * 2**index, MAX_FILTERS) for index in range(max(poolings + 1, MIN_CONVOLUTIONS))]


def build_network(prepared: PreparedData, options: CNNOptions) -> Any:
    """Build and compile the model.

    Each convolution is followed by batch normalization and ReLU, and by a pooling as long as both sides of the image
    stay larger than `SMALLEST_SIDE`. A dense layer between two dropouts precedes the output layer.

    Args:
        prepared: The data, which determines the shapes and the task.
        options: The options for the network.
    """
    from fitwell import Sequential, layers, optimizers, schedules

    shape = prepared.image_shape
    assert shape is not None
    model = Sequential([layers.Input(prepared.train.x.shape[1:])], name=model_name(prepared.name))
    if len(shape) == 2:
        model.add(layers.Reshape((*shape, 1)))
    if options.augment:
        # More than this helps MNIST a little, but costs two points on Fashion-MNIST in ten epochs.
        model.add(layers.RandomTranslation(0.07, 0.07, fill_mode="nearest"))
        model.add(layers.RandomRotation(0.015, fill_mode="nearest"))
    side = min(shape[:2])
    for filters in filters_for(shape):
        model.add(layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal"))
        model.add(layers.BatchNormalization())
        model.add(layers.Activation("relu"))
        if side > SMALLEST_SIDE:
            model.add(layers.MaxPooling2D(2))
            side //= 2
    model.add(layers.Flatten())
    if options.dropout:
        model.add(layers.Dropout(options.dropout))
    model.add(layers.Dense(DENSE_UNITS, activation="relu", kernel_initializer="he_normal"))
    if options.dropout:
        model.add(layers.Dropout(options.dropout))
    model.add(output_layer(prepared.target))
    steps = options.epochs * math.ceil(len(prepared.train) / options.batch_size)
    warmup = max(1, steps // 20)
    rate = schedules.CosineDecay(
        0.0, max(1, steps - warmup), warmup_target=options.learning_rate, warmup_steps=warmup
    )
    model.compile(optimizers.Adam(rate), loss_for(prepared.target), metrics_for(prepared.target))
    return model
