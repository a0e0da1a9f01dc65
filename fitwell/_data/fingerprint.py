"""Fingerprints of data: a cheap test whether two runs used the same rows."""

from __future__ import annotations

import hashlib
from typing import Any

import jax
import numpy as np

from fitwell._typing import NumpyArray

# Number of rows to hash, evenly spaced. In a large data set another version, order or preprocessing of the rows
# would hardly leave all of these unchanged.
_ROWS = 4096


def fingerprint(batch: Any, values: bool = True) -> dict[str, str]:
    """Return dtype, shape, and a hash of up to 4096 rows for every array in a tree, by path.

    values: False omits the number of rows and the hash, for batches that differ between runs.
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(batch)
    return {
        jax.tree_util.keystr(path).lstrip(".") or "rows": _describe(np.asarray(leaf), values)
        for path, leaf in leaves
    }


def _describe(array: NumpyArray, values: bool) -> str:
    if not values:
        return f"{array.dtype} {array.shape[1:]}"
    places = np.linspace(0, max(len(array) - 1, 0), min(len(array), _ROWS)).astype(np.int64)
    rows = np.ascontiguousarray(array[places])
    # Objects are pandas labels. Their addresses differ between processes, their repr does not.
    content = repr(rows.tolist()).encode() if rows.dtype.hasobject else rows.view(np.uint8).data
    digest = hashlib.blake2b(content if rows.size else b"", digest_size=8).hexdigest()
    return f"{array.dtype} {array.shape} {digest}"


__all__ = ["fingerprint"]
