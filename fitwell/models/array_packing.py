"""Many small arrays as few: a loop carries, and a dispatch hands over, one array quicker than a dozen."""

from __future__ import annotations

import math
from collections.abc import Mapping

import jax.numpy as jnp

from fitwell._typing import Array, Arrays
from fitwell._variables import Variable


class DtypeRaveler:
    """Joins the values of variables into one flat array for each type, and takes them apart again.

    variables: by path; their shapes and types tell where each one lies. (`jax.flatten_util.ravel_pytree` makes one
    type of all: a count in int32 would travel as a float32, which stops at 2**24.)
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
        """Return `values`, one for each path, joined: by type."""
        parts: dict[str, list[Array]] = {dtype: [] for dtype in self._dtypes}
        for path, (dtype, _, _) in self._places.items():
            parts[dtype].append(jnp.ravel(jnp.asarray(values[path], dtype)))
        return {dtype: jnp.concatenate(arrays) for dtype, arrays in parts.items()}

    def unravel(self, joined: Mapping[str, Array]) -> Arrays:
        """Return by path what was joined."""
        return {
            path: jnp.reshape(joined[dtype][start : start + math.prod(shape)], shape)
            for path, (dtype, start, shape) in self._places.items()
        }
