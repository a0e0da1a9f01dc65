"""Automatic layer names: ``dense``, ``dense_1``, ``dense_2``, ..."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["AutoName", "auto_name", "name_counter_scope", "reset_name_counters"]

_counters: Counter[str] = Counter()


class AutoName(str):
    """An automatic name made from `base` and a count, as opposed to a name that the user passed."""

    base: str


def auto_name(base: str) -> AutoName:
    """Return `base` on the first call, then ``base_1``, ``base_2``, ..."""
    count = _counters[base]
    _counters[base] += 1
    name = AutoName(f"{base}_{count}" if count else base)
    name.base = base
    return name


def reset_name_counters() -> None:
    """Reset the counters for automatic names, as `clear_session` does."""
    _counters.clear()


@contextmanager
def name_counter_scope() -> Iterator[None]:
    """Reset the counters for automatic names inside the block, and restore them afterward."""
    before = Counter(_counters)
    _counters.clear()
    try:
        yield
    finally:
        _counters.clear()
        _counters.update(before)
