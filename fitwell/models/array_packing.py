"""Packing of many small arrays into few, which loops carry and dispatches transfer faster."""

from __future__ import annotations

import math
from collections.abc import Mapping

import jax.numpy as jnp

from fitwell._typing import Array, Arrays
from fitwell._variables import Variable

__all__ = ["DtypeRaveler"]


class DtypeRaveler:
    """Concatenates the values of variables into one flat array per dtype, and splits it again.

    variables: by path; their shapes and dtypes give the positions. (`jax.flatten_util.ravel_pytree` converts to one
    dtype: an int32 count would become a float32, which is exact up to 2**24 only.)
    """

    def __init__(self, variables: Mapping[str, Variable]) -> None:
        self._places: dict[str, tuple[str, int, tuple[int, ...]]] = {}
        ends: dict[str, int] = {}
        for path, variable in variables.items():
            dtype = jnp.dtype(variable.dtype).name
            start = ends.get(dtype, 0)
            self._places[path] = dtype, start, variable.shape
            ends[dtype] = start + math.prod(variable.shape)
        self._dtypes = list(ends)

    def ravel(self, values: Mapping[str, Array]) -> Arrays:
        """Return the values of all paths as one flat array per dtype."""
        parts: dict[str, list[Array]] = {dtype: [] for dtype in self._dtypes}
        for path, (dtype, _, _) in self._places.items():
            parts[dtype].append(jnp.ravel(jnp.asarray(values[path], dtype)))
        return {dtype: jnp.concatenate(arrays) for dtype, arrays in parts.items()}

    def unravel(self, joined: Mapping[str, Array]) -> Arrays:
        """Return the values by path."""
        return {
            path: jnp.reshape(joined[dtype][start : start + math.prod(shape)], shape)
            for path, (dtype, start, shape) in self._places.items()
        }
