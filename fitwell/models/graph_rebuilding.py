"""Graphs drawn again from other symbols: of models that begin inside another one, and of copies."""

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
    """Draw `nodes` again, and return the function from what holds their symbols to the same of the new ones.

    nodes: each after those it needs. given: what stands for some symbols, by ``id``; their nodes may be missing.
    call: gets a layer and what it is to be called on; returns what comes out.
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
    """Return `inputs` and `outputs` of a graph that begins at inputs of its own, where some come out of layers.

    nodes: those between them. The layers are the same, called once more; so a decoder, or what follows the base of a
    network, is a model of its own.
    """
    given = {id(symbol): _make_input_like(symbol) for symbol in find_keras_tensors(inputs)}
    replaced = rebuild_graph(nodes, given, lambda layer, *args, **kwargs: layer(*args, **kwargs))
    return replaced(inputs), replaced(outputs)


def is_input_tensor(symbol: KerasTensor) -> bool:
    """Return whether `symbol` was made by ``Input(...)``."""
    return symbol.node is not None and isinstance(symbol.node.layer, InputLayer)


def _make_input_like(symbol: KerasTensor) -> KerasTensor:
    if is_input_tensor(symbol):
        return symbol
    made: KerasTensor = InputLayer(batch_shape=symbol.shape, dtype=symbol.dtype).output
    return made
