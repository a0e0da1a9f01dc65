"""Where Keras keeps what: the order of layers and variables, and the path of each layer in a weights file.

Keras addresses a layer by attributes and by the class names in containers (``layers/dense_1``), never by the
layer's name. Of a graph the layers are ordered by their distance from the outputs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from fitwell.layers.base import Layer
from fitwell.layers.symbolic import Node, SymbolicTensor
from fitwell.registry import snake_case
from fitwell.variables import Variable


def is_graph(layer: Layer) -> bool:
    """Return whether `layer` is a functional model, whose layers Keras orders by depth."""
    return hasattr(layer, "nodes")


def is_stack(layer: Layer) -> bool:
    """Return whether `layer` is a `Sequential`."""
    return hasattr(layer, "_stack")


def child_layers(layer: Layer) -> list[Layer]:
    """Return the layers directly below `layer`, in Keras's order."""
    if is_graph(layer):
        return ordered_by_depth(layer)
    return [child for _, child in layer.children()]


def own_variables(layer: Layer) -> list[Variable]:
    """Return the variables of `layer` itself, in Keras's order: trained ones first."""
    variables = [variable for _, variable in layer.own_variables()]
    return sorted(variables, key=lambda variable: not variable.trainable)


def all_variables(layer: Layer) -> list[Variable]:
    """Return the variables of `layer` and all below it, in Keras's order, each once."""
    found: dict[int, Variable] = {}
    seen: set[int] = set()

    def visit(layer: Layer) -> None:
        # A layer of two models is visited once: along every way to it would be 2^n times where n models share one.
        if id(layer) in seen:
            return
        seen.add(id(layer))
        for variable in own_variables(layer):
            found.setdefault(id(variable), variable)
        for child in child_layers(layer):
            visit(child)

    visit(layer)
    return list(found.values())


def trained_variables(layer: Layer) -> list[Variable]:
    """Return the variables that an optimizer of Keras's keeps slots for, in its order."""
    trained = {id(variable) for variable in layer.trainable_variables}
    return [variable for variable in all_variables(layer) if id(variable) in trained]


def trained_first(layer: Layer) -> list[Variable]:
    """Return all variables in the order of Keras 2's files: those that training updates, then the others."""
    trained = {id(variable) for variable in layer.trainable_variables}
    return sorted(all_variables(layer), key=lambda variable: id(variable) not in trained)


def places(model: Layer) -> Iterator[tuple[str, Layer]]:
    """Yield ``(path, layer)`` for the model (path ``""``) and all layers below, each once, as in Keras 3's files."""
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
    if is_graph(layer) or is_stack(layer):
        yield "layers", child_layers(layer)
        return
    # Private attributes come last: a shared layer is found where its public name is.
    for name in sorted(vars(layer), key=lambda name: f"~{name}" if name.startswith("_") else name):
        if name not in ("_nodes", "_own"):
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


def ordered_by_depth(model: Any) -> list[Layer]:
    """Return the layers of a functional model: the furthest from the outputs first, then as a search meets them.

    The search starts at the outputs and goes towards the inputs, arguments in order. A layer's depth is that of
    its deepest call.
    """
    finished: dict[int, Node] = {}
    met: dict[int, int] = {}

    def search(symbol: SymbolicTensor) -> None:
        node = symbol.node
        if node is None or id(node) in finished:
            return
        met.setdefault(id(node.layer), len(met))
        for argument in node.inputs:
            search(argument)
        finished[id(node)] = node

    for symbol in model.outputs:
        search(symbol)
    node_depth: dict[int, int] = {}
    layer_depth: dict[int, int] = {}
    for node in reversed(finished.values()):
        depth = max(node_depth.get(id(node), 0), layer_depth.get(id(node.layer), 0))
        node_depth[id(node)] = layer_depth[id(node.layer)] = depth
        for argument in node.inputs:
            node_depth[id(argument.node)] = max(depth + 1, node_depth.get(id(argument.node), 0))
    layers = {id(node.layer): node.layer for node in model.nodes}
    # An input that nothing uses comes first among the shallowest.
    return sorted(layers.values(), key=lambda x: (-layer_depth.get(id(x), 0), met.get(id(x), -1)))
