"""`Sequential`: a stack of layers, each applied to the output of the previous one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax

from fitwell._data.loaders import count_rows
from fitwell._param_validation import Instance, ListOf, validate_params
from fitwell._registry import deserialize, serialize
from fitwell.errors import InvalidArgument, StateError
from fitwell.layers.base import Layer, register
from fitwell.layers.input_layer import InputLayer
from fitwell.layers.keras_tensor import KerasTensor, get_batch_shape, has_same_spec, is_keras_tensor
from fitwell.models.data_adapters import cast_input
from fitwell.models.model import Model

__all__ = [
    "Sequential",
]


@register()
class Sequential(Model):
    """A stack of layers, each applied to the output of the previous one.

    If the first layer declares its input shape (``Input(shape)``, ``input_shape=`` or ``input_dim=``), the model is
    built immediately. Otherwise, it is built by the first call to the model, `build` or `fit`.

    Args:
        layers (list[Layer] | None): The layers. Use `add` to append more. Default: None.
        name (str | None): Name of the model. Defaults to None, which means an automatic name.
        trainable (bool): Whether variables are trained. False freezes all of them. Default: True.

    Raises:
        InvalidArgument: if an element is not a layer, is in the stack twice, or has the same name as a different layer.

    Example:
        >>> import fitwell as fw
        >>> model = fw.Sequential([fw.Input((3,)), fw.layers.Dense(4, activation="relu"), fw.layers.Dense(1)])
        >>> model.output_shape, model.count_params()
        ((None, 1), 21)

    Source: Keras `Sequential`.
    """

    @validate_params(layers=ListOf(Instance((Layer, KerasTensor), "a layer")) | None)
    def __init__(
        self, layers: Sequence[Any] | None = None, name: str | None = None, trainable: bool = True
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        self._stack: list[Layer] = []
        self._ends: tuple[KerasTensor, Any] | None = None
        layers_by_name: dict[str | None, Layer] = {}
        for layer in layers or []:
            self._append(layer, layers_by_name)

    def add(self, layer: Any) -> None:
        """Append a layer to the stack.

        Args:
            layer (Layer): The layer to append.
        """
        self._append(layer, {other.name: other for other in self._stack})

    def _append(self, layer: Any, layers_by_name: dict[str | None, Layer]) -> None:
        """Append `layer` to the stack.

        Args:
            layer: The layer.
            layers_by_name: The layers in the stack, keyed by name. The new layer is added to this dict.
        """
        if isinstance(layer, KerasTensor):
            assert layer.node is not None
            layer = layer.node.layer
        if not isinstance(layer, Layer):
            hint = "; add parentheses to create an instance" if isinstance(layer, type) else ""
            raise InvalidArgument(f"Sequential: expected a layer, got {layer!r}{hint}")
        if layers_by_name.get(layer.name) is layer and not isinstance(layer, InputLayer):
            raise InvalidArgument(
                f"Sequential: layer {layer.name!r} is already in the stack; create a new layer"
            )
        if layer.name in layers_by_name:
            raise InvalidArgument(
                f"Sequential: two layers have the name {layer.name!r}; give one of them a different name"
            )
        layers_by_name[layer.name] = layer
        self._stack.append(layer)
        if self._ends is not None:
            self._call_next(layer)
        elif len(self._stack) == 1:
            self._maybe_build_from_first(layer)

    def pop(self) -> Layer:
        """Remove the last layer of the stack and return it.

        Returns:
            Layer: The removed layer.

        Raises:
            StateError: if the stack is empty.
        """
        if not self._stack:
            raise StateError("Sequential.pop: the stack is empty")
        layer = self._stack.pop()
        if self._ends is not None:
            first = self._ends[0]
            self._ends = None
            if self._stack:
                self._build_graph(first)
        return layer

    def _maybe_build_from_first(self, layer: Layer) -> None:
        if isinstance(layer, InputLayer):
            tensor = layer.output
            self._ends = (tensor, tensor)
        elif layer._declared_input_shape is not None:
            self._build_graph(_make_input(layer._declared_input_shape))
        elif isinstance(layer, Model) and layer._inbound_nodes:
            self._build_graph(_make_input(layer.input_shape))

    def _build_graph(self, first: KerasTensor) -> None:
        self._ends = (first, first)
        for layer in self._stack:
            self._call_next(layer)

    def _call_next(self, layer: Layer) -> None:
        assert self._ends is not None
        first, last = self._ends
        if not isinstance(layer, InputLayer):
            if last is first:
                # Declare the shape, so that a model that reuses the first layer, such as
                # ``Sequential(model.layers[:-1])``, is built immediately.
                layer._declared_input_shape = first.shape
            last = layer(last)
            self.built = True
        self._ends = (first, last)

    def build(self, input_shape: Any = None) -> None:
        """Build every layer.

        Args:
            input_shape (tuple[int | None, ...] | None): Shape of the inputs, including the batch size. Defaults to
                None, which means the declared shape.

        Raises:
            StateError: if no input shape is known.
        """
        if self._ends is None:
            if input_shape is None:
                raise StateError(
                    f"model {self.name!r} has no input shape yet; pass a shape to build, as in "
                    "model.build((None, 28, 28)), or begin the model with an Input layer"
                )
            self._build_graph(_make_input((None, *tuple(input_shape)[1:])))
        self.built = True

    def _output_specs(self, x: Any) -> list[Any]:
        """Return the shape and dtype of the output for inputs like `x`.

        The model is traced only if its output shape is not completely known.
        """
        output: Any = None if self._ends is None else self._ends[1]
        if not is_keras_tensor(output) or None in output.shape[1:]:
            return super()._output_specs(x)
        return [jax.ShapeDtypeStruct((count_rows(x), *output.shape[1:]), output.dtype)]

    def _known_output_spec(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the symbolic output if the argument matches the input's shape and dtype, else None."""
        if type(self).call is not Sequential.call or kwargs or len(args) != 1 or self._ends is None:
            return None
        first, last = self._ends
        return last if has_same_spec(args[0], first) else None

    def call(self, inputs: Any) -> Any:
        if self._ends is not None:
            inputs = cast_input(inputs, self._ends[0])
        for layer in self._stack:
            inputs = layer(inputs)
        return inputs

    def _named_children(self) -> Iterator[tuple[str, Layer]]:
        """Yield the numbered layers, without the input layer, which does not compute anything."""
        number = 0
        for layer in self._stack:
            if not isinstance(layer, InputLayer):
                yield f"layers.{number}", layer
                number += 1

    @property
    def input_names(self) -> list[str]:
        """A list with the name of the input."""
        return [self._ends[0].name if self._ends is not None else "input"]

    @property
    def output_names(self) -> list[str]:
        """A list with the name of the output, which is the last layer's name."""
        return [str(self._stack[-1].name)] if self._stack else ["output"]

    def _output_names_for(self, y: Any) -> list[str]:
        """Return a list with the name of the output. It does not depend on the targets `y`."""
        return self.output_names

    @property
    def _input_layer(self) -> InputLayer | None:
        """The input layer, or None if there is none yet.

        If it was not added explicitly, it is created from ``input_shape=`` or by the first call.
        """
        return None if self._ends is None else self._ends[0].node.layer  # type: ignore[union-attr]

    @property
    def input(self) -> Any:
        """The symbolic input."""
        return self._get_ends("input")[0]

    @property
    def inputs(self) -> list[Any]:
        """A list with the symbolic input."""
        return [self.input]

    @property
    def output(self) -> Any:
        """The symbolic output."""
        return self._get_ends("output")[1]

    @property
    def outputs(self) -> list[Any]:
        """A list with the symbolic output."""
        return [self.output]

    @property
    def output_shape(self) -> Any:
        """The output's shape, with None for the batch size."""
        return get_batch_shape(self.output)

    def _get_ends(self, name: str) -> tuple[KerasTensor, Any]:
        if self._ends is None:
            raise StateError(
                f"model {self.name!r} has no {name} yet; give the model an input shape, or call it once"
            )
        return self._ends

    def _input_specs(self) -> tuple[list[tuple[Any, ...]] | None, list[str], str]:
        """Return the input shape if it is known, the input name, and the first layer's name."""
        _, layer = next(self._named_children(), ("", self))
        first = str(layer.name)
        if self._ends is None:
            return None, self.input_names, first
        return [self._ends[0].shape], self.input_names, first

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "layers": [serialize(layer) for layer in self._stack],
        }
        if self._ends is not None:
            config["build_input_shape"] = list(self._ends[0].shape)
        return config

    @classmethod
    def from_config(cls, config: Any) -> Any:
        layers = [deserialize(layer) for layer in config["layers"]]
        model = cls(layers, name=config.get("name"), trainable=config.get("trainable", True))
        if config.get("build_input_shape") and not model.built and model._stack:
            model.build(config["build_input_shape"])
        return model


def _make_input(batch_shape: Any) -> KerasTensor:
    """Return the symbolic tensor of a new input, from which ``Model(stack.input, ...)`` can start."""
    return InputLayer(batch_shape=batch_shape).output
