"""CIFAR-10: small colour photographs of ten kinds of things."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitwell.datasets._files import locate
from fitwell.errors import FileError

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

_FOLDER = "cifar-10-batches-bin"
_TRAINING = [f"data_batch_{number}.bin" for number in range(1, 6)]
_ROWS = 10000
_ADVICE = (
    "unpack cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html there (its binary version; the "
    "Python version holds pickles, which fitwell never reads)"
)

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def load_data() -> tuple[Pair, Pair]:
    """Return ``(x_train, y_train), (x_test, y_test)`` of CIFAR-10, in the original order.

    Images are uint8 of shape (50000, 32, 32, 3) and (10000, 32, 32, 3), red, green and blue last; labels are
    uint8 of shape (50000, 1) and (10000, 1), as Keras gives them; see `CLASS_NAMES`. The six files of the
    binary version are looked for in a folder ``cifar-10-batches-bin`` of the places that `fitwell.datasets`
    searches. They are never downloaded.

    Raises:
        DatasetNotFound: a file is nowhere.
        FileError: a file is damaged.

    Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """
    parts = [_read(name) for name in _TRAINING]
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts))
    return (images, labels), _read("test_batch.bin")


def _read(name: str) -> Pair:
    """Read one file: for each photograph a byte for its label, then 1024 bytes of each colour."""
    path = locate("cifar10", [f"{_FOLDER}/{name}"], advice=_ADVICE)
    content = np.fromfile(path, np.uint8)
    if content.size != _ROWS * 3073 or content[::3073].max() > 9:
        raise FileError(f"{path} does not hold {_ROWS} photographs in CIFAR-10's binary format")
    records = content.reshape(_ROWS, 3073)
    images = records[:, 1:].reshape(_ROWS, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), records[:, :1].copy()
