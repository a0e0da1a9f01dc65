"""Checks that the estimators and the wrappers share."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array
from sklearn.utils.validation import check_non_negative

from fitwell.errors import InvalidArgument

__all__ = ["check_sample_weight", "check_unchanged"]


def check_sample_weight(
    sample_weight: Any, rows: int, *, ensure_non_negative: bool = False
) -> NDArray[np.float32] | None:
    """Return weights as a float32 vector of length `rows`; a number is repeated, None is returned as it is.

    Raises `ValueError` with scikit-learn's messages, which its estimator checks expect.
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


def check_unchanged(names: Iterable[str], then: Mapping[str, Any], now: Mapping[str, Any], when: str) -> None:
    """Raise if one of the parameters in `names` differs between `then` and `now`; `when` completes the message."""
    for name in names:
        before, after = then.get(name), now.get(name)
        if before is not after and repr(before) != repr(after):
            raise InvalidArgument(
                f"partial_fit: {name} was {before!r} when {when} and cannot become {after!r} in it; "
                "restore it, or call fit to start over"
            )
