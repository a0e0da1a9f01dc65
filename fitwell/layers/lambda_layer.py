"""The `Lambda` layer, which wraps a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fitwell._param_validation import CallableRule, Instance, Integer, ListOf, validate_params
from fitwell._registry import serialize
from fitwell.errors import FileError, ShapeError
from fitwell.layers.base import Layer, register

__all__ = ["Lambda"]


@register()
class Lambda(Layer):
    """A layer that wraps a function of arrays.

    A `Lambda` is never restored from a file, because that would run code from the file.

    Args:
        function (Callable): A function that computes the outputs from the inputs with JAX operations.
        output_shape (tuple[int | None, ...] | None): Expected shape of one output row. Defaults to None,
            which means that the shape is not checked.
        arguments (dict | None): Additional keyword arguments for `function`. Default: None.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        Any shape that `function` accepts.

    Raises:
        ShapeError: if the function's output does not have the shape `output_shape`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Lambda(lambda x: x ** 2)(np.array([[3.0]])).tolist()
        [[9.0]]

    Source: Keras `Lambda`.
    """

    supports_masking = True

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
                f"layer {self.name!r}: expected the function to return rows of shape {expected}, "
                f"got {outputs.shape[1:]}"
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
            "a Lambda layer contains Python code, which fitwell never loads from a file; rebuild the model in "
            "code and use load_weights, or write the function as a registered Layer subclass"
        )
