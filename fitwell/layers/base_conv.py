"""Base class of the convolutional layers."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from fitwell import activations, constraints, initializers, regularizers
from fitwell._param_validation import ByClass, Options, Rule
from fitwell._variables import Array, Variable
from fitwell.errors import ShapeError
from fitwell.layers.argument_rules import SIZES
from fitwell.layers.array_ops import to_float
from fitwell.layers.base import Layer
from fitwell.layers.conv_ops import ConvWindow, Padding, conv, same_padding

__all__ = ["BaseConv", "CONV_RULES", "conv_window", "conv_with_data_format"]


CONV_RULES: dict[str, Rule] = {
    "kernel_size": SIZES,
    "strides": SIZES,
    "dilation_rate": SIZES,
    "padding": ByClass(lambda kind: Options(*kind.paddings)),
}


class BaseConv(Layer):
    """Base of layers that slide a kernel over one or two spatial axes: settings, bias, activation, checks."""

    rank: ClassVar[int] = 1
    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")
    bias: Variable | None = None

    def _keep(
        self,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        bias: tuple[Any, Any, Any],
    ) -> None:
        self.kernel_size = kernel_size
        self.strides = self._sizes(strides)
        self.padding = padding
        self.data_format = data_format or "channels_last"
        self.dilation_rate = self._sizes(dilation_rate)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.bias_initializer = initializers.get(bias[0])
        self.bias_regularizer = regularizers.get(bias[1])
        self.bias_constraint = constraints.get(bias[2])

    def _sizes(self, given: Any) -> tuple[int, ...]:
        """Return one size for each spatial axis, of a default that is one number."""
        return given if isinstance(given, tuple) else (given,) * self.rank

    def _add_kernel(self, name: str, shape: tuple[int, ...], prefix: str) -> Variable:
        return self.add_weight(
            name,
            shape,
            initializer=getattr(self, f"{prefix}_initializer"),
            regularizer=getattr(self, f"{prefix}_regularizer"),
            constraint=getattr(self, f"{prefix}_constraint"),
        )

    def _add_bias(self, filters: int) -> None:
        if self.use_bias:
            self.bias = self._add_kernel("bias", (filters,), "bias")

    def _channels(self, shape: Any) -> int:
        """Return the number of input channels, which must be known."""
        axis = -1 if self.data_format == "channels_last" else 1
        if len(shape) != self.rank + 2 or shape[axis] is None:
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}): expected inputs of shape {self._expected('channels')}, "
                f"got {tuple(shape)}{_missing_channels(shape, self.rank)}"
            )
        return int(shape[axis])

    def _expected(self, channels: Any) -> str:
        spatial = ("length",) if self.rank == 1 else ("height", "width")
        axes = (*spatial, channels) if self.data_format == "channels_last" else (channels, *spatial)
        return f"(batch, {', '.join(str(axis) for axis in axes)})"

    def _ready(self, inputs: Array, channels: int) -> Array:
        """Return the inputs as floats of the kernel's type, or say what is wrong with their shape."""
        if inputs.ndim != self.rank + 2 or self._channels(inputs.shape) != channels:
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}): expected inputs of shape {self._expected(channels)}, "
                f"got {tuple(inputs.shape)}{_missing_channels(inputs.shape, self.rank)}"
            )
        return to_float(inputs, self.dtype)

    def _fitting(self, outputs: Array, inputs: Array) -> Array:
        if 0 in outputs.shape[1:]:
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}): a kernel of size {self.kernel_size} with dilation "
                f"{self.dilation_rate} does not fit into inputs of shape {tuple(inputs.shape)}; use a smaller one, "
                "or padding='same'"
            )
        return outputs

    def _finish(self, outputs: Array) -> Array:
        if self.bias is not None:
            outputs = outputs + self._along_channels(self.bias.value)
        return self.activation(outputs)

    def _along_channels(self, values: Array) -> Array:
        return values if self.data_format == "channels_last" else values.reshape((-1,) + (1,) * self.rank)


def _missing_channels(shape: Any, rank: int) -> str:
    if len(shape) != rank + 1:
        return ""
    return "; add the axis of channels with Reshape, such as Reshape((28, 28, 1))"


def conv_with_data_format(layer: BaseConv, inputs: Array, kernel: Array, geometry: ConvWindow) -> Array:
    """Return the cross-correlation of `inputs` and `kernel`, with the channels where `layer` has them."""
    kernel = kernel.astype(inputs.dtype)
    if layer.data_format == "channels_last":
        return conv(inputs, kernel, geometry)
    return jnp.moveaxis(conv(jnp.moveaxis(inputs, 1, -1), kernel, geometry), -1, 1)


def conv_window(layer: BaseConv, inputs: Array, kernel: Array, groups: int = 1) -> ConvWindow:
    """Return how `kernel` slides over `inputs` by the strides, padding and dilation of `layer`."""
    sizes = inputs.shape[1:-1] if layer.data_format == "channels_last" else inputs.shape[2:]
    reaches = [(n - 1) * step for n, step in zip(kernel.shape, layer.dilation_rate, strict=False)]
    padding: Padding = ((0, 0),) * layer.rank
    if layer.padding == "same":
        padding = same_padding(sizes, [reach + 1 for reach in reaches], layer.strides)
    elif layer.padding == "causal":
        # Output t sees inputs up to t: all padding goes before the first.
        padding = ((reaches[0], 0),)
    return ConvWindow(layer.strides, padding, (1,) * layer.rank, layer.dilation_rate, groups)
