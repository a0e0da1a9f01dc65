"""The workloads: which data, which network, how it is trained.

A workload is described once, as data; every contender builds the same network from that description. The mathematics
common to all: float32, Glorot-uniform kernels and zero biases, batch normalisation with momentum 0.99 and epsilon 1e-3,
Adam with betas 0.9 and 0.999 and epsilon 1e-7, every row used once an epoch in a new order, the short last batch
included, then one evaluation of the whole validation set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Numbers = NDArray[np.floating[Any]]
Targets = NDArray[np.float32] | NDArray[np.int32]
Loss = Literal["sparse_categorical_crossentropy", "binary_crossentropy", "mse"]

BATCH_NORM_MOMENTUM = 0.99
BATCH_NORM_EPSILON = 1e-3
ADAM_BETAS = (0.9, 0.999)
ADAM_EPSILON = 1e-7


@dataclass(frozen=True)
class Dense:
    """A fully connected layer; the last layer's nonlinearity follows from the loss."""

    units: int
    relu: bool = False


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalisation over the rows of a batch."""


@dataclass(frozen=True)
class Dropout:
    """Zeroes a share `rate` of the inputs while training and scales up the rest."""

    rate: float


@dataclass(frozen=True)
class Image:
    """Rows of pixels become images of one channel; comes first."""

    height: int
    width: int


@dataclass(frozen=True)
class Convolution:
    """A relu of square kernels without padding."""

    filters: int
    size: int


@dataclass(frozen=True)
class MaxPool:
    """The largest value of square windows beside one another."""

    size: int


Layer = Dense | BatchNorm | Dropout | Image | Convolution | MaxPool


@dataclass(frozen=True)
class Data:
    """Training and validation rows: inputs (rows, features) and targets, (rows,) for classes, else (rows, 1)."""

    x: Floats
    y: Targets
    x_valid: Floats
    y_valid: Targets


@dataclass(frozen=True)
class Workload:
    """One training job.

    `epochs` is the length of a full run, after which the score is read; `epochs_per_fit` the longest single fit that is
    timed for the steady epoch; `epochs_per_dispatch` and `fuse_loop` steer the hand-written scan only. `score_seeds`
    is how many full runs of ours are averaged (peers run one). `l2` times the sum of all squared kernels is added to
    the loss.
    """

    name: str
    title: str
    load: Callable[[], Data]
    inputs: int
    layers: tuple[Layer, ...]
    loss: Loss
    optimizer: Literal["sgd", "adam"]
    learning_rate: float
    batch_size: int
    epochs: int
    epochs_per_fit: int
    epochs_per_dispatch: int
    fuse_loop: bool
    score_seeds: int
    l2: float = 0.0

    @property
    def classifies(self) -> bool:
        """Whether there is an accuracy to report beside the loss."""
        return self.loss != "mse"

    @property
    def convolves(self) -> bool:
        """Whether it has convolutions."""
        return any(isinstance(layer, Convolution) for layer in self.layers)


def _image_rows(images: NDArray[np.uint8]) -> Floats:
    return np.ascontiguousarray(images.reshape(len(images), -1), dtype=np.float32) / np.float32(255)


def _images(dataset: str) -> Data:
    """60,000 images: the first 5,000 for validation, the other 55,000 for training."""
    from fitwell import datasets

    (images, labels), _ = getattr(datasets, dataset).load_data()
    x, y = _image_rows(images), labels.astype(np.int32)
    return Data(x[5000:], y[5000:], x[:5000], y[:5000])


def _standardised(x: Numbers, y: Numbers, x_valid: Numbers, y_valid: Numbers) -> Data:
    """Scale the features by the training rows' mean and deviation; targets become one column."""
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    return Data(
        ((x - mean) / deviation).astype(np.float32),
        y.reshape(-1, 1).astype(np.float32),
        ((x_valid - mean) / deviation).astype(np.float32),
        y_valid.reshape(-1, 1).astype(np.float32),
    )


def _fashion_mnist() -> Data:
    return _images("fashion_mnist")


def _fewer_fashion_mnist() -> Data:
    data = _fashion_mnist()
    return Data(data.x[:10_000], data.y[:10_000], data.x_valid, data.y_valid)


def _mnist() -> Data:
    return _images("mnist")


