"""The order of the layers of a graph. It is that of Keras, on which `layers`, `get_weights` and weight files depend."""

from __future__ import annotations

from collections.abc import Sequence

from fitwell.layers.base import Layer
from fitwell.layers.keras_tensor import KerasTensor, Node

__all__ = ["sort_by_depth"]


def sort_by_depth(inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]) -> list[Layer]:
    """Return the layers between `inputs` and `outputs`, the farthest from the outputs first.

    Layers of equal depth keep the order of a search from the outputs to the inputs that visits arguments in order. The
    depth of a layer is that of its deepest call. An unused input comes first among the shallowest.
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
    """Return the nodes behind `outputs`, each after its inputs, and the position of the first use of each layer."""
    finished: list[Node] = []
    done: set[int] = set()
    met: dict[int, int] = {}
    for symbol in outputs:
        waiting = [(symbol.node, False)]  # an explicit stack: graphs can be deeper than Python's
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
