"""Rebuilding a graph of layers from new symbolic tensors, for submodels and clones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax

from fitwell._data.text_format import pluralize
from fitwell.errors import InvalidArgument
from fitwell.layers.input_layer import InputLayer
from fitwell.layers.keras_tensor import KerasTensor, Node, find_keras_tensors, is_keras_tensor

__all__ = [
    "is_input_tensor",
    "rebuild_graph",
    "replace_with_inputs",
]


def rebuild_graph(
    nodes: Iterable[Node], replacements: Mapping[int, KerasTensor], call: Callable[..., Any]
) -> Callable[[Any], Any]:
    """Call the layers of `nodes` again, and return a function that replaces old symbolic tensors with new ones.

    Args:
        nodes: The layer calls, each after the calls it depends on.
        replacements: A dict that maps the ids of symbolic tensors to their replacements. The calls that created
            these tensors may be missing from `nodes`.
        call: A function that receives a layer and its arguments and returns the layer's outputs.
    """
    made = dict(replacements)

    def replace(tree: Any) -> Any:
        return jax.tree.map(
            lambda leaf: made[id(leaf)] if is_keras_tensor(leaf) else leaf, tree, is_leaf=is_keras_tensor
        )

    for node in nodes:
        old_tensors = find_keras_tensors(node.outputs)
        if all(id(tensor) in made for tensor in old_tensors):
            continue
        args, kwargs = replace((node.args, node.kwargs))
        new_tensors = find_keras_tensors(call(node.layer, *args, **kwargs))
        if len(old_tensors) != len(new_tensors):
            raise InvalidArgument(
                f"clone_model: the copy of layer {node.layer.name!r} has "
                f"{pluralize(len(new_tensors), 'output')}, "
                f"but the original layer has {len(old_tensors)}"
            )
        for tensor, other in zip(old_tensors, new_tensors, strict=True):
            made.setdefault(id(tensor), other)
    return replace


def replace_with_inputs(inputs: Any, nodes: Iterable[Node], outputs: Any) -> tuple[Any, Any]:
    """Return the inputs and outputs of a copy of the graph in which each input was created by `Input`.

    An input that is the output of a layer is replaced with a new `Input`. The layers are shared and called again.
    This way, a decoder or the head of a network can become a separate model.

    Args:
        inputs: The old inputs.
        nodes: The layer calls between the inputs and the outputs.
        outputs: The old outputs.
    """
    replacements = {id(tensor): _make_input_like(tensor) for tensor in find_keras_tensors(inputs)}
    replace = rebuild_graph(nodes, replacements, lambda layer, *args, **kwargs: layer(*args, **kwargs))
    return replace(inputs), replace(outputs)


def is_input_tensor(tensor: KerasTensor) -> bool:
    """Return whether `tensor` was created by ``Input(...)``."""
    return tensor.node is not None and isinstance(tensor.node.layer, InputLayer)


def _make_input_like(tensor: KerasTensor) -> KerasTensor:
    if is_input_tensor(tensor):
        return tensor
    made: KerasTensor = InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype).output
    return made
