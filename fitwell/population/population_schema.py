"""The schema of population files, which is checked before any model is built."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from fitwell._data import category_json
from fitwell._history import History
from fitwell._schema import (
    ANY,
    ANY_NUMBER,
    ARRAY,
    COUNT,
    NULL,
    POSITION,
    STRING,
    DictSchema,
    LeafSchema,
    NonEmpty,
    OptionalKey,
    UnionSchema,
    array_schema,
    check_schema,
    enum_schema,
    integer_schema,
)
from fitwell.errors import FileError
from fitwell.saving.legacy_layer_paths import NUMBERING

__all__ = ["FORMAT", "LEGACY_FORMAT", "check_tree", "history_state"]

LEGACY_FORMAT = "fitwell population"
FORMAT = f"{LEGACY_FORMAT}, layers {NUMBERING}"
_MAX_DEPTH = 5


def _is_plain(value: Any, depth: int = 0) -> bool:
    if isinstance(value, list):
        return depth < _MAX_DEPTH and all(_is_plain(part, depth + 1) for part in value)
    return value is None or isinstance(value, bool | str) or ANY_NUMBER.test(value) or isinstance(value, int)


_PLAIN = LeafSchema("a number, a string, true or false, null, or a list of them", _is_plain)
_FORMAT_RULE = enum_schema(FORMAT, LEGACY_FORMAT)
_INTEGERS = array_schema("i", 1)
_MEMBER_FORM = {
    "place": COUNT,
    "setting": DictSchema(_PLAIN),
    "seed": integer_schema(0, 2**64 - 1),
    "fold": UnionSchema((NULL, integer_schema(0, 9999))),
    "drawn": COUNT,
    "status": STRING,
    "stopped_epoch": UnionSchema((NULL, POSITION)),
    "restored_epoch": UnionSchema((NULL, POSITION)),
    "epochs": _INTEGERS,
    "learning_rate": OptionalKey(array_schema("f", 1)),
    "logs": DictSchema((_INTEGERS, array_schema("f", 1))),
    "categories": OptionalKey(category_json.CATEGORIES_SCHEMA),
}
_FORM = {
    "format": _FORMAT_RULE,
    "groups": NonEmpty(
        [
            {
                "example": {"x": ANY, "y": ANY, "weights": ANY},
                "members": NonEmpty([_MEMBER_FORM]),
                "state": NonEmpty(DictSchema(ARRAY)),
            }
        ]
    ),
}


def check_tree(tree: Any, where: str) -> None:
    """Check that `tree` is a valid population.

    Args:
        tree: The content of the file.
        where: The name of the file for error messages.

    Raises:
        FileError: If the tree is not valid.
    """
    if not isinstance(tree, dict) or not _FORMAT_RULE.test(tree.get("format")):
        raise FileError(f"{where} is not a population file")
    check_schema(tree, _FORM, where)
    for number, group in enumerate(tree["groups"]):
        _check_group(group, f"groups[{number}]", where)
    members = [member for group in tree["groups"] for member in group["members"]]
    if sorted(member["place"] for member in members) != list(range(len(members))):
        raise _damaged(where, "its members are not numbered consecutively, starting at 0")
    if len({member["fold"] is None for member in members}) > 1:
        raise _damaged(where, "only some of its members have a fold")


def _check_group(group: dict[str, Any], place: str, where: str) -> None:
    count = len(group["members"])
    if any(stack.shape[:1] != (count,) for stack in group["state"].values()):
        raise _damaged(where, f"{place} does not have one state for each member (number of members: {count})")
    for name, example in group["example"].items():
        leaves = jax.tree.leaves(example)
        # The example is a row of zeros. Only its shape is used.
        alike = all(isinstance(leaf, np.ndarray) and leaf.shape[:1] == (1,) for leaf in leaves)
        if not alike or (name == "x" and not leaves) or (not leaves and example is not None):
            raise _damaged(where, f"{place}.example.{name} does not contain arrays with one row")
    for number, member in enumerate(group["members"]):
        History.check_arrays(history_state(member), f"{where}: {place}.members[{number}]")


def history_state(member: dict[str, Any]) -> dict[str, Any]:
    """Convert a member's record in a file to the state for `History.restore_arrays`."""
    logs = member["logs"]
    rates = {name: member[name] for name in ("learning_rate",) if name in member}
    return rates | {
        "epoch": member["epochs"],
        "history": {name: values for name, (_, values) in logs.items()},
        "epochs_of": {name: epochs for name, (epochs, _) in logs.items()},
    }


def _damaged(where: str, problem: str) -> FileError:
    return FileError(f"{where} is damaged: {problem}")
