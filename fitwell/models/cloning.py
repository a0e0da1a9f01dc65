"""`clone_model`: the same architecture with weights of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from fitwell.arguments import Call, Instance, checked
from fitwell.errors import InvalidArgument
from fitwell.layers.base import Layer
from fitwell.layers.core import InputLayer
from fitwell.layers.symbolic import SymbolicTensor, is_symbol, symbols_in
from fitwell.models.functional import Functional
from fitwell.models.model import Model
from fitwell.models.sequential import Sequential
from fitwell.registry import custom_objects, deserialize, serialize, sharing


@checked(model=Instance(Model, "a model"), clone_function=Call() | None)
def clone_model(
    model: Model, clone_function: Callable[[Layer], Layer] | None = None, recursive: bool = False
) -> Any:
    """Return a new model of the same architecture; weights are initialised anew, nothing is compiled.

    clone_function: makes the copy of each layer of a `Sequential` or functional model, `Input` excepted; it may
        return another kind of layer, or the very layer to share it. By default layers are copied from their
        configurations.
    recursive: whether the layers of a model that is a layer are given to `clone_function` one by one, and not the
        model as a whole.

    A model that knows its input shape gives it to the clone, which then has weights. Subclassed models are cloned
    through their `get_config` and `from_config`.

    >>> import fitwell as fw
    >>> model = fw.Sequential([fw.layers.Dense(4, input_shape=(3,)), fw.layers.Dropout(0.5)])
    >>> def copy(layer):
    ...     if isinstance(layer, fw.layers.Dropout):
    ...         return fw.layers.MCDropout(layer.rate)
    ...     return layer.__class__.from_config(layer.get_config())
    >>> noisy = fw.models.clone_model(model, clone_function=copy)
    >>> noisy.set_weights(model.get_weights())
    """
    if clone_function is not None:
        if isinstance(model, Sequential | Functional):
            return _Copies(clone_function, recursive).of_model(model)
        raise InvalidArgument(
            "clone_model: clone_function works for Sequential and functional models; a subclassed model is cloned by "
            "its own get_config and from_config"
        )
    with custom_objects(_own_parts(model)), sharing():
        if isinstance(model, Sequential | Functional):
            return deserialize(serialize(model))
        return type(model).from_config(model.get_config())


class _Copies:
    """The copies of layers that `clone_function` made: one for each layer, however often that is called."""

    def __init__(self, clone_function: Callable[[Layer], Layer], recursive: bool) -> None:
        self.clone_function = clone_function
        self.recursive = recursive
        self._made: dict[int, Layer] = {}

    def of(self, layer: Layer) -> Layer:
        """Return the copy of `layer`."""
        if id(layer) not in self._made:
            inside = self.recursive and isinstance(layer, Sequential | Functional)
            copy = self.of_model(layer) if inside else self.clone_function(layer)
            if not isinstance(copy, Layer):
                raise InvalidArgument(
                    f"clone_model: clone_function must return a layer, got {copy!r} for {layer.name!r}"
                )
            self._made[id(layer)] = copy
        return self._made[id(layer)]

    def of_model(self, model: Any) -> Any:
        """Return a model of copies."""
        return _clone_stack(model, self) if isinstance(model, Sequential) else _clone_graph(model, self)


def _clone_stack(model: Sequential, copies: _Copies) -> Sequential:
    clone = Sequential(name=model.name, trainable=model._trainable)
    entrance = model.entrance
    if entrance is not None:
        clone.add(_copy_of_input(entrance))
    for layer in model.layers:
        clone.add(copies.of(layer))
    return clone


def _clone_graph(model: Functional, copies: _Copies) -> Any:
    made: dict[int, SymbolicTensor] = {}

    def copy_of(leaf: Any) -> Any:
        return made[id(leaf)] if is_symbol(leaf) else leaf

    for node in model.nodes:
        if isinstance(node.layer, InputLayer):
            outputs: Any = _copy_of_input(node.layer).output
        else:
            args, kwargs = jax.tree.map(copy_of, (node.args, node.kwargs), is_leaf=is_symbol)
            outputs = copies.of(node.layer)(*args, **kwargs)
        before, after = symbols_in(node.outputs), symbols_in(outputs)
        if len(before) != len(after):
            raise InvalidArgument(
                f"clone_model: the copy of layer {node.layer.name!r} has {len(after)} outputs, the layer {len(before)}"
            )
        made |= {id(symbol): other for symbol, other in zip(before, after, strict=True)}
    inputs, outputs = jax.tree.map(copy_of, (model._graph_inputs, model._graph_outputs), is_leaf=is_symbol)
    return Model(inputs=inputs, outputs=outputs, name=model.name, trainable=model._trainable)


def _copy_of_input(layer: InputLayer) -> InputLayer:
    return InputLayer.from_config(layer.get_config())


def _own_parts(model: Model) -> dict[str, Any]:
    """Return what is not fitwell's in `model` by name: classes of layers and of what they hold, and functions."""
    parts: dict[str, Any] = {}
    for _, layer in model.flatten():
        for value in [layer, *vars(layer).values()]:
            entry = value if hasattr(value, "__name__") else type(value)
            written = callable(value) or hasattr(value, "get_config")
            if written and not str(entry.__module__).startswith("fitwell."):
                parts[entry.__name__] = entry
    return parts
