"""Paths in files of earlier versions, in which the layers of a graph were numbered in the order they were drawn.

Today they are numbered as they stand in `layers`. Files say so (`NUMBERING`); in those that do not, names mean what
they meant then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from fitwell.layers.base import Layer

NUMBERING = "by depth"

_T = TypeVar("_T")


def legacy_variable_names(model: Layer) -> dict[str, str]:
    """Return the names of today's variables of `model`, with those that they had in such a file."""
    then = _legacy_paths(model)
    return {
        _join(path, name): _join(then[id(layer)], name)
        for path, layer in model._flatten_layers()
        for name, _ in layer._named_own_variables()
    }


def rename_legacy_paths(table: Mapping[str, _T], model: Layer) -> dict[str, _T]:
    """Return `table` with the paths of layers in its keys as they are today.

    Keys are paths of layers or of what is below them (``"layers.3.units"``), of hyperparameters
    (``"model.layers.3.rate"``) or of places in a state (``"trainable['layers.3/kernel']"``).
    """
    change = _renaming_function(model)
    return {change(key): value for key, value in table.items()}


def _renaming_function(model: Layer) -> Callable[[str], str]:
    then = _legacy_paths(model)
    today = {then[id(layer)]: path for path, layer in model._flatten_layers() if then[id(layer)]}
    if all(before == path for before, path in today.items()):
        return lambda key: key
    # The longest first: the path of a layer begins with that of the model around it.
    known = "|".join(re.escape(path) for path in sorted(today, key=len, reverse=True))
    pattern = re.compile(rf"((?:.*\['|)(?:model\.|))({known})(?=[./']|$)")

    def change(key: str) -> str:
        found = pattern.match(key)
        return key if found is None else f"{found[1]}{today[found[2]]}{key[found.end() :]}"

    return change


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _legacy_paths(model: Layer) -> dict[int, str]:
    """Return the path that each layer had."""
    return {id(layer): path for path, layer in _walk(model, "", set())}


def _walk(layer: Layer, path: str, seen: set[int]) -> Iterator[tuple[str, Layer]]:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield path, layer
    for name, child in _children(layer):
        yield from _walk(child, f"{path}.{name}" if path else name, seen)


def _children(layer: Any) -> Iterator[tuple[str, Layer]]:
    if hasattr(layer, "drawn_layers"):
        return ((f"layers.{number}", child) for number, child in enumerate(layer.drawn_layers))
    children: Iterator[tuple[str, Layer]] = layer._named_children()
    return children
