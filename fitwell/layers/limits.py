"""How large the weights of a model may be while it is built from a file that nobody vouches for."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fitwell.errors import FileError


class _Allowance(threading.local):
    left: float = math.inf


_allowance = _Allowance()


@contextmanager
def limited_weights(size: float) -> Iterator[None]:
    """Refuse, inside the block (this thread only), to make variables of more than `size` bytes together."""
    before = _allowance.left
    _allowance.left = size
    try:
        yield
    finally:
        _allowance.left = before


def spend(layer: str, weight: str, shape: tuple[Any, ...], itemsize: int) -> None:
    """Count a weight that is about to be made; `FileError` when it exceeds what is left."""
    if _allowance.left == math.inf:
        return
    if any(size < 0 for size in shape):
        raise FileError(f"layer {layer!r}: weight {weight!r} of shape {shape} cannot be")
    size = math.prod(int(size) for size in shape) * itemsize
    if size > _allowance.left:
        raise FileError(
            f"layer {layer!r}: weight {weight!r} of shape {shape} takes {size:,} bytes, more than the file can hold"
        )
    _allowance.left -= size
