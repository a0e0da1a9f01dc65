"""`Input` and `InputLayer`, which declare a model's inputs."""

from __future__ import annotations

from typing import Any

from fitwell._param_validation import Integer, validate_params
from fitwell.errors import InvalidArgument
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import Layer, register
from fitwell.layers.keras_tensor import KerasTensor, Node

__all__ = ["Input", "InputLayer"]


@register()
class InputLayer(Layer):
    """A layer that declares the shape of one row of a model's input.

    Args:
        shape (tuple[int | None, ...] | int | None): Shape of one row, without the batch axis.
        batch_size (int | None): Ignored, because the batch size is always variable. It is accepted for
            compatibility with Keras. Default: None.
        dtype (str | None): Dtype of the input. Default: `config.floatx`.
        name (str | None): Name of the layer. Defaults to a name made from the class name.
        input_shape (tuple[int | None, ...] | None): Alias of `shape`.
        batch_shape (tuple[int | None, ...] | None): Shape including the batch axis, as an alternative to
            `shape`.
        batch_input_shape (tuple[int | None, ...] | None): Alias of `batch_shape`.

    Raises:
        InvalidArgument: if no shape is given.

    Example:
        >>> import fitwell as fw
        >>> fw.layers.InputLayer(shape=(28, 28)).output.shape
        (None, 28, 28)

    Source: Keras `InputLayer`.
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
            batch_shape = batch_input_shape  # the Keras 2 name for batch_shape
        if batch_shape is None:
            shape = shape if shape is not None else input_shape
            if shape is None:
                raise InvalidArgument("Input: pass the shape of one row, such as Input(shape=(28, 28))")
            sizes = (shape,) if isinstance(shape, int) else tuple(shape)
            batch_shape = (batch_size, *sizes)
        # The batch size is always variable, because training pads batches, and prediction accepts any number
        # of rows.
        self.batch_shape = (None, *(None if size is None else int(size) for size in tuple(batch_shape)[1:]))
        self.built = True
        tensor = KerasTensor(self.batch_shape, dtype or None, name=self.name)
        node = Node(self, (), {})
        node.outputs = tensor
        tensor.node = node
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
    """Create an input of a model, and return its `KerasTensor`.

    Args:
        shape (tuple[int | None, ...] | int | None): Shape of one row.
        batch_size (int | None): Ignored, because the batch size is always variable. It is accepted for
            compatibility with Keras. Default: None.
        dtype (str | None): Dtype of the input. Default: `config.floatx`.
        name (str | None): Name of the input layer. Defaults to a name made from the class name.
        batch_shape (tuple[int | None, ...] | None): Shape including the batch axis, as an alternative to
            `shape`.

    Returns:
        KerasTensor: The symbolic input.

    Raises:
        InvalidArgument: if no shape is given.

    Example:
        >>> import fitwell as fw
        >>> inputs = fw.Input((8,))
        >>> model = fw.Model(inputs, fw.layers.Dense(1)(inputs))
        >>> model.output_shape
        (None, 1)

    Source: Keras `Input`.
    """
    return InputLayer(shape, batch_size, dtype, name, batch_shape=batch_shape).output
