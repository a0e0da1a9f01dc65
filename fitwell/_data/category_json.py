"""JSON form of pandas categories, from which a loaded model gets the label of each class number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell._schema import ANY_NUMBER, BOOLEAN, STRING, DictSchema, LeafSchema, UnionSchema, check_schema
from fitwell.errors import FileError

_OUTPUT = LeafSchema("the number of an output", lambda key: bool(re.fullmatch("[0-9]{1,4}", key)))
# The result of `categories_to_json`.
CATEGORIES_SCHEMA = DictSchema([UnionSchema((STRING, BOOLEAN, ANY_NUMBER))], _OUTPUT)


def categories_to_json(categories: Mapping[int, NDArray[Any]]) -> dict[str, list[Any]]:
    """Return the categories of each output as JSON data. Other types than strings and numbers become strings.

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
    """Return the categories that `categories_to_json` converted, after checks: the file `where` is not trusted."""
    check_schema(written, CATEGORIES_SCHEMA, where, "categories")
    found = {}
    for output, labels in written.items():
        if len(set(labels)) < len(labels):
            raise FileError(f"{where}: two categories of output {output} are equal")
        found[int(output)] = np.empty(len(labels), object)
        found[int(output)][:] = labels
    return found


__all__ = ["CATEGORIES_SCHEMA", "categories_from_json", "categories_to_json"]
