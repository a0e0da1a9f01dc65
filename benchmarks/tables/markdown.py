"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; columns after the first are aligned to the right if they look like numbers."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    marks = ["---:" if _is_numeric(column) else "---" for column in columns]
    lines = [header, marks, *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines) + "\n"


def _is_numeric(cells: Sequence[str]) -> bool:
    filled = [cell.strip("*") for cell in cells if cell]
    return bool(filled) and all(cell[0].isdigit() or cell == "failed" for cell in filled)
