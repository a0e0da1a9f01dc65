"""Data fingerprints, which are a cheap way to check whether two runs used the same rows."""

from __future__ import annotations

import hashlib
from typing import Any

import jax
import numpy as np

from fitwell._typing import NumpyArray

# Number of evenly spaced rows to hash. A different version, order or preprocessing of a large data set is very unlikely
# to leave all of these rows unchanged.
_ROWS = 4096


def fingerprint(batch: Any, values: bool = True) -> dict[str, str]:
    """Compute a fingerprint of each array in a tree: its dtype, its shape, and a hash of up to 4096 rows.

    Args:
        batch: The tree of arrays.
        values: Whether to include the number of rows and the hash. Pass False for batches that differ between runs.

    Returns:
        A dict that maps each array's path in the tree to its fingerprint.
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
    # Arrays of objects contain pandas labels. Hash their repr, because their addresses differ between processes.
    content = repr(rows.tolist()).encode() if rows.dtype.hasobject else rows.view(np.uint8).data
    digest = hashlib.blake2b(content if rows.size else b"", digest_size=8).hexdigest()
    return f"{array.dtype} {array.shape} {digest}"


__all__ = ["fingerprint"]
