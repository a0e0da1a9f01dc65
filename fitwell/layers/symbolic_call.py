"""Symbolic layer calls, which add nodes to a functional model's graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax

from fitwell._call_context import CallContext, call_context
from fitwell._load_budget import charge_memory
from fitwell._user_code import explain_tracing_errors
from fitwell.errors import StateError
from fitwell.layers.keras_tensor import (
    KerasTensor,
    Node,
    find_keras_tensors,
    from_shape_dtype_structs,
    get_batch_shape,
    has_unknown_sizes,
    is_keras_tensor,
    to_shape_dtype_struct,
)
from fitwell.layers.variable_tracker import LayerType, VariableTracker, preserve_variables

__all__ = ["SymbolicCall"]

# Approximate size of a KerasTensor in bytes, without its name.
_TENSOR_BYTES = 1000


class SymbolicCall(VariableTracker[LayerType]):
    """Base class of `Layer` that implements symbolic calls and shape inference."""

    built: bool
    _inbound_nodes: list[Node]
    _build_input_shape: Any

    def build(self, input_shape: Any) -> None:
        """Create the layer's variables. See `Layer.build`."""
        raise NotImplementedError

    def _build_for(self, shapes: Any) -> None:
        self._build_input_shape = shapes
        self.build(shapes)
        self.built = True

    def _symbolic_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Add a node to the graph, and return KerasTensors with the inferred output shapes."""
        if not self.built:
            shapes = [get_batch_shape(arg) for arg in args if find_keras_tensors(arg)]
            self._build_for(shapes[0] if len(shapes) == 1 else shapes)
        first, second = self._output_spec_for_two_sizes(args, kwargs)
        node = Node(self, args, dict(kwargs))
        leaves, structure = jax.tree.flatten(first)
        charge_memory(
            len(leaves) * (_TENSOR_BYTES + len(str(self.name))), f"the outputs of layer {self.name!r}"
        )
        outputs = [
            from_shape_dtype_structs(leaf, other, node, f"{self.name}_{i}" if i else str(self.name))
            for i, (leaf, other) in enumerate(zip(leaves, jax.tree.leaves(second), strict=True))
        ]
        node.outputs = jax.tree.unflatten(structure, outputs)
        self._inbound_nodes.append(node)
        return node.outputs

    def _output_spec_for_two_sizes(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """Infer the output spec with each of the two placeholder values for unknown sizes.

        If all sizes are known, a single trace is enough, and the two specs are the same.
        """
        known = self._known_output_spec(args, kwargs)
        if known is not None:
            return known, known
        first = self._compute_output_spec(args, kwargs)
        unknown = has_unknown_sizes(find_keras_tensors((args, kwargs)))
        return first, self._compute_output_spec(args, kwargs, attempt=1) if unknown else first

    def _known_output_spec(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the output spec if it is known without tracing, or None otherwise.

        Functional models override this method. Otherwise, the time to trace nested models would double at
        each level that calls a model twice.
        """
        return None

    def _compute_output_spec(self, args: tuple[Any, ...], kwargs: dict[str, Any], attempt: int = 0) -> Any:
        """Infer the outputs' shapes and dtypes by tracing `call` on abstract arrays."""
        leaves, structure = jax.tree.flatten((args, kwargs), is_leaf=is_keras_tensor)
        positions = [i for i, leaf in enumerate(leaves) if is_keras_tensor(leaf)]

        def run(arrays: list[Any]) -> Any:
            filled = list(leaves)
            for position, array in zip(positions, arrays, strict=True):
                filled[position] = array
            real_args, real_kwargs = jax.tree.unflatten(structure, filled)
            layer: Any = self
            # `call` may assign variables, such as moving statistics. Shape inference must not change them.
            with call_context(CallContext(training=False, key=jax.random.key(0))), preserve_variables(self):
                return layer(*real_args, **real_kwargs)

        with explain_tracing_errors():
            return jax.eval_shape(
                run, [to_shape_dtype_struct(leaves[position], attempt) for position in positions]
            )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Infer the output shape from the input shape.

        Args:
            input_shape (tuple[int | None, ...] | list | dict): Shape of the inputs, with None as the batch
                size, or a list or dict of shapes if there is more than one input.

        Returns:
            tuple[int | None, ...] | list: The shape, or a list of shapes if there is more than one output.

        Example:
            >>> import fitwell as fw
            >>> fw.layers.Conv2D(8, 3).compute_output_shape((None, 28, 28, 1))
            (None, 26, 26, 8)
        """
        inputs = _make_keras_tensors(input_shape)
        if not self.built:
            self._build_for(get_batch_shape(inputs))
        both = [jax.tree.leaves(spec) for spec in self._output_spec_for_two_sizes((inputs,), {})]
        shapes = [
            from_shape_dtype_structs(first, second, None, "").shape
            for first, second in zip(*both, strict=True)
        ]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output(self) -> Any:
        """The first symbolic call's output, a KerasTensor or a nested structure of KerasTensors."""
        return self._first_node("output").outputs

    @property
    def input(self) -> Any:
        """The first symbolic call's input, a KerasTensor or a list of KerasTensors."""
        inputs = self._first_node("input").inputs
        return inputs[0] if len(inputs) == 1 else inputs

    @property
    def output_shape(self) -> Any:
        """The output's shape, with None as the batch size."""
        return get_batch_shape(self.output)

    @property
    def input_shape(self) -> Any:
        """The input's shape, with None as the batch size."""
        return get_batch_shape(self.input)

    def _first_node(self, noun: str) -> Node:
        if not self._inbound_nodes:
            raise StateError(
                f"layer {self.name!r} has no symbolic {noun} because it was never called on an Input"
            )
        return self._inbound_nodes[0]


def _make_keras_tensors(shape: Any) -> Any:
    """Create a KerasTensor for each shape in `shape`, which is one shape or a list or dict of shapes."""
    if isinstance(shape, Mapping):
        return {key: _make_keras_tensors(item) for key, item in shape.items()}
    if isinstance(shape, list) and shape and isinstance(shape[0], list | tuple | Mapping):
        return [_make_keras_tensors(item) for item in shape]
    return KerasTensor(tuple(shape))
