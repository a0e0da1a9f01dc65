"""Whether an argument of a layer is the default, in whatever form the layer keeps it."""

from __future__ import annotations

from typing import Any

from fitwell._registry import snake_case

# What arguments that were left out, None, are kept as.
_FORMS_OF_NONE: tuple[Any, ...] = ("channels_last", {}, [])


def is_default(value: Any, default: Any) -> bool:
    """Return whether `value` is what `default`, a name or None perhaps, stands for."""
    if value is default or (
        default is None and isinstance(value, str | dict | list) and value in _FORMS_OF_NONE
    ):
        return True
    if isinstance(default, int) and isinstance(value, tuple):
        return all(type(size) is type(default) and size == default for size in value)
    if hasattr(value, "get_config") and isinstance(default, str):
        kind = type(value)
        return snake_case(kind.__name__) == default and (
            kind.__init__ is object.__init__ or value.get_config() == kind().get_config()
        )
    if callable(value):
        return getattr(value, "__name__", None) == ("linear" if default is None else default)
    return type(value) is type(default) and not hasattr(value, "shape") and bool(value == default)
