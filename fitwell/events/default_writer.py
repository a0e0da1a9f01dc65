"""Each thread's default writer, which the functions in `fitwell.events` use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fitwell.errors import StateError

__all__ = ["get_default_writer", "use_default_writer"]

_local = threading.local()


@contextmanager
def use_default_writer(writer: Any) -> Iterator[None]:
    """Make `writer` the default writer of this thread inside the block."""
    stack: list[Any] = _local.__dict__.setdefault("writers", [])
    stack.append(writer)
    try:
        yield
    finally:
        stack.pop()


def get_default_writer() -> Any:
    """Return the default writer of this thread.

    Raises:
        StateError: if there is no default writer.
    """
    stack: list[Any] = getattr(_local, "writers", [])
    if not stack:
        raise StateError(
            "there is no default writer. Call this function inside the block "
            "`with events.create_file_writer(folder).as_default():`"
        )
    return stack[-1]
