"""The order of the layers of a graph: Keras's, on which `layers`, `get_weights` and weight files rest."""

from __future__ import annotations

from collections.abc import Sequence

from fitwell.layers.base import Layer
from fitwell.layers.keras_tensor import KerasTensor, Node


def sort_by_depth(inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]) -> list[Layer]:
    """Return the layers between `inputs` and `outputs`: the furthest from the outputs first.

    Equally far ones follow as a search meets them. It starts at the outputs and goes towards the inputs, arguments in
    order. A layer's depth is that of its deepest call. An input that nothing uses comes first among the shallowest.
    """
    finished, met = _searched(outputs)
    node_depth: dict[int, int] = {}
    layer_depth: dict[int, int] = {}
    for node in reversed(finished):
        depth = max(node_depth.get(id(node), 0), layer_depth.get(id(node.layer), 0))
        node_depth[id(node)] = layer_depth[id(node.layer)] = depth
        for argument in node.inputs:
            node_depth[id(argument.node)] = max(depth + 1, node_depth.get(id(argument.node), 0))
    entrances = [symbol.node.layer for symbol in inputs if symbol.node is not None]
    layers = {id(layer): layer for layer in [*entrances, *(node.layer for node in finished)]}
    return sorted(layers.values(), key=lambda x: (-layer_depth.get(id(x), 0), met.get(id(x), -1)))


def _searched(outputs: Sequence[KerasTensor]) -> tuple[list[Node], dict[int, int]]:
    """Return the nodes behind `outputs`, each after those it needs, and the place at which each layer was first met."""
    finished: list[Node] = []
    done: set[int] = set()
    met: dict[int, int] = {}
    for symbol in outputs:
        waiting = [(symbol.node, False)]  # a stack of its own: graphs can be deeper than Python's
        while waiting:
            node, inputs_are_done = waiting.pop()
            if node is None or id(node) in done:
                continue
            if inputs_are_done:
                done.add(id(node))
                finished.append(node)
                continue
            met.setdefault(id(node.layer), len(met))
            waiting.append((node, True))
            waiting.extend((argument.node, False) for argument in reversed(node.inputs))
    return finished, met
