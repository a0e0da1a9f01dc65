"""Keras's ``utils``: the small helpers that printed listings call.

Each is defined here, or re-exported from the room it belongs to.
"""

from __future__ import annotations

from typing import Any

from fitwell.data.arrays import class_codes
from fitwell.models.diagram import plot_model
from fitwell.random import set_random_seed
from fitwell.registry import custom_objects as custom_object_scope
from fitwell.spellings import warn_older
from fitwell.utils import np_utils, vis_utils
from fitwell.utils.categorical import to_categorical
from fitwell.utils.sequence import PyDataset

__all__ = [
    "PyDataset",
    "class_codes",
    "custom_object_scope",
    "np_utils",
    "plot_model",
    "set_random_seed",
    "to_categorical",
    "vis_utils",
]


def __getattr__(name: str) -> Any:
    if name == "Sequence":
        warn_older("fitwell.utils.Sequence", "fitwell.utils.PyDataset")
        return PyDataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
