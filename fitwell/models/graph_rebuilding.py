"""Graphs that are rebuilt from other symbolic tensors: for submodels and for clones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax

from fitwell.errors import InvalidArgument
from fitwell.layers.input_layer import InputLayer
from fitwell.layers.keras_tensor import KerasTensor, Node, find_keras_tensors, is_keras_tensor


def rebuild_graph(
    nodes: Iterable[Node], given: Mapping[int, KerasTensor], call: Callable[..., Any]
) -> Callable[[Any], Any]:
    """Call the layers of `nodes` again, and return the function that replaces old symbolic tensors by new ones.

    nodes: calls of layers, each after those it needs. given: replacements of symbolic tensors by ``id``; their nodes
    may be absent. call: receives a layer and its arguments, and returns its outputs.
    """
    made = dict(given)

    def replaced(tree: Any) -> Any:
        return jax.tree.map(
            lambda leaf: made[id(leaf)] if is_keras_tensor(leaf) else leaf, tree, is_leaf=is_keras_tensor
        )

    for node in nodes:
        before = find_keras_tensors(node.outputs)
        if all(id(symbol) in made for symbol in before):
            continue
        args, kwargs = replaced((node.args, node.kwargs))
        after = find_keras_tensors(call(node.layer, *args, **kwargs))
        if len(before) != len(after):
            raise InvalidArgument(
                f"clone_model: the copy of layer {node.layer.name!r} has {len(after)} outputs, the layer {len(before)}"
            )
        for symbol, other in zip(before, after, strict=True):
            made.setdefault(id(symbol), other)
    return replaced


def replace_with_inputs(inputs: Any, nodes: Iterable[Node], outputs: Any) -> tuple[Any, Any]:
    """Return `inputs` and `outputs` of a graph in which inputs that are outputs of layers are replaced by new inputs.

    nodes: the calls between them. The layers are shared and called again; so a decoder, or the head of a network, can
    be a separate model.
    """
    given = {id(symbol): _make_input_like(symbol) for symbol in find_keras_tensors(inputs)}
    replaced = rebuild_graph(nodes, given, lambda layer, *args, **kwargs: layer(*args, **kwargs))
    return replaced(inputs), replaced(outputs)


def is_input_tensor(symbol: KerasTensor) -> bool:
    """Return True if ``Input(...)`` created `symbol`."""
    return symbol.node is not None and isinstance(symbol.node.layer, InputLayer)


def _make_input_like(symbol: KerasTensor) -> KerasTensor:
    if is_input_tensor(symbol):
        return symbol
    made: KerasTensor = InputLayer(batch_shape=symbol.shape, dtype=symbol.dtype).output
    return made
