"""JSON from strangers: configurations and headers."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from fitwell.budget import LARGEST_TEXT, current
from fitwell.errors import FileError

# A text in a configuration nests by layers, arguments and inner models.
_DEEPEST = 100


def parse(text: str | bytes, where: str) -> Any:
    """Return the JSON in `text`; what nests too deeply, has a key twice, or text that cannot be written is refused."""
    if len(text) > LARGEST_TEXT:
        raise FileError(f"{where}: a configuration of {len(text):,} bytes, more than {LARGEST_TEXT:,}")
    try:
        value = json.loads(text, object_pairs_hook=_table)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{where}: not a readable configuration: {type(error).__name__}: {error}") from None
    waiting = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if depth > _DEEPEST:
            raise FileError(f"{where}: the configuration nests more than {_DEEPEST} deep")
        if isinstance(item, dict):
            waiting += [(part, depth + 1) for part in (*item, *item.values())]
        elif isinstance(item, list):
            waiting += [(part, depth + 1) for part in item]
        elif isinstance(item, str) and not _is_text(item):
            raise FileError(f"{where}: the configuration holds half of a pair of surrogates, {item[:50]!a}")
    budget = current()
    if budget is not None:
        budget.allow_for(text)
    return value


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {twice!r} is there twice")
    return table


def _is_text(text: str) -> bool:
    """Return whether `text` can be written to a file or a terminal."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
