"""Packing many small arrays into a few large ones, which are faster to carry through loops and to transfer."""

from __future__ import annotations

import math
from collections.abc import Mapping

import jax.numpy as jnp

from fitwell._typing import Array, Arrays
from fitwell._variables import Variable

__all__ = ["DtypeRaveler"]


class DtypeRaveler:
    """A packer that converts variables' values to flat arrays, one per dtype, and back.

    It replaces `jax.flatten_util.ravel_pytree`, which would convert all values to a single dtype. An int32
    count would become a float32, which represents integers exactly only up to 2**24.

    Args:
        variables: A dict that maps paths to variables. Their shapes and dtypes determine the positions of the
            values in the flat arrays.
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
        """Concatenate `values`, keyed by path, into one flat array per dtype."""
        parts: dict[str, list[Array]] = {dtype: [] for dtype in self._dtypes}
        for path, (dtype, _, _) in self._places.items():
            parts[dtype].append(jnp.ravel(jnp.asarray(values[path], dtype)))
        return {dtype: jnp.concatenate(arrays) for dtype, arrays in parts.items()}

    def unravel(self, joined: Mapping[str, Array]) -> Arrays:
        """Split the flat arrays that `ravel` returned into a dict that maps each path to its value."""
        return {
            path: jnp.reshape(joined[dtype][start : start + math.prod(shape)], shape)
            for path, (dtype, start, shape) in self._places.items()
        }
