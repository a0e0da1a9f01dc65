"""The California housing data set: the median house values of 20,640 census block groups in 1990."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from fitwell._param_validation import Options, validate_params
from fitwell.datasets._dataset_registry import TableDataset, register
from fitwell.datasets._download import RemoteFile, find_file
from fitwell.datasets._readers import read_npz, read_text
from fitwell.datasets._train_test_split import LOAD_DATA_RULES, Pair, shuffle_and_split

if TYPE_CHECKING:
    import pandas as pd

RAW_FEATURES = (
    "longitude",
    "latitude",
    "housingMedianAge",
    "totalRooms",
    "totalBedrooms",
    "population",
    "households",
    "medianIncome",
)
"""The columns of StatLib's file and Keras's arrays. The target is in dollars."""

RATIO_FEATURES = (
    "MedInc",
    "HouseAge",
    "AveRooms",
    "AveBedrms",
    "Population",
    "AveOccup",
    "Latitude",
    "Longitude",
)
"""scikit-learn's columns, some of which are averages per household. The target is in units of 100,000 dollars."""

_REMOTE = RemoteFile(
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/california_housing.npz",
    "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",  # as listed by Keras 3
)
_FILE = "california_housing.npz"
_ROWS = 20640
_SMALL_ROWS = 600

Floats = NDArray[np.float64]


@validate_params(LOAD_DATA_RULES, version=Options("large", "small"), features=Options("raw", "ratios"))
def load_data(
    version: Literal["large", "small"] = "large",
    path: str = _FILE,
    test_split: float = 0.2,
    seed: int = 113,
    *,
    features: Literal["raw", "ratios"] = "raw",
) -> tuple[Pair, Pair]:
    """Load the California housing data.

    Args:
        version (str): ``"large"`` for all rows, or ``"small"`` for only the first 600 rows (480 training rows and 120
            test rows). Default: ``"large"``.
        path (str): The file to read, or its name in the folders that `fitwell.datasets` searches. In these folders,
            ``cal_housing.data.gz`` (StatLib's rows, separated by commas) is also accepted. Default:
            ``"california_housing.npz"``.
        test_split (float): Fraction of the rows to use as the test set, in [0, 1). Default: 0.2.
        seed (int): Seed for shuffling the rows before the split. For any seed, the split is the same as in Keras.
            Default: 113.
        features (str): ``"raw"`` returns the columns `RAW_FEATURES` and y in dollars, as in Keras's file.
            ``"ratios"`` returns scikit-learn's columns `RATIO_FEATURES` and y in units of 100,000 dollars, for the
            same rows. Default: ``"raw"``.

    Returns:
        tuple: ``(x_train, y_train), (x_test, y_test)`` as float32 arrays. By default, there are 16512 training rows and
        4128 test rows with 8 features.

    Raises:
        DatasetNotFound: If the file is not found and cannot be downloaded.
        FileError: If the file is damaged.
        InvalidArgument: If `test_split`, `version` or `features` is not one of the accepted values.

    Example:
        >>> import fitwell as fw
        >>> data = fw.datasets.california_housing.load_data(features="ratios")  # doctest: +SKIP

    Source: Pace and Barry, "Sparse spatial autoregressions", Statistics and Probability Letters 33, 1997;
    StatLib. Keras documents the ratios, but its file contains the raw columns.
    """
    x, y = _read(path)
    if version == "small":
        x, y = x[:_SMALL_ROWS], y[:_SMALL_ROWS]
    if features == "ratios":
        x, y = _ratios(x), y / 100_000
    return shuffle_and_split(x.astype(np.float32), y.astype(np.float32), test_split, seed)


def load_frame(path: str = _FILE) -> pd.DataFrame:
    """Load the California housing data as a pandas DataFrame.

    The result equals ``sklearn.datasets.fetch_california_housing(as_frame=True).frame``.

    Args:
        path (str): The file to read (see `load_data`). Default: ``"california_housing.npz"``.

    Returns:
        pandas.DataFrame: The columns `RATIO_FEATURES` and ``MedHouseVal`` as float64, with 20640 rows in the original
        order.

    Raises:
        DatasetNotFound: If the file is not found and cannot be downloaded.
        FileError: If the file is damaged.

    Example:
        >>> import fitwell as fw
        >>> fw.datasets.california_housing.load_frame().shape  # doctest: +SKIP
        (20640, 9)

    Source: scikit-learn `fetch_california_housing`.
    """
    import pandas as pd

    x, y = _read(path)
    frame = pd.DataFrame(_ratios(x), columns=list(RATIO_FEATURES))
    frame["MedHouseVal"] = y / 100_000
    return frame


def _read(path: str) -> tuple[Floats, Floats]:
    file = find_file("california_housing", [path, "cal_housing.data.gz"], _REMOTE)
    if file.suffix == ".npz":
        x, y = read_npz(file, {"x": (_ROWS, len(RAW_FEATURES)), "y": (_ROWS,)})
    else:
        table = read_text(file, (_ROWS, len(RAW_FEATURES) + 1), delimiter=",")
        x, y = table[:, :-1], table[:, -1]
    # Keras's file contains float32 values. No published number has more than four decimals, so rounding to four
    # decimals restores the published numbers, and both files result in equal arrays.
    return x.astype(np.float64).round(4), y.astype(np.float64).round(4)


def _ratios(raw: Floats) -> Floats:
    longitude, latitude, age, rooms, bedrooms, population, households, income = raw.T
    per_household = (rooms / households, bedrooms / households, population, population / households)
    return np.column_stack([income, age, *per_household, latitude, longitude])


register(
    TableDataset(
        "california_housing", functools.partial(load_data, features="ratios"), RATIO_FEATURES, "MedHouseVal"
    )
)

__all__ = ["RATIO_FEATURES", "RAW_FEATURES", "load_data", "load_frame"]
