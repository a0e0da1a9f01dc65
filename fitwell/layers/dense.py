"""The fully connected layer, `Dense`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell import activations, constraints, initializers, regularizers
from fitwell._param_validation import Integer, validate_params
from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import Layer, register
from fitwell.layers.keras_tensor import is_keras_tensor, to_shape_dtype_struct

__all__ = ["Dense"]


@register()
class Dense(Layer):
    """Fully connected layer, which computes ``activation(inputs @ kernel + bias)``.

    Args:
        units (int): Number of neurons, which is the width of the output.
        activation (str | Callable | None): Activation function. Defaults to None, which means linear.
        use_bias (bool): Whether to add the bias. Default: True.
        kernel_initializer (str | Initializer): Initializer for the kernel. Default: ``"glorot_uniform"``.
        bias_initializer (str | Initializer): Initializer for the bias. Default: ``"zeros"``.
        kernel_regularizer (str | Regularizer | None): Penalty on the kernel. Default: None.
        bias_regularizer (str | Regularizer | None): Penalty on the bias. Default: None.
        activity_regularizer (str | Regularizer | None): Penalty on the outputs. Default: None.
        kernel_constraint (str | Constraint | None): Projection applied to the kernel after every update.
            Default: None.
        bias_constraint (str | Constraint | None): Projection applied to the bias after every update. Default:
            None.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, ..., width]`.

    Output shape:
        `[batch, ..., units]`. The kernel has the shape `[width, units]`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> layer = fw.layers.Dense(3, activation="relu")
        >>> layer(np.ones((2, 4))).shape
        (2, 3)
        >>> layer.kernel.shape
        (4, 3)

    Source: Keras `Dense`.
    """

    supports_masking = True

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
            is_vector = isinstance(input_shape, tuple) and len(input_shape) == 1
            hint = (
                "; if each row is one number, pass x[:, np.newaxis], or begin the model with Input((1,))"
                if is_vector
                else ""
            )
            raise ShapeError(
                f"layer {self.name!r}: Dense needs inputs with a known width, got shape {input_shape}{hint}"
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
        outputs = self._multiply(inputs)
        if self.bias is not None:
            outputs = outputs + self.bias.value
        return self.activation(outputs)

    def _multiply(self, inputs: Array) -> Array:
        return inputs @ self.kernel.value

    def _check_width(self, shape: tuple[int, ...]) -> None:
        if len(shape) < 2 or shape[-1] != self.kernel.shape[0]:
            raise ShapeError(
                f"layer {self.name!r} (Dense): expected inputs of shape (batch, ..., {self.kernel.shape[0]}), "
                f"got {tuple(shape)}"
            )

    def _compute_output_spec(self, args: tuple[Any, ...], kwargs: dict[str, Any], attempt: int = 0) -> Any:
        """Infer the output spec without tracing if possible.

        Without this shortcut, tracing would take most of the time needed to build a small model.
        """
        is_unchanged = type(self).call is Dense.call and type(self).__call__ is Layer.__call__
        plain = len(args) == 1 and not kwargs and is_keras_tensor(args[0])
        keeps_shape = any(self.activation is known for known in activations.SHAPE_PRESERVING)
        if not (is_unchanged and plain and keeps_shape):
            return super()._compute_output_spec(args, kwargs, attempt)
        inputs = to_shape_dtype_struct(args[0], attempt)
        self._check_width(inputs.shape)
        dtype = jnp.result_type(self.dtype, self.kernel.dtype)
        return jax.ShapeDtypeStruct((*inputs.shape[:-1], self.units), dtype)