def _california() -> Data:
    from fitwell import datasets

    (x, y), (x_valid, y_valid) = datasets.california_housing.load_data()
    hundred_thousand = np.float32(1e5)
    return _standardised(x, y / hundred_thousand, x_valid, y_valid / hundred_thousand)


def _boston() -> Data:
    from fitwell import datasets

    (x, y), (x_valid, y_valid) = datasets.boston_housing.load_data()
    return _standardised(x, y, x_valid, y_valid)


def _moons() -> Data:
    from sklearn.datasets import make_moons

    x, y = make_moons(n_samples=100, noise=0.2, random_state=1)
    x, y = x.astype(np.float32), y.reshape(-1, 1).astype(np.float32)
    return Data(x[:30], y[:30], x[30:], y[30:])


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            name="W1",
            title="Fashion-MNIST, 784-300-100-10 relu, SGD 0.01, batch 32",
            load=_fashion_mnist,
            inputs=784,
            layers=(Dense(300, relu=True), Dense(100, relu=True), Dense(10)),
            loss="sparse_categorical_crossentropy",
            optimizer="sgd",
            learning_rate=0.01,
            batch_size=32,
            epochs=30,
            epochs_per_fit=2,
            epochs_per_dispatch=1,
            fuse_loop=False,
            score_seeds=1,
        ),
        Workload(
            name="W2",
            title="MNIST, 784-[64 relu, batch norm]x3-dropout 0.2-10, Adam, batch 128",
            load=_mnist,
            inputs=784,
            layers=(
                *(Dense(64, relu=True), BatchNorm()) * 3,
                Dropout(0.2),
                Dense(10),
            ),
            loss="sparse_categorical_crossentropy",
            optimizer="adam",
            learning_rate=0.001,
            batch_size=128,
            epochs=15,
            epochs_per_fit=4,
            epochs_per_dispatch=1,
            fuse_loop=False,
            score_seeds=5,
        ),
        Workload(
            name="W3",
            title="California housing (value in 100,000), 8-30-1 relu, SGD 0.001, batch 32",
            load=_california,
            inputs=8,
            layers=(Dense(30, relu=True), Dense(1)),
            loss="mse",
            optimizer="sgd",
            learning_rate=0.001,
            batch_size=32,
            epochs=20,
            epochs_per_fit=50,
            epochs_per_dispatch=10,
            fuse_loop=True,
            score_seeds=5,
        ),
        Workload(
            name="W4",
            title="Boston housing, 13-32 relu-batch norm-16 relu-batch norm-dropout 0.2-1, Adam, batch 8",
            load=_boston,
            inputs=13,
            layers=(
                Dense(32, relu=True),
                BatchNorm(),
                Dense(16, relu=True),
                BatchNorm(),
                Dropout(0.2),
                Dense(1),
            ),
            loss="mse",
            optimizer="adam",
            learning_rate=0.001,
            batch_size=8,
            epochs=32,
            epochs_per_fit=200,
            epochs_per_dispatch=50,
            fuse_loop=True,
            score_seeds=5,
        ),
        Workload(
            name="W5",
            title="Two moons, 2-500-1 relu, Adam, all 30 rows in one batch, 4000 epochs",
            load=_moons,
            inputs=2,
            layers=(Dense(500, relu=True), Dense(1)),
            loss="binary_crossentropy",
            optimizer="adam",
            learning_rate=0.001,
            batch_size=32,
            epochs=4000,
            epochs_per_fit=4000,
            epochs_per_dispatch=1000,
            fuse_loop=True,
            score_seeds=5,
        ),
        Workload(
            name="W9",
            title="Fashion-MNIST, 10,000 rows, convolutions 3x3 16-pool-32-pool-10, Adam, batch 32",
            load=_fewer_fashion_mnist,
            inputs=784,
            layers=(
                Image(28, 28),
                Convolution(16, 3),
                MaxPool(2),
                Convolution(32, 3),
                MaxPool(2),
                Dense(10),
            ),
            loss="sparse_categorical_crossentropy",
            optimizer="adam",
            learning_rate=0.001,
            batch_size=32,
            epochs=10,
            epochs_per_fit=2,
            epochs_per_dispatch=1,
            fuse_loop=False,
            score_seeds=3,
        ),
    )
}
