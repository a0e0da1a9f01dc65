"""The order of the layers in a graph.

It is Keras's order, on which `layers`, `get_weights` and weight files depend.
"""

from __future__ import annotations

from collections.abc import Sequence

from fitwell.layers.base import Layer
from fitwell.layers.keras_tensor import KerasTensor, Node

__all__ = ["sort_by_depth"]


def sort_by_depth(inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]) -> list[Layer]:
    """Return the layers between `inputs` and `outputs`, starting with the layers farthest from the outputs.

    Layers of equal depth are in the order in which a search from the outputs to the inputs reaches them. The search
    follows the arguments of each call in order. A layer that is called more than once has the depth of its deepest
    call. An unused input comes first among the layers nearest to the outputs.
    """
    finished, met = _search(outputs)
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


def _search(outputs: Sequence[KerasTensor]) -> tuple[list[Node], dict[int, int]]:
    """Return the nodes that lead to `outputs`, each after its inputs, and the index of each layer's first use."""
    finished: list[Node] = []
    done: set[int] = set()
    met: dict[int, int] = {}
    for symbol in outputs:
        waiting = [(symbol.node, False)]  # not recursive, because graphs can be deeper than Python's stack
        while waiting:
            node, inputs_done = waiting.pop()
            if node is None or id(node) in done:
                continue
            if inputs_done:
                done.add(id(node))
                finished.append(node)
                continue
            met.setdefault(id(node.layer), len(met))
            waiting.append((node, True))
            waiting.extend((argument.node, False) for argument in reversed(node.inputs))
    return finished, met
