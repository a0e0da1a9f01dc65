"""`Functional`: a graph of layers that are called on symbolic tensors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import jax

from fitwell._data.text_format import pluralize
from fitwell._param_validation import validate_params
from fitwell._registry import deserialize, serialize
from fitwell.errors import InvalidArgument
from fitwell.layers.base import Layer, register
from fitwell.layers.input_layer import InputLayer
from fitwell.layers.keras_tensor import KerasTensor, Node, find_keras_tensors, has_same_spec, is_keras_tensor
from fitwell.layers.operation import GetItem, Operation
from fitwell.models.data_adapters import cast_input
from fitwell.models.graph_rebuilding import is_input_tensor, replace_with_inputs
from fitwell.models.layer_order import sort_by_depth
from fitwell.models.model import Model

__all__ = [
    "Functional",
]


@register()
class Functional(Model):
    """A graph of layers from `inputs` to `outputs`, created by ``Model(inputs=..., outputs=...)``.

    Layers may be shared, and models may be used as layers. An input may also be the output of a layer in an existing
    model. The new model then has a new input in place of that output, and shares the layers that follow it.

    Args:
        inputs (KerasTensor | list | dict): Symbolic tensors, returned by ``Input(...)`` or by layers.
        outputs (KerasTensor | list | dict): Symbolic tensors, returned by layers. A list with a single output is
            replaced with that output.
        name (str | None): Name of the model. Defaults to None, which means an automatic name.
        trainable (bool): Whether variables are trained. False freezes all of them. Default: True.

    Raises:
        InvalidArgument: if `inputs` or `outputs` are not symbolic tensors, if the outputs depend on inputs that are not
            in `inputs`, or if two layers have the same name.

    Example:
        >>> import fitwell as fw
        >>> x = fw.Input((3,))
        >>> code = fw.layers.Dense(2)(x)
        >>> decoder = fw.Model(code, fw.layers.Dense(3)(code))
        >>> decoder.input_shape, len(decoder.get_weights())
        ((None, 2), 2)

    Source: Keras `Functional`.
    """

    @validate_params()
    def __init__(
        self, inputs: Any = None, outputs: Any = None, name: str | None = None, trainable: bool = True
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        for argument, value in (("inputs", inputs), ("outputs", outputs)):
            leaves = jax.tree.leaves(value, is_leaf=is_keras_tensor)
            if not leaves or not all(is_keras_tensor(leaf) for leaf in leaves):
                raise InvalidArgument(
                    f"Model: {argument} must be results of Input(...) or of layers called on them, got {value!r}"
                )
        if not all(map(is_input_tensor, find_keras_tensors(inputs))):
            inputs, outputs = replace_with_inputs(
                inputs, _sort_nodes(find_keras_tensors(inputs), find_keras_tensors(outputs)), outputs
            )
        self._graph_inputs = inputs
        # As in Keras, a list with a single output is replaced with that output.
        self._graph_outputs = (
            outputs[0] if isinstance(outputs, list | tuple) and len(outputs) == 1 else outputs
        )
        self._inputs = find_keras_tensors(inputs)
        self._outputs = find_keras_tensors(outputs)
        self._order = _sort_nodes(self._inputs, self._outputs)
        self._operations = sort_by_depth(self._inputs, self._outputs)
        self._check_names()
        self.built = True

    def _check_names(self) -> None:
        for name, count in Counter(layer.name for layer in self._operations).items():
            if count > 1:
                raise InvalidArgument(
                    f"Model: {count} layers have the name {name!r}; give each layer a different name"
                )

    def call(self, inputs: Any) -> Any:
        values = {
            id(tensor): value for tensor, value in zip(self._inputs, self._ordered(inputs), strict=True)
        }

        def value_of(leaf: Any) -> Any:
            return values[id(leaf)] if is_keras_tensor(leaf) else leaf

        for node in self._order:
            if not node.args and isinstance(node.layer, InputLayer):
                continue
            args, kwargs = jax.tree.map(value_of, (node.args, node.kwargs), is_leaf=is_keras_tensor)
            outputs = node.layer(*args, **kwargs)
            for tensor, value in zip(find_keras_tensors(node.outputs), jax.tree.leaves(outputs), strict=True):
                values[id(tensor)] = value
        return jax.tree.map(value_of, self._graph_outputs, is_leaf=is_keras_tensor)

    def _known_output_spec(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the symbolic outputs if the arguments match the inputs' shapes and dtypes, else None."""
        if type(self).call is not Functional.call or kwargs or len(args) != 1:
            return None
        inputs = self._ordered(args[0])
        return self._graph_outputs if all(map(has_same_spec, inputs, self._inputs)) else None

    def _ordered(self, inputs: Any) -> list[Any]:
        """Return the input arrays in order. `inputs` is a single array, a list, or a dict keyed by input name."""
        if isinstance(inputs, Mapping):
            missing = [name for name in self.input_names if name not in inputs]
            if missing:
                raise InvalidArgument(
                    f"model {self.name!r} needs an input {missing[0]!r}, got a dict with the keys {list(inputs)}"
                )
            arrays = [inputs[name] for name in self.input_names]
        else:
            arrays = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        if len(arrays) != len(self._inputs):
            raise InvalidArgument(
                f"model {self.name!r} expects {pluralize(len(self._inputs), 'input')} "
                f"{self.input_names}, got {len(arrays)}"
            )
        return [cast_input(array, tensor) for tensor, array in zip(self._inputs, arrays, strict=True)]

    def _named_children(self) -> Iterator[tuple[str, Layer]]:
        """Yield the layers, numbered as in `layers`, and the arithmetic operations between them."""
        numbers = Counter[str]()
        for layer in self._operations:
            kind = "operations" if isinstance(layer, Operation | GetItem) else "layers"
            yield f"{kind}.{numbers[kind]}", layer
            numbers[kind] += 1

    @property
    def layers(self) -> list[Layer]:
        """The layers, including inputs, in Keras's order, which starts with the layers farthest from the outputs.

        Layers at the same distance are in the order in which a search from the outputs to the inputs reaches
        them. The search follows the arguments of each call in order. Arithmetic on symbolic tensors (``a + b``,
        ``a[:, 1:]``) is listed only in `operations`.
        """
        return [layer for layer in self._operations if not isinstance(layer, Operation | GetItem)]

    @property
    def operations(self) -> list[Layer]:
        """The layers and the arithmetic operations on symbolic tensors, in the same order as `layers`."""
        return list(self._operations)

    @property
    def _layers_in_call_order(self) -> list[Layer]:
        """The layers and operations in the order of their first calls."""
        return _unique([node.layer for node in self._order])

    @property
    def input_names(self) -> list[str]:
        """The inputs' names: the keys if the inputs are a dict, otherwise the names of the `Input` layers."""
        if isinstance(self._graph_inputs, Mapping):
            return sorted(self._graph_inputs)  # JAX sorts dicts by key, so `_inputs` has this order, too
        return [_layer_name(tensor) for tensor in self._inputs]

    @property
    def output_names(self) -> list[str]:
        """The outputs' names: the keys if the outputs are a dict, otherwise the names of their layers."""
        if isinstance(self._graph_outputs, Mapping):
            return sorted(self._graph_outputs)
        names = [_layer_name(tensor) for tensor in self._outputs]
        seen: Counter[str] = Counter()
        unique = []
        for name in names:
            unique.append(f"{name}_{seen[name]}" if seen[name] else name)
            seen[name] += 1
        return unique

    def _output_names_for(self, y: Any) -> list[str]:
        """Return the names of the outputs. They do not depend on the targets `y`."""
        return self.output_names

    def _input_specs(self) -> tuple[list[tuple[Any, ...]] | None, list[str], str]:
        """Return the input shapes, the input names, and the name of the first layer after the inputs."""
        after = [layer for layer in self.layers if not isinstance(layer, InputLayer)]
        return (
            [tensor.shape for tensor in self._inputs],
            self.input_names,
            str(after[0].name if after else self.name),
        )

    @property
    def input(self) -> Any:
        """The symbolic input, or all symbolic inputs in their original structure if there is more than one."""
        return self._graph_inputs if len(self._inputs) > 1 else self._inputs[0]

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs as a list."""
        return list(self._inputs)

    @property
    def output(self) -> Any:
        """The symbolic output, or all symbolic outputs in their original structure if there is more than one."""
        return self._graph_outputs if len(self._outputs) > 1 else self._outputs[0]

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs as a list."""
        return list(self._outputs)

    # --- configuration -------------------------------------------------------------------------------------

    @property
    def nodes(self) -> list[Node]:
        """The layer calls, in an order in which they can be computed."""
        return list(self._order)

    def get_config(self) -> dict[str, Any]:
        positions = {
            id(s): [n, i]
            for n, node in enumerate(self._order)
            for i, s in enumerate(find_keras_tensors(node.outputs))
        }

        def write(leaf: Any) -> Any:
            if not is_keras_tensor(leaf):
                return serialize(leaf)
            return {"tensor": positions[id(leaf)], "shape": list(leaf.shape), "dtype": str(leaf.dtype)}

        layers = self._operations
        calls = [
            {
                "layer": next(i for i, layer in enumerate(layers) if layer is node.layer),
                "args": _map_tree(list(node.args), write),
                "kwargs": _map_tree(node.kwargs, write),
            }
            for node in self._order
        ]
        return {
            "name": self.name,
            "trainable": self.trainable,
            "layers": [serialize(layer) for layer in layers],
            "calls": calls,
            "inputs": _map_tree(self._graph_inputs, write),
            "outputs": _map_tree(self._graph_outputs, write),
        }

    @classmethod
    def from_config(cls, config: Any) -> Any:
        layers = [deserialize(layer) for layer in config["layers"]]
        made: list[list[KerasTensor]] = []

        def read(value: Any) -> Any:
            if isinstance(value, Mapping):
                if "tensor" in value:
                    number, index = value["tensor"]
                    return made[number][index]
                return {key: read(item) for key, item in value.items()}
            if isinstance(value, list):
                return [read(item) for item in value]
            return value

        for call in config["calls"]:
            layer = layers[call["layer"]]
            outputs = (
                layer.output
                if isinstance(layer, InputLayer)
                else layer(*read(call["args"]), **read(call["kwargs"]))
            )
            made.append(find_keras_tensors(outputs))
        return cls._from_graph(
            inputs=read(config["inputs"]),
            outputs=read(config["outputs"]),
            name=config.get("name"),
            trainable=config.get("trainable", True),
        )

    @classmethod
    def _from_graph(cls, **parts: Any) -> Functional:
        """Return a model of this class, or a plain `Functional` if this class has a custom `__init__`."""
        return cls(**parts) if cls.__init__ is Functional.__init__ else Functional(**parts)


