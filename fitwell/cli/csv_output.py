"""CSV files that are safe to open in a spreadsheet, even if their contents are untrusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitwell._escaping import escape_formula

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "to_safe_csv",
]


def to_safe_csv(table: pd.DataFrame, index: bool = False) -> str:
    """Convert a table to CSV in which no string is a formula (see `escape_formula`).

    Numbers are not escaped.

    Args:
        table: The table to convert.
        index: Whether to write the index as the first column.
    """
    safe = table.rename(columns=_escape_formula)
    for place, kind in enumerate(safe.dtypes):
        if not hasattr(kind, "kind") or kind.kind not in "biufcmM":
            safe.isetitem(place, [_escape_formula(value) for value in safe.iloc[:, place]])
    return str(safe.to_csv(index=index, lineterminator="\n"))


def _escape_formula(value: Any) -> Any:
    return escape_formula(value) if isinstance(value, str) else value
