"""The Fashion-MNIST data set: clothing images of 28 x 28 pixels that are harder to classify than MNIST's digits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitwell.datasets._dataset_registry import ImageDataset, register
from fitwell.datasets._download import RemoteFile, find_file
from fitwell.datasets._readers import read_idx
from fitwell.datasets._train_test_split import BytePair

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
"""The class names for the labels 0 to 9."""

_ADDRESS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
# The four files' checksums, as published by Zalando Research.
_SHA256 = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}


def load_data() -> tuple[BytePair, BytePair]:
    """Load the Fashion-MNIST data in the original order.

    The four IDX files are read from a subfolder ``fashion-mnist`` of one of the folders that `fitwell.datasets`
    searches, so that they are not confused with MNIST's files, which have the same names. Missing files are downloaded.

    Returns:
        tuple: ``(x_train, y_train), (x_test, y_test)``. Images are uint8 arrays of shape (60000, 28, 28) and
        (10000, 28, 28). Labels are uint8 arrays of shape (60000,) and (10000,). `CLASS_NAMES` contains the class names.

    Raises:
        DatasetNotFound: If a file is not found and cannot be downloaded.
        FileError: If a file is damaged.

    Example:
        >>> import fitwell as fw
        >>> (x_train, y_train), (x_test, y_test) = fw.datasets.fashion_mnist.load_data()  # doctest: +SKIP

    Source: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
    learning algorithms", arXiv:1708.07747, 2017; MIT license.
    """
    return _pair("train", 60000), _pair("t10k", 10000)


def _pair(part: str, rows: int) -> BytePair:
    images = _read(f"{part}-images-idx3-ubyte.gz", (rows, 28, 28))
    return images, _read(f"{part}-labels-idx1-ubyte.gz", (rows,))


def _read(name: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    remote = RemoteFile(_ADDRESS + name, _SHA256[name])
    advice = "run apt-get install dataset-fashion-mnist"
    return read_idx(find_file("fashion_mnist", [f"fashion-mnist/{name}"], remote, advice), shape)


register(ImageDataset("fashion_mnist", load_data, class_names=CLASS_NAMES))

__all__ = ["CLASS_NAMES", "load_data"]
