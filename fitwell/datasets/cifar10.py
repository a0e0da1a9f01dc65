"""The CIFAR-10 data set: color photographs of 32 x 32 pixels in ten classes."""

from __future__ import annotations

import numpy as np

from fitwell.datasets._dataset_registry import ImageDataset, register
from fitwell.datasets._download import find_file
from fitwell.datasets._train_test_split import BytePair
from fitwell.errors import FileError

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""The class names for the labels 0 to 9."""

_FOLDER = "cifar-10-batches-bin"
_TRAINING = [f"data_batch_{number}.bin" for number in range(1, 6)]
_ROWS = 10000
_ADVICE = (
    "unpack cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html into one of these folders (the "
    "Python version is not supported because it contains pickles, which fitwell never reads)"
)


def load_data() -> tuple[BytePair, BytePair]:
    """Load the CIFAR-10 data in the original order.

    The six files of the binary version must be in a subfolder ``cifar-10-batches-bin`` of one of the folders that
    `fitwell.datasets` searches. They are never downloaded.

    Returns:
        tuple: ``(x_train, y_train), (x_test, y_test)``. Images are uint8 arrays of shape (50000, 32, 32, 3)
        and (10000, 32, 32, 3), with the channels red, green and blue. Labels are uint8 arrays of shape (50000, 1)
        and (10000, 1), as in Keras. `CLASS_NAMES` contains the class names.

    Raises:
        DatasetNotFound: If a file is not found.
        FileError: If a file is damaged.

    Example:
        >>> import fitwell as fw
        >>> (x_train, y_train), (x_test, y_test) = fw.datasets.cifar10.load_data()  # doctest: +SKIP

    Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """
    parts = [_read(name) for name in _TRAINING]
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts))
    return (images, labels), _read("test_batch.bin")


def _read(name: str) -> BytePair:
    """Read one file, which contains one byte for the label and 1024 bytes per channel for each image."""
    path = find_file("cifar10", [f"{_FOLDER}/{name}"], advice=_ADVICE)
    content = np.fromfile(path, np.uint8)
    if content.size != _ROWS * 3073 or content[::3073].max() > 9:
        raise FileError(f"{path} does not contain {_ROWS} images in CIFAR-10's binary format")
    records = content.reshape(_ROWS, 3073)
    images = records[:, 1:].reshape(_ROWS, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), records[:, :1].copy()


register(ImageDataset("cifar10", load_data, class_names=CLASS_NAMES))

__all__ = ["CLASS_NAMES", "load_data"]
