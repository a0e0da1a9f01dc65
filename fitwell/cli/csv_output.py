"""Tables that the command line writes: safe to open in a spreadsheet, whoever made what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitwell._escaping import escape_formula

if TYPE_CHECKING:
    import pandas as pd


def to_safe_csv(table: pd.DataFrame, index: bool = False) -> str:
    """Return a table as comma-separated values, in which no text is a formula (see `escape_formula`); numbers stay numbers.

    index: whether its index is the first column.
    """
    safe = table.rename(columns=_escape_formula)
    for place, kind in enumerate(safe.dtypes):
        if not hasattr(kind, "kind") or kind.kind not in "biufcmM":
            safe.isetitem(place, [_escape_formula(value) for value in safe.iloc[:, place]])
    return str(safe.to_csv(index=index, lineterminator="\n"))


def _escape_formula(value: Any) -> Any:
    return escape_formula(value) if isinstance(value, str) else value