Model._functional_class = Functional


def _layer_name(tensor: KerasTensor) -> str:
    """Return the name of the layer that produced `tensor`."""
    assert tensor.node is not None
    return str(tensor.node.layer.name)


def _map_tree(tree: Any, function: Any) -> Any:
    if isinstance(tree, Mapping):
        return {key: _map_tree(item, function) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        return [_map_tree(item, function) for item in tree]
    return function(tree)


def _sort_nodes(inputs: list[KerasTensor], outputs: list[KerasTensor]) -> list[Node]:
    """Return the nodes between `inputs` and `outputs` in the order in which they were created.

    Each node follows the nodes that it depends on. The nodes of inputs are included only if `Input` created
    them.
    """
    input_ids = {id(tensor) for tensor in inputs}
    found: dict[int, Node] = {}
    waiting = list(outputs) + list(inputs)
    while waiting:
        tensor = waiting.pop()
        node = tensor.node
        if node is None:
            raise InvalidArgument(f"Model: {tensor!r} is not the output of a layer")
        if id(node) in found:
            continue
        if id(tensor) in input_ids and not isinstance(node.layer, InputLayer):
            continue
        if isinstance(node.layer, InputLayer) and id(tensor) not in input_ids:
            raise InvalidArgument(
                f"Model: the outputs depend on input {node.layer.name!r}, which is not included in the argument inputs"
            )
        found[id(node)] = node
        waiting.extend(node.inputs)
    return sorted(found.values(), key=lambda node: node.order)


def _unique(layers: list[Layer]) -> list[Layer]:
    return list({id(layer): layer for layer in layers}.values())
