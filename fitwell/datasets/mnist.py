"""MNIST: handwritten digits of 28 x 28 pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitwell.arguments import checked
from fitwell.datasets._files import Remote, locate
from fitwell.datasets._read import read_npz
from fitwell.datasets._split import SPLIT
from fitwell.paths import path_of

_REMOTE = Remote(
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",  # as listed by Keras 3
)
_SHAPES = {
    "x_train": (60000, 28, 28),
    "y_train": (60000,),
    "x_test": (10000, 28, 28),
    "y_test": (10000,),
}

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


@checked(SPLIT)
def load_data(path: str = "mnist.npz") -> tuple[Pair, Pair]:
    """Return ``(x_train, y_train), (x_test, y_test)`` of MNIST, in the original order.

    Images are uint8 of shape (60000, 28, 28) and (10000, 28, 28), 0 is background and 255 ink; labels are
    uint8 digits of shape (60000,) and (10000,).

    Args:
        path: file to read, or its name in the folders that `fitwell.datasets` searches.

    Raises:
        DatasetNotFound: the file is nowhere and cannot be downloaded.
        FileError: the file is damaged.

    Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", 1998.
    """
    path_of(path, "path")
    file = locate("mnist", [path], _REMOTE)
    x_train, y_train, x_test, y_test = (array.astype(np.uint8) for array in read_npz(file, _SHAPES))
    return (x_train, y_train), (x_test, y_test)
