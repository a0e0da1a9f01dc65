"""Checks that the estimators and the wrappers share."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array
from sklearn.utils.validation import check_non_negative, validate_data

from fitwell.errors import InvalidArgument

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_sample_weight", "check_unchanged", "needs_preprocessing", "read_table"]


def check_sample_weight(
    sample_weight: Any, rows: int, *, ensure_non_negative: bool = False
) -> NDArray[np.float32] | None:
    """Convert `sample_weight` to a float32 vector with `rows` elements.

    A number is repeated for every row, and None is returned unchanged. Errors have scikit-learn's type and messages,
    because its estimator checks expect them.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, numbers.Number):
        weights = np.full(rows, sample_weight, np.float32)
    else:
        weights = check_array(
            sample_weight, ensure_2d=False, dtype=np.float32, order="C", input_name="sample_weight"
        )
        if weights.ndim != 1:
            raise ValueError(
                f"Sample weights must be 1D array or scalar, got {weights.ndim}D array. "
                f"Expected either a scalar value or a 1D array of length {rows}."
            )
        if weights.shape != (rows,):
            raise ValueError(f"sample_weight.shape == {weights.shape}, expected {(rows,)}!")
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    if ensure_non_negative:
        check_non_negative(weights, "`sample_weight`")
    return weights


def needs_preprocessing(X: Any) -> bool:
    """Return whether `X` is a data frame with missing values or with columns that are not numbers.

    scikit-learn's checks require that a data frame of numbers is treated like an array of the same numbers.
    """
    import pandas as pd

    if not isinstance(X, pd.DataFrame):
        return False
    return bool(X.isna().to_numpy().any()) or not all(
        pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind) for kind in X.dtypes
    )


def read_table(estimator: Any, X: Any, *, reset: bool) -> pd.DataFrame:
    """Return an estimator's inputs as a data frame whose column names are strings."""
    import pandas as pd

    if isinstance(X, pd.DataFrame):
        validate_data(estimator, X, skip_check_array=True, reset=reset)
        return X.set_axis([str(name) for name in X.columns], axis=1)
    array = validate_data(estimator, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")
    return pd.DataFrame(array, columns=[f"x{index}" for index in range(array.shape[1])])


def check_unchanged(names: Iterable[str], then: Mapping[str, Any], now: Mapping[str, Any], when: str) -> None:
    """Check that the parameters in `names` are the same in `then` and `now`.

    Args:
        names: The names of the parameters to compare.
        then: The earlier parameters.
        now: The current parameters.
        when: A clause for the message that says when `then` was used, such as ``"the model was built"``.

    Raises:
        InvalidArgument: if a parameter differs.
    """
    for name in names:
        before, after = then.get(name), now.get(name)
        if before is not after and repr(before) != repr(after):
            raise InvalidArgument(
                f"partial_fit: {name} was {before!r} when {when} and cannot become {after!r}; "
                "restore it, or call fit to start over"
            )
