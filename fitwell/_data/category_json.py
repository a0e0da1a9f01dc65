"""Conversion of pandas categories to JSON and back, so that a loaded model can map class numbers to labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell._schema import ANY_NUMBER, BOOLEAN, STRING, DictSchema, LeafSchema, UnionSchema, check_schema
from fitwell.errors import FileError

_OUTPUT = LeafSchema("the index of an output", lambda key: bool(re.fullmatch("[0-9]{1,4}", key)))
# Schema of the result of `categories_to_json`.
CATEGORIES_SCHEMA = DictSchema([UnionSchema((STRING, BOOLEAN, ANY_NUMBER))], _OUTPUT)


def categories_to_json(categories: Mapping[int, NDArray[Any]]) -> dict[str, list[Any]]:
    """Convert each output's categories to JSON data.

    Categories that are not strings, numbers or booleans become strings.

    >>> categories_to_json({0: np.array(["no", "yes"])})
    {'0': ['no', 'yes']}
    """
    return {
        str(output): [
            label if isinstance(label, str | int | float) else str(label) for label in known.tolist()
        ]
        for output, known in categories.items()
    }


def categories_from_json(written: Any, where: str) -> dict[int, NDArray[Any]]:
    """Convert the result of `categories_to_json` back to categories.

    The data is checked first because it may come from an untrusted file.

    Args:
        written: The JSON data.
        where: The file's name, for error messages.

    Raises:
        FileError: If the data does not match the schema, or if an output has duplicate categories.
    """
    check_schema(written, CATEGORIES_SCHEMA, where, "categories")
    found = {}
    for output, labels in written.items():
        if len(set(labels)) < len(labels):
            raise FileError(f"{where}: output {output} has duplicate categories")
        found[int(output)] = np.empty(len(labels), object)
        found[int(output)][:] = labels
    return found


__all__ = ["CATEGORIES_SCHEMA", "categories_from_json", "categories_to_json"]
