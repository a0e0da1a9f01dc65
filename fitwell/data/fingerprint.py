"""Fingerprints of data: cheap enough to take for every run, telling whether two runs saw the same rows."""

from __future__ import annotations

import hashlib
from typing import Any

import jax
import numpy as np

# Rows looked at, spread evenly: all of a small data set; of a large one those that a new version of the file,
# another order or another preparation would hardly leave as they are.
_ROWS = 4096


def fingerprint(batch: Any, values: bool = True) -> dict[str, str]:
    """Return a description of every array in a tree, by its place: type, shape, and a hash of up to 4096 rows.

    values: False leaves out the number of rows and the hash, for batches that differ from one start to the next.
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(batch)
    return {
        jax.tree_util.keystr(path).lstrip(".") or "rows": _describe(np.asarray(leaf), values)
        for path, leaf in leaves
    }


def _describe(array: np.ndarray, values: bool) -> str:
    if not values:
        return f"{array.dtype} {array.shape[1:]}"
    places = np.linspace(0, max(len(array) - 1, 0), min(len(array), _ROWS)).astype(np.int64)
    rows = np.ascontiguousarray(array[places])
    # Objects are labels of pandas: their addresses differ from one start to the next, their text does not.
    content = repr(rows.tolist()).encode() if rows.dtype.hasobject else rows.view(np.uint8).data
    digest = hashlib.blake2b(content if rows.size else b"", digest_size=8).hexdigest()
    return f"{array.dtype} {array.shape} {digest}"
