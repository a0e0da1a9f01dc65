"""The Boston housing data set of 506 rows, which is provided because many older books use it."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from fitwell._param_validation import validate_params
from fitwell.datasets._dataset_registry import TableDataset, register
from fitwell.datasets._download import RemoteFile, find_file
from fitwell.datasets._readers import read_npz, read_text
from fitwell.datasets._train_test_split import LOAD_DATA_RULES, Pair, shuffle_and_split
from fitwell.errors import warn

FEATURES = (
    "CRIM",
    "ZN",
    "INDUS",
    "CHAS",
    "NOX",
    "RM",
    "AGE",
    "DIS",
    "RAD",
    "TAX",
    "PTRATIO",
    "B",
    "LSTAT",
)
"""The names of x's columns. The target is MEDV, the median home value in thousands of dollars."""

_REMOTE = RemoteFile(
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/boston_housing.npz",
    "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",  # as listed by Keras 3
)
_ROWS = 506


@validate_params(LOAD_DATA_RULES)
def load_data(
    path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Pair, Pair]:
    """Load the Boston housing data.

    The first call warns that feature ``B`` encodes race. Use this data set only to follow older books, and use
    `fitwell.datasets.california_housing` for new work.

    Args:
        path (str): The file to read, or its name in the folders that `fitwell.datasets` searches. In these folders,
            ``boston.data.gz`` (StatLib's rows, separated by whitespace) is also accepted. Default:
            ``"boston_housing.npz"``.
        test_split (float): Fraction of the rows to use as the test set, in [0, 1). Default: 0.2.
        seed (int): Seed for shuffling the rows before the split. For any seed, the split is the same as in Keras.
            Default: 113.

    Returns:
        tuple: ``(x_train, y_train), (x_test, y_test)`` as float64 arrays. By default, there are 404 training rows and
        102 test rows with 13 features.

    Raises:
        DatasetNotFound: If the file is not found and cannot be downloaded.
        FileError: If the file is damaged.
        InvalidArgument: If `test_split` is outside [0, 1).

    Example:
        >>> import fitwell as fw
        >>> (x_train, y_train), (x_test, y_test) = fw.datasets.boston_housing.load_data()  # doctest: +SKIP

    Source: Harrison and Rubinfeld, "Hedonic prices and the demand for clean air", 1978; StatLib.
    """
    _warn_of_race()
    x, y = _read(path)
    return shuffle_and_split(x, y, test_split, seed)


def _read(path: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    file = find_file("boston_housing", [path, "boston.data.gz"], _REMOTE)
    if file.suffix == ".npz":
        x, y = read_npz(file, {"x": (_ROWS, len(FEATURES)), "y": (_ROWS,)})
        return x.astype(np.float64), y.astype(np.float64)
    table = read_text(file, (_ROWS, len(FEATURES) + 1))
    return table[:, :-1], table[:, -1]


@functools.cache  # warn only once per process
def _warn_of_race() -> None:
    warn(
        "the Boston housing data has a feature 'B', which encodes race and assumes that segregation affects prices; "
        "use fitwell.datasets.california_housing unless you are following an older book",
    )


register(TableDataset("boston_housing", load_data, FEATURES, "MEDV"))

__all__ = ["FEATURES", "load_data"]
