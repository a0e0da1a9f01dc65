"""Convolutions: Conv1D, Conv2D, and what they share with their relatives."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from fitwell import activations, constraints, initializers, regularizers
from fitwell._param_validation import ByClass, Integer, Options, Rule, validate_params
from fitwell._variables import Array, Variable
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.argument_rules import LAYER, SIZES, to_float
from fitwell.layers.base import Layer, register
from fitwell.layers.conv_ops import ConvWindow, Padding, conv, same_padding

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


class Conv(BaseConv):
    """Base of Conv1D and Conv2D."""

    @validate_params(LAYER, CONV_RULES, filters=Integer(1), groups=Integer(1))
    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
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
        where = type(self).__name__
        self.filters = filters
        self.groups = groups
        if self.filters % self.groups:
            raise InvalidArgument(f"{where}: filters={filters} must be a multiple of groups={groups}")
        self._keep(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            (bias_initializer, bias_regularizer, bias_constraint),
        )
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}): {channels} channels of inputs {tuple(input_shape)} are "
                f"not a multiple of groups={self.groups}"
            )
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self._add_kernel("kernel", shape, "kernel")
        self._add_bias(self.filters)
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        inputs = self._ready(inputs, self.kernel.shape[-2] * self.groups)
        kernel = self.kernel.value
        outputs = conv_with_data_format(self, inputs, kernel, conv_window(self, inputs, kernel, self.groups))
        return self._finish(self._fitting(outputs, inputs))


@register("Convolution1D")
class Conv1D(Conv):
    """Convolution along a sequence: ``activation(b + sum over i, c of kernel[i, c] x[t s + i d, c])``.

    Parameters
    ----------
    filters: number of output channels. kernel_size: length of the kernel.
    strides: step s between outputs, 1. dilation_rate: step d between the taps of the kernel, 1.
    padding: ``"valid"`` (none), ``"same"`` (output length ``ceil(length / strides)``), or ``"causal"`` (as long,
        and output t sees inputs up to t only).
    data_format: ``"channels_last"`` (default) or ``"channels_first"``.
    groups: cut channels and filters into so many parts that do not see each other, 1.
    activation, use_bias, kernel and bias initializers, regularizers and constraints: as for `Dense`.

    Input ``[batch, length, channels]``, kernel ``[kernel_size, channels / groups, filters]``, output
    ``[batch, new length, filters]``. Unlike Keras it takes strides and dilation above 1 together.
    """

    rank = 1
    paddings = ("valid", "same", "causal")


@register("Convolution2D")
class Conv2D(Conv):
    """Convolution of images: ``activation(b + sum over i, j, c of kernel[i, j, c] x[y s + i d, x s + j d, c])``.

    Parameters
    ----------
    filters: number of output channels. kernel_size: ``(height, width)`` of the kernel, or one number for both.
    strides: steps s between outputs, 1. dilation_rate: steps d between the taps of the kernel, 1.
    padding: ``"valid"`` (none) or ``"same"`` (output size ``ceil(size / strides)``).
    data_format: ``"channels_last"`` (default) or ``"channels_first"``.
    groups: cut channels and filters into so many parts that do not see each other, 1.
    activation, use_bias, kernel and bias initializers, regularizers and constraints: as for `Dense`.

    Input ``[batch, height, width, channels]``, kernel ``[*kernel_size, channels / groups, filters]``, output
    ``[batch, new height, new width, filters]``. Unlike Keras it takes strides and dilation above 1 together.
    Source: LeCun et al. 1989.
    """

    rank = 2


Convolution1D = Conv1D
Convolution2D = Conv2D
