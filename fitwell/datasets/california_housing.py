"""California housing: 20,640 census block groups of 1990 and the median value of their houses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from fitwell.arguments import Options, checked
from fitwell.datasets._files import Remote, locate
from fitwell.datasets._read import read_npz, read_table
from fitwell.datasets._split import SPLIT, Pair, shuffle_and_cut

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
"""The columns of StatLib's file and of Keras's arrays; the target is in dollars."""

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
"""The columns that scikit-learn derives, per household; the target is in units of 100,000 dollars."""

_REMOTE = Remote(
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/california_housing.npz",
    "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",  # as listed by Keras 3
)
_FILE = "california_housing.npz"
_ROWS = 20640
_SMALL_ROWS = 600

Floats = NDArray[np.float64]


@checked(SPLIT, version=Options("large", "small"), features=Options("raw", "ratios"))
def load_data(
    version: Literal["large", "small"] = "large",
    path: str = _FILE,
    test_split: float = 0.2,
    seed: int = 113,
    *,
    features: Literal["raw", "ratios"] = "raw",
) -> tuple[Pair, Pair]:
    """Return ``(x_train, y_train), (x_test, y_test)``: 16512 and 4128 rows of 8 features, float32.

    Args:
        version: ``"large"``, or ``"small"`` for the first 600 rows (480 and 120) only.
        path: file to read, or its name in the folders that `fitwell.datasets` searches, where
            ``cal_housing.data.gz`` (StatLib's rows, comma-separated) will do as well.
        test_split: fraction of rows, in [0, 1), that become the test set.
        seed: of the shuffle before the cut; the split is Keras's for every seed.
        features: ``"raw"`` gives what Keras's file holds, the columns `RAW_FEATURES` and y in dollars;
            ``"ratios"`` scikit-learn's recipe, the columns `RATIO_FEATURES` and y in 100,000 dollars,
            on the same rows.

    Raises:
        DatasetNotFound: the file is nowhere and cannot be downloaded.
        FileError: the file is damaged.
        InvalidArgument: `test_split`, `version` or `features` is none of the above.

    Source: Pace and Barry, "Sparse spatial autoregressions", Statistics and Probability Letters 33, 1997;
    StatLib. Keras documents the ratios, but its file holds the raw columns.
    """
    x, y = _read(path)
    if version == "small":
        x, y = x[:_SMALL_ROWS], y[:_SMALL_ROWS]
    if features == "ratios":
        x, y = _ratios(x), y / 100_000
    return shuffle_and_cut(x.astype(np.float32), y.astype(np.float32), test_split, seed)


def load_frame(path: str = _FILE) -> pd.DataFrame:
    """Return scikit-learn's table: `RATIO_FEATURES` and ``MedHouseVal``, 20640 rows in the original order.

    Equals ``sklearn.datasets.fetch_california_housing(as_frame=True).frame``, in float64.

    Args:
        path: as for `load_data`.

    Raises:
        DatasetNotFound: the file is nowhere and cannot be downloaded.
        FileError: the file is damaged.
    """
    import pandas as pd

    x, y = _read(path)
    frame = pd.DataFrame(_ratios(x), columns=list(RATIO_FEATURES))
    frame["MedHouseVal"] = y / 100_000
    return frame


def _read(path: str) -> tuple[Floats, Floats]:
    file = locate("california_housing", [path, "cal_housing.data.gz"], _REMOTE)
    if file.suffix == ".npz":
        x, y = read_npz(file, {"x": (_ROWS, len(RAW_FEATURES)), "y": (_ROWS,)})
    else:
        table = read_table(file, (_ROWS, len(RAW_FEATURES) + 1), delimiter=",")
        x, y = table[:, :-1], table[:, -1]
    # Keras's file is in float32. No number has more than four decimals, so rounding there restores the
    # published ones, and the result does not depend on which file was found.
    return x.astype(np.float64).round(4), y.astype(np.float64).round(4)


def _ratios(raw: Floats) -> Floats:
    longitude, latitude, age, rooms, bedrooms, population, households, income = raw.T
    per_household = (rooms / households, bedrooms / households, population, population / households)
    return np.column_stack([income, age, *per_household, latitude, longitude])
