"""A JSON parser for untrusted files, with limits on size and nesting depth."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from fitwell._load_budget import LARGEST_TEXT, current
from fitwell.errors import FileError, InvalidArgument

__all__ = ["dump_json", "parse_json"]

# Maximum nesting depth. Layers, arguments and inner models each add nesting levels to a configuration.
_MAX_DEPTH = 100


def parse_json(text: str | bytes, where: str) -> Any:
    """Parse the JSON in `text`, which comes from the file `where`.

    If a file is being loaded, the function also increases that load's limits on the numbers of layer calls and objects,
    in proportion to the length of `text`.

    Raises:
        FileError: if the JSON is not valid, is too long, is nested too deeply, or has a duplicate key.
    """
    if len(text) > LARGEST_TEXT:
        raise FileError(
            f"{where}: the JSON data has {len(text):,} bytes, which exceeds the limit of {LARGEST_TEXT:,}"
        )
    try:
        value = json.loads(text, object_pairs_hook=_unique_dict)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{where}: the JSON data is not readable: {type(error).__name__}: {error}") from None
    if _is_deep(value):
        raise FileError(f"{where}: the JSON data is nested more than {_MAX_DEPTH} levels deep")
    budget = current()
    if budget is not None:
        budget.extend_for_config(text)
    return value


def dump_json(value: Any, **options: Any) -> str:
    """Convert `value` to JSON that `parse_json` can read.

    Raises:
        InvalidArgument: if the JSON is too long or is nested too deeply.
    """
    text = json.dumps(value, **options)
    if len(text) > LARGEST_TEXT:
        raise InvalidArgument(
            f"the JSON data has {len(text):,} bytes, but only {LARGEST_TEXT:,} bytes can be read back from a file. "
            "Store large tables as weights (add_weight), or use save_weights and build the model in code."
        )
    if _is_deep(value):
        raise InvalidArgument(
            f"the JSON data is nested more than {_MAX_DEPTH} levels deep, so it could not be read back from a file. "
            "Use save_weights and build the model in code."
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
