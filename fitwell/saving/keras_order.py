"""The order in which Keras stores layers and variables, and the layers' paths in Keras's weights files.

A path consists of attribute names. For a layer in a list or dict, it also contains the layer's class name in snake
case, numbered if necessary, as in ``layers/dense_1``. It never contains the layer's attribute `name`. A functional
model's layers are ordered by their distance from the outputs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from fitwell._registry import snake_case
from fitwell._variables import Variable
from fitwell.layers.base import Layer

__all__ = [
    "child_layers",
    "is_functional",
    "is_sequential",
    "layer_paths",
    "own_variables",
    "trainable_first",
]


def is_functional(layer: Layer) -> bool:
    """Return whether `layer` is a functional model. Keras orders the layers of such a model by depth."""
    return hasattr(layer, "nodes")


def is_sequential(layer: Layer) -> bool:
    """Return whether `layer` is a `Sequential` model."""
    return hasattr(layer, "_stack")


def child_layers(layer: Layer) -> list[Layer]:
    """Return the child layers of `layer` in Keras's order."""
    layers: Any = getattr(layer, "layers", None) if is_functional(layer) else None
    return [child for _, child in layer._named_children()] if layers is None else list(layers)


def own_variables(layer: Layer) -> list[Variable]:
    """Return the variables of `layer` in Keras's order, without the variables of its child layers."""
    return [variable for _, variable in layer._named_own_variables()]


def trainable_first(layer: Layer) -> list[Variable]:
    """Return all variables of `layer` in the order of Keras 2 files, in which trainable variables come first."""
    trained = {id(variable) for variable in layer.trainable_variables}
    return sorted(layer.variables, key=lambda variable: id(variable) not in trained)


def layer_paths(model: Layer) -> Iterator[tuple[str, Layer]]:
    """Yield ``(path, layer)`` for the model and each of its layers, using the paths of Keras 3 files.

    The model's path is ``""``. A layer that occurs more than once is yielded only once.
    """
    yield from _visit(model, "", set())


def _visit(layer: Layer, path: str, seen: set[int]) -> Iterator[tuple[str, Layer]]:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield path, layer
    prefix = f"{path}/" if path else ""
    for name, value in _attributes(layer):
        if isinstance(value, Layer):
            yield from _visit(value, prefix + name, seen)
        elif isinstance(value, list | tuple | dict):
            yield from _visit_container(value, prefix + name, seen)


def _attributes(layer: Layer) -> Iterator[tuple[str, Any]]:
    if is_functional(layer) or is_sequential(layer):
        yield "layers", child_layers(layer)
        return
    # Private attributes come last, so that a layer with both a private and a public attribute gets the public path.
    for name in sorted(vars(layer), key=lambda name: f"~{name}" if name.startswith("_") else name):
        if name not in ("_inbound_nodes", "_own_variables"):
            yield name, vars(layer)[name]


def _visit_container(container: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Layer]]:
    used: Counter[str] = Counter()
    for item in container.values() if isinstance(container, dict) else container:
        if not isinstance(item, Layer | list | tuple | dict):
            continue
        base = snake_case(type(item).__name__) if isinstance(item, Layer) else "container"
        name = f"{base}_{used[base]}" if used[base] else base
        used[base] += 1
        if isinstance(item, Layer):
            yield from _visit(item, f"{path}/{name}", seen)
        else:
            yield from _visit_container(item, f"{path}/{name}", seen)
