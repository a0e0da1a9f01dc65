"""Deprecated names, which still work and warn once.

Deprecated arguments are translated where they are taken. Many are in `optimizers/deprecated_names.py`,
`models/deprecated_api.py` and, for saved files, `saving/keras_config.py`. ``grep 'warn_deprecated('`` lists those that
warn. Spellings of Keras 2 that are accepted without a warning have a comment that begins with ``# Keras 2:``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from fitwell.errors import warn

__all__ = [
    "add_deprecated_module",
    "deprecated_module_getattr",
    "reset_deprecation_warnings",
    "warn_deprecated",
]

_warned: set[str] = set()


def warn_deprecated(old: str, new: str) -> None:
    """Warn at the caller's line that `old` is deprecated, once per process, and name its replacement `new`."""
    if old in _warned:
        return
    _warned.add(old)
    warn(f"{old} is an older spelling: write {new}", DeprecationWarning)


def reset_deprecation_warnings() -> None:
    """Let every deprecated name warn again, as in a new process. Used by tests."""
    _warned.clear()


def deprecated_module_getattr(old: str, new: str, names: Iterable[str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of the deprecated module `old`, whose `names` moved to the module `new`.

    names: the names, or a dict from old names to new ones.

    >>> __getattr__ = deprecated_module_getattr("fitwell.utils.np_utils", "fitwell.utils", ["to_categorical"])
    """
    known = dict(names) if isinstance(names, Mapping) else {name: name for name in names}

    def find(name: str) -> Any:
        if name not in known:
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        warn_deprecated(f"{old}.{name}", f"{new}.{known[name]}")
        return getattr(importlib.import_module(new), known[name])

    return find


def add_deprecated_module(old: str, new: str, names: Iterable[str]) -> ModuleType:
    """Create the deprecated module `old`, whose `names` moved to the module `new`, and make it importable.

    names: the names, or a dict from old names to new ones.
    """
    module = ModuleType(old, f"Deprecated path of names in `{new}`.")
    vars(module).update(__all__=list(names), __getattr__=deprecated_module_getattr(old, new, names))
    sys.modules[old] = module
    return module
