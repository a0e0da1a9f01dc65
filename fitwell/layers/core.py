"""Dense, Flatten, Activation, Lambda, InputLayer, and the layers that arithmetic on symbols becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from fitwell import activations, constraints, initializers, regularizers
from fitwell._param_validation import CallableRule, Instance, Integer, ListOf, validate_params
from fitwell._registry import serialize
from fitwell._variables import Array
from fitwell.errors import FileError, InvalidArgument, ShapeError, unknown_name_error
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import Layer, auto_name, register
from fitwell.layers.keras_tensor import KerasTensor, is_keras_tensor, to_shape_dtype_struct


@register()
class Dense(Layer):
    """A fully connected layer: ``activation(inputs @ kernel + bias)``.

    Parameters
    ----------
    units: number of neurons, the width of the output.
    activation: name or function; None is linear.
    use_bias: whether to add the bias.
    kernel_initializer: ``"glorot_uniform"`` by default; `bias_initializer`: ``"zeros"``.
    kernel_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
    kernel_constraint, bias_constraint: projections applied after every update.

    Input ``[batch, ..., width]``, kernel ``[width, units]``, output ``[batch, ..., units]``.
    """

    @validate_params(LAYER, units=Integer(1))
    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape: Any) -> None:
        if not input_shape or input_shape[-1] is None:
            one = isinstance(input_shape, tuple) and len(input_shape) == 1
            hint = "; one number a row: pass x[:, np.newaxis], or begin with Input((1,))" if one else ""
            raise ShapeError(
                f"layer {self.name!r}: Dense needs inputs of a known width, got shape {input_shape}{hint}"
            )
        self.kernel = self.add_weight(
            "kernel",
            (input_shape[-1], self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                "bias",
                (self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        self._check_width(inputs.shape)
        outputs = inputs @ self.kernel.value
        if self.bias is not None:
            outputs = outputs + self.bias.value
        return self.activation(outputs)

    def _check_width(self, shape: tuple[int, ...]) -> None:
        if len(shape) < 2 or shape[-1] != self.kernel.shape[0]:
            raise ShapeError(
                f"layer {self.name!r} (Dense): expected inputs of shape (batch, {self.kernel.shape[0]}), "
                f"got {tuple(shape)}"
            )

    def _compute_output_spec(self, args: tuple[Any, ...], kwargs: dict[str, Any], attempt: int = 0) -> Any:
        """As for every layer, and mostly without tracing, which is most of what building a small network costs."""
        is_dense = type(self).call is Dense.call and type(self).__call__ is Layer.__call__
        plain = len(args) == 1 and not kwargs and is_keras_tensor(args[0])
        keeps_shape = any(self.activation is known for known in activations.SHAPE_PRESERVING)
        if not (is_dense and plain and keeps_shape):
            return super()._compute_output_spec(args, kwargs, attempt)
        inputs = to_shape_dtype_struct(args[0], attempt)
        self._check_width(inputs.shape)
        dtype = jnp.result_type(self.dtype, self.kernel.dtype)
        return jax.ShapeDtypeStruct((*inputs.shape[:-1], self.units), dtype)


@register()
class Flatten(Layer):
    """Reshape ``[batch, ...]`` to ``[batch, product of the rest]``; ``[batch]`` becomes ``[batch, 1]``."""

    def call(self, inputs: Array) -> Array:
        return inputs.reshape((inputs.shape[0], -1))


@register()
class Activation(Layer):
    """Apply an activation function, given by name or as a function."""

    @validate_params(LAYER)
    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Array) -> Array:
        return self.activation(inputs)


@register()
class Lambda(Layer):
    """Wrap a function of arrays as a layer. It is never restored from a file.

    function: ``f(inputs)``, or ``f(inputs, training=...)``; JAX and NumPy-style code.
    arguments: further keyword arguments for it.
    """

    supports_padding = False

    @validate_params(
        function=CallableRule(),
        output_shape=ListOf(Integer(1) | None) | None,
        arguments=Instance(dict, "a dict") | None,
    )
    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.function = function
        self.arguments = dict(arguments or {})
        self.expected_output_shape = None if output_shape is None else tuple(output_shape)

    def call(self, inputs: Any) -> Any:
        outputs = self.function(inputs, **self.arguments)
        expected = self.expected_output_shape
        if expected is not None and tuple(outputs.shape[1:]) != expected:
            raise ShapeError(
                f"layer {self.name!r}: output_shape={expected} was given, the function returns {outputs.shape[1:]}"
            )
        return outputs

    def get_config(self) -> dict[str, Any]:
        name = getattr(self.function, "__name__", "function")
        shape = None if self.expected_output_shape is None else list(self.expected_output_shape)
        return {
            "name": self.name,
            "function": name,
            "output_shape": shape,
            "arguments": serialize(self.arguments),
        }

    @classmethod
    def from_config(cls, config: Any) -> Any:
        raise FileError(
            "a Lambda layer holds Python code, which fitwell never loads from a file: rebuild the model in code "
            "and use load_weights, or write the function as a registered Layer subclass"
        )


@register()
class InputLayer(Layer):
    """The entrance of a model: says the shape of one row.

    shape / input_shape: sizes without the batch axis; batch_shape / batch_input_shape: with it.
    """

    @validate_params(
        LAYER, shape=LAYER["input_shape"], batch_shape=LAYER["input_shape"], batch_size=Integer(1) | None
    )
    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        name: str | None = None,
        input_shape: Any = None,
        batch_shape: Any = None,
        batch_input_shape: Any = None,
    ) -> None:
        super().__init__(name=name or None, dtype=dtype)
        if batch_shape is None:
            batch_shape = batch_input_shape
        if batch_shape is None:
            shape = shape if shape is not None else input_shape
            if shape is None:
                raise InvalidArgument("Input: give the shape of one row, such as Input(shape=(28, 28))")
            sizes = (shape,) if isinstance(shape, int) else tuple(shape)
            batch_shape = (batch_size, *sizes)
        # The batch size stays open: a run pads, and prediction may take any number of rows.
        self.batch_shape = (None, *(None if size is None else int(size) for size in tuple(batch_shape)[1:]))
        self.built = True
        symbol = KerasTensor(self.batch_shape, dtype or None, name=self.name)
        from fitwell.layers.keras_tensor import Node

        node = Node(self, (), {})
        node.outputs = symbol
        symbol.node = node
        self._inbound_nodes.append(node)

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "batch_shape": list(self.batch_shape), "dtype": str(self.output.dtype)}


@validate_params(
    LAYER, shape=LAYER["input_shape"], batch_shape=LAYER["input_shape"], batch_size=Integer(1) | None
)
def Input(  # noqa: N802 - Keras's name
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    name: str | None = None,
    batch_shape: Any = None,
) -> KerasTensor:
    """Return the symbol of a model's input; `shape` is that of one row."""
    return InputLayer(shape, batch_size, dtype, name, batch_shape=batch_shape).output


