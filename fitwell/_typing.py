"""Type aliases shared by all modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.typing import ArrayLike

__all__ = [
    "Array",
    "ArrayLike",
    "Arrays",
    "AxisSizes",
    "Config",
    "FloatArray",
    "Function",
    "KeyArray",
    "NumpyArray",
    "PathType",
    "PyTree",
    "Shape",
]

# A JAX array, which may be a tracer.
Array: TypeAlias = jax.Array
# A dict that maps paths or names to arrays.
Arrays: TypeAlias = dict[str, Array]
# A random key from `jax.random.key`.
KeyArray: TypeAlias = jax.Array
NumpyArray: TypeAlias = np.ndarray[Any, np.dtype[Any]]
FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.floating[Any]]]
# A nested structure of lists, tuples and dicts with arrays as leaves.
PyTree: TypeAlias = Any
# A shape in which None is an unknown size, such as the batch size.
Shape: TypeAlias = tuple[int | None, ...]
# A shape as users pass it.
AxisSizes: TypeAlias = Sequence[int | None]
# A configuration, which is JSON-compatible data.
Config: TypeAlias = Mapping[str, Any]
Function: TypeAlias = Callable[..., Any]
PathType: TypeAlias = str | PathLike[str]
