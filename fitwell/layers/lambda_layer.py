"""`Lambda`, a function as a layer."""

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
    """Wrap a function of arrays as a layer.

    A `Lambda` is never restored from a file, because that would run the code in the file.

    Args:
        function (Callable): ``f(inputs)`` or ``f(inputs, training=...)``, written with JAX or NumPy-like code.
        output_shape (tuple[int | None, ...] | None): Shape of one row of the output, which is then verified. Default:
            None.
        arguments (dict | None): Further keyword arguments of `function`. Default: None.
        **kwargs: `name`, `trainable`, `dtype`, `activity_regularizer` and `input_shape`, as for `Layer`.

    Input shape:
        As `function` expects.

    Raises:
        ShapeError: if the function returns another shape than `output_shape`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Lambda(lambda x: x ** 2)(np.array([[3.0]])).tolist()
        [[9.0]]

    Source: Keras `Lambda`.
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
