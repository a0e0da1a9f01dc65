"""Deprecated names, which still work and warn once."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fitwell.errors import warn

_warned: set[str] = set()


def warn_older(older: str, today: str) -> None:
    """Warn at the caller's line that `older` is deprecated, once per process, and name its replacement `today`."""
    if older in _warned:
        return
    _warned.add(older)
    warn(f"{older} is an older spelling: write {today}", DeprecationWarning)


def forget_warnings() -> None:
    """Let every deprecated name warn again, as in a new process. Used by tests."""
    _warned.clear()


def older_address(older: str, today: str, names: Iterable[str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of the deprecated module `older`, whose `names` moved to the module `today`.

    names: the names, or a dict from old names to new ones.

    >>> __getattr__ = older_address("fitwell.utils.np_utils", "fitwell.utils", ["to_categorical"])
    """
    known = dict(names) if isinstance(names, Mapping) else {name: name for name in names}

    def find(name: str) -> Any:
        if name not in known:
            raise AttributeError(f"module {older!r} has no attribute {name!r}")
        warn_older(f"{older}.{name}", f"{today}.{known[name]}")
        return getattr(importlib.import_module(today), known[name])

    return find
