"""Rows of norm 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell._param_validation import NumericArray, Real, validate_params
from fitwell.errors import InvalidArgument


@validate_params(x=NumericArray(finite=False), order=Real(0, closed="right", infinite=True))
def normalize(x: Any, axis: int = -1, order: float = 2) -> NDArray[Any]:
    """Return ``x / |x|`` along `axis`: every row has norm 1, and zeros stay zeros.

    order: of the norm; 2 is the root of the sum of squares, 1 the sum of absolute values.

    For columns of mean 0 and variance 1, which networks usually want, see `layers.Normalization`.
    """
    x = np.asarray(x)
    if not -x.ndim <= axis < x.ndim:
        raise InvalidArgument(f"normalize: axis={axis} is none of the axes of x, whose shape is {x.shape}")
    norms = np.atleast_1d(np.linalg.norm(x, order, axis, keepdims=True))
    return np.asarray(x / np.where(norms == 0, 1, norms))
