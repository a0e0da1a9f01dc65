"""Support for deprecated names, which still work and warn once per process.

Each function converts its deprecated arguments itself. Many deprecated names are in `optimizers/deprecated_names.py`,
`models/deprecated_api.py` and, for saved files, `saving/keras_config.py`. To find all names that cause a warning, run
``grep -r 'warn_deprecated('``. Keras 2 spellings that are accepted without a warning are marked with a comment that
begins with ``# Keras 2:``.
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
    """Warn once per process, at the caller's line, that `old` is deprecated and should be replaced with `new`."""
    if old in _warned:
        return
    _warned.add(old)
    warn(f"{old} is deprecated: use {new}", DeprecationWarning)


def reset_deprecation_warnings() -> None:
    """Reset the record of issued warnings, so that every deprecated name warns again. Tests use this."""
    _warned.clear()


def deprecated_module_getattr(old: str, new: str, names: Iterable[str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of the deprecated module `old`, whose `names` moved to the module `new`.

    Args:
        old: The deprecated module's full name.
        new: The full name of the module that replaces it.
        names: The names that moved, or a dict that maps old names to new names.

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

    Args:
        old: The deprecated module's full name.
        new: The full name of the module that replaces it.
        names: The names that moved, or a dict that maps old names to new names.
    """
    module = ModuleType(old, f"Deprecated alias of `{new}`.")
    vars(module).update(__all__=list(names), __getattr__=deprecated_module_getattr(old, new, names))
    sys.modules[old] = module
    return module
