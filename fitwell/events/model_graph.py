"""The graph of a model's layers, for TensorBoard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fitwell.events import tensorboard_protos
from fitwell.events.tag_names import TagNames

__all__ = ["build_graph_def"]


def build_graph_def(model: Any) -> Any:
    """Convert a model's layers to the nodes of a TensorBoard ``GraphDef``.

    The layers inside another layer become nodes in that layer's scope. The edges of a functional model are the
    connections of its graph, and the edges of a sequential model follow the order of its layers. A subclassed model has
    no edges, because its `call` is Python code.
    """
    graph = tensorboard_protos.load_protos().GraphDef()
    for name, kind, inputs in _nodes(model, "", TagNames(model)):
        graph.node.add(name=name, op=kind, input=inputs)
    graph.versions.producer = 22
    return graph


def _nodes(model: Any, scope: str, tags: TagNames) -> Iterator[tuple[str, str, list[str]]]:
    connected = getattr(model, "nodes", None)
    before: list[str] = []
    for layer in model.layers if connected is None else model.operations:
        name = f"{scope}{tags.layer_tag(layer)}"
        if connected is not None:
            symbols = [symbol for node in connected if node.layer is layer for symbol in node.inputs]
            sources = [tags.layer_tag(symbol.node.layer) for symbol in symbols]
            before = [f"{scope}{source}" for source in dict.fromkeys(sources)]
        yield name, type(layer).__name__, before
        if hasattr(layer, "layers"):
            yield from _nodes(layer, f"{name}/", tags)
        if hasattr(model, "add"):
            before = [name]