_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": jnp.add,
    "subtract": jnp.subtract,
    "multiply": jnp.multiply,
    "divide": jnp.divide,
    "power": jnp.power,
    "matmul": jnp.matmul,
    "negative": jnp.negative,
}


@register()
class Operation(Layer):
    """An arithmetic operation between symbols, such as the ``+`` in ``x + y``."""

    def __init__(self, operation: str, **kwargs: Any) -> None:
        super().__init__(name=kwargs.pop("name", None) or auto_name(operation), **kwargs)
        if operation not in _OPERATORS:
            raise unknown_name_error("operation", operation, _OPERATORS)
        self.operation = operation

    def call(self, *operands: Any) -> Any:
        return _OPERATORS[self.operation](*operands)


@register()
class GetItem(Layer):
    """Indexing of a symbol, such as ``x[:, :5]``. The batch axis must be kept whole."""

    def __init__(self, index: Any, **kwargs: Any) -> None:
        super().__init__(name=kwargs.pop("name", None) or auto_name("get_item"), **kwargs)
        self.index = [
            _index_from_config(item) for item in (index if isinstance(index, list | tuple) else (index,))
        ]
        if self.index[0] not in (slice(None), Ellipsis):
            raise InvalidArgument(
                f"indexing a symbol must keep the batch axis whole, as in x[:, 0]; got x[{index!r}]"
            )

    def call(self, inputs: Any) -> Any:
        return inputs[tuple(self.index)]

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "index": [_index_to_config(item) for item in self.index]}


def _index_to_config(item: Any) -> Any:
    if isinstance(item, slice):
        return {"slice": [item.start, item.stop, item.step]}
    return "..." if item is Ellipsis else item


def _index_from_config(item: Any) -> Any:
    if isinstance(item, dict) and "slice" in item:
        return slice(*item["slice"])
    return Ellipsis if isinstance(item, str) and item == "..." else item
