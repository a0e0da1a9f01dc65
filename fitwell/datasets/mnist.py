"""The MNIST data set: handwritten digits of 28 x 28 pixels."""

from __future__ import annotations

import numpy as np

from fitwell._file_io import check_path
from fitwell._param_validation import validate_params
from fitwell.datasets._dataset_registry import ImageDataset, register
from fitwell.datasets._download import RemoteFile, find_file
from fitwell.datasets._readers import read_npz
from fitwell.datasets._train_test_split import LOAD_DATA_RULES, BytePair

_REMOTE = RemoteFile(
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",  # as listed by Keras 3
)
_SHAPES = {
    "x_train": (60000, 28, 28),
    "y_train": (60000,),
    "x_test": (10000, 28, 28),
    "y_test": (10000,),
}


@validate_params(LOAD_DATA_RULES)
def load_data(path: str = "mnist.npz") -> tuple[BytePair, BytePair]:
    """Load the MNIST data in the original order.

    Args:
        path (str): The file to read, or its name in the folders that `fitwell.datasets` searches. Default:
            ``"mnist.npz"``.

    Returns:
        tuple: ``(x_train, y_train), (x_test, y_test)``. Images are uint8 arrays of shape (60000, 28, 28) and
        (10000, 28, 28), from 0 (background) to 255 (ink). Labels are uint8 arrays of digits, of shape (60000,) and
        (10000,).

    Raises:
        DatasetNotFound: If the file is not found and cannot be downloaded.
        FileError: If the file is damaged.

    Example:
        >>> import fitwell as fw
        >>> (x_train, y_train), (x_test, y_test) = fw.datasets.mnist.load_data()  # doctest: +SKIP

    Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", 1998.
    """
    check_path(path, "path")
    file = find_file("mnist", [path], _REMOTE)
    x_train, y_train, x_test, y_test = (array.astype(np.uint8) for array in read_npz(file, _SHAPES))
    return (x_train, y_train), (x_test, y_test)


register(ImageDataset("mnist", load_data))

__all__ = ["load_data"]
