"""Conversion of the layer paths in files from earlier fitwell versions to the current paths.

Earlier versions numbered a functional model's layers in the order of their first calls. The current version numbers
them in the order of the model's attribute `layers`, and records this in its files with the string `NUMBERING`. A file
without this string was written by an earlier fitwell version or by a program other than fitwell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from fitwell.layers.base import Layer
from fitwell.layers.variable_tracker import walk_layers

__all__ = ["NUMBERING", "legacy_variable_names", "rename_legacy_paths"]

NUMBERING = "by depth"

_T = TypeVar("_T")


def legacy_variable_names(model: Layer) -> dict[str, str]:
    """Return a dict that maps each variable's current name to its name in files that earlier versions wrote."""
    earlier = _legacy_paths(model)
    return {
        _join(path, name): _join(earlier[id(layer)], name)
        for path, layer in model._flatten_layers()
        for name, _ in layer._named_own_variables()
    }


def rename_legacy_paths(table: Mapping[str, _T], model: Layer) -> dict[str, _T]:
    """Return a copy of `table` in whose keys the current layer paths replace the earlier ones.

    A key is the path of a layer, of a layer's attribute (``"layers.3.units"``), of a hyperparameter
    (``"model.layers.3.rate"``), or of an entry in a training state (``"trainable['layers.3/kernel']"``).
    """
    change = _renaming_function(model)
    return {change(key): value for key, value in table.items()}


def _renaming_function(model: Layer) -> Callable[[str], str]:
    earlier = _legacy_paths(model)
    current = {earlier[id(layer)]: path for path, layer in model._flatten_layers() if earlier[id(layer)]}
    if all(before == path for before, path in current.items()):
        return lambda key: key
    # Sort the paths from longest to shortest, because a layer's path starts with the path of the model that contains
    # it.
    known = "|".join(re.escape(path) for path in sorted(current, key=len, reverse=True))
    pattern = re.compile(rf"((?:.*\['|)(?:model\.|))({known})(?=[./']|$)")

    def change(key: str) -> str:
        found = pattern.match(key)
        return key if found is None else f"{found[1]}{current[found[2]]}{key[found.end() :]}"

    return change


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _legacy_paths(model: Layer) -> dict[int, str]:
    """Return a dict that maps each layer's id to the layer's earlier path."""
    return {id(layer): path for path, layer in walk_layers(model, _children)}


def _children(layer: Any) -> Iterator[tuple[str, Layer]]:
    if hasattr(layer, "_layers_in_call_order"):
        return ((f"layers.{number}", child) for number, child in enumerate(layer._layers_in_call_order))
    children: Iterator[tuple[str, Layer]] = layer._named_children()
    return children
