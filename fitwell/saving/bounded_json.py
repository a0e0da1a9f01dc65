"""JSON from untrusted files, with limits on size and depth."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from fitwell._load_budget import LARGEST_TEXT, current
from fitwell.errors import FileError, InvalidArgument

__all__ = ["dump_json", "parse_json"]

# A configuration nests by layers, arguments and inner models.
_MAX_DEPTH = 100


def parse_json(text: str | bytes, where: str) -> Any:
    """Parse `text`; raise `FileError` if it is too long, nests too deeply, or has a duplicate key."""
    if len(text) > LARGEST_TEXT:
        raise FileError(f"{where}: a configuration of {len(text):,} bytes, more than {LARGEST_TEXT:,}")
    try:
        value = json.loads(text, object_pairs_hook=_unique_dict)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{where}: not a readable configuration: {type(error).__name__}: {error}") from None
    if _is_deep(value):
        raise FileError(f"{where}: the configuration nests more than {_MAX_DEPTH} deep")
    budget = current()
    if budget is not None:
        budget.extend_for_config(text)
    return value


def dump_json(value: Any, **options: Any) -> str:
    """Return `value` as JSON; raise `InvalidArgument` if `parse_json` could not read it."""
    text = json.dumps(value, **options)
    if len(text) > LARGEST_TEXT:
        raise InvalidArgument(
            f"the configuration takes {len(text):,} bytes, more than the {LARGEST_TEXT:,} that can be read from a "
            "file: keep large tables as weights (add_weight), or use save_weights and build the model in code"
        )
    if _is_deep(value):
        raise InvalidArgument(
            f"the configuration nests more than {_MAX_DEPTH} deep, which cannot be read from a file: use "
            "save_weights and build the model in code"
        )
    return text


def _is_deep(value: Any) -> bool:
    waiting = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            return True
        if isinstance(item, dict):
            waiting += [(part, depth + 1) for part in item.values()]
        elif isinstance(item, list | tuple):
            waiting += [(part, depth + 1) for part in item]
    return False


def _unique_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"duplicate key {twice!r}")
    return table
