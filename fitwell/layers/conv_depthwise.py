"""Convolutions of each channel by itself: DepthwiseConv1D/2D, SeparableConv1D/2D."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell import constraints, initializers, regularizers
from fitwell._param_validation import Integer, validate_params
from fitwell._variables import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import register
from fitwell.layers.convolutional import CONV_RULES, BaseConv, conv_window, conv_with_data_format


class BaseDepthwiseConv(BaseConv):
    """Base of the layers that first convolve every channel with kernels of its own."""

    def _keep_depthwise(self, multiplier: int, initializer: Any, regularizer: Any, constraint: Any) -> None:
        self.depth_multiplier = multiplier
        self.depthwise_initializer = initializers.get(initializer)
        self.depthwise_regularizer = regularizers.get(regularizer)
        self.depthwise_constraint = constraints.get(constraint)

    def _depthwise(self, inputs: Array, kernel: Array) -> Array:
        """Convolve channel c with its own kernels, which make channels ``c m ... c m + m - 1`` of the output."""
        *size, channels, multiplier = kernel.shape
        kernel = kernel.reshape((*size, 1, channels * multiplier))
        return self._fitting(
            conv_with_data_format(self, inputs, kernel, conv_window(self, inputs, kernel, channels)), inputs
        )


class DepthwiseConv(BaseDepthwiseConv):
    """Base of DepthwiseConv1D and DepthwiseConv2D."""

    @validate_params(LAYER, CONV_RULES, depth_multiplier=Integer(1))
    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
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
        self._keep_depthwise(
            depth_multiplier, depthwise_initializer, depthwise_regularizer, depthwise_constraint
        )

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self._add_kernel("kernel", shape, "depthwise")
        self._add_bias(channels * self.depth_multiplier)
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        inputs = self._ready(inputs, self.kernel.shape[-2])
        return self._finish(self._depthwise(inputs, self.kernel.value))


@register()
class DepthwiseConv1D(DepthwiseConv):
    """Convolve every channel of a sequence by itself, giving `depth_multiplier` channels for each.

    Parameters as for `Conv1D`, without filters and groups, and depth_multiplier: output channels per input channel, 1.
    Input ``[batch, length, channels]``, kernel ``[kernel_size, channels, depth_multiplier]``.
    """

    rank = 1
    paddings = ("valid", "same", "causal")


@register()
class DepthwiseConv2D(DepthwiseConv):
    """Convolve every channel of images by itself, giving `depth_multiplier` channels for each.

    Parameters as for `Conv2D`, without filters and groups, and depth_multiplier: output channels per input channel, 1.
    Input ``[batch, height, width, channels]``, kernel ``[*kernel_size, channels, depth_multiplier]``.
    Source: Sifre 2014.
    """

    rank = 2


class SeparableConv(BaseDepthwiseConv):
    """Base of SeparableConv1D and SeparableConv2D."""

    @validate_params(LAYER, CONV_RULES, filters=Integer(1), depth_multiplier=Integer(1))
    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = filters
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
        self._keep_depthwise(
            depth_multiplier, depthwise_initializer, depthwise_regularizer, depthwise_constraint
        )
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.pointwise_constraint = constraints.get(pointwise_constraint)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.depthwise_kernel = self._add_kernel("depthwise_kernel", shape, "depthwise")
        shape = (*(1,) * self.rank, channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self._add_kernel("pointwise_kernel", shape, "pointwise")
        self._add_bias(self.filters)
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        inputs = self._ready(inputs, self.depthwise_kernel.shape[-2])
        outputs = self._depthwise(inputs, self.depthwise_kernel.value)
        # A kernel of one place is a product of matrices.
        mixing = self.pointwise_kernel.value.astype(outputs.dtype).reshape(self.pointwise_kernel.shape[-2:])
        axis = -1 if self.data_format == "channels_last" else 1
        outputs = jnp.moveaxis(jnp.moveaxis(outputs, axis, -1) @ mixing, -1, axis)
        return self._finish(outputs)


@register("SeparableConvolution1D")
class SeparableConv1D(SeparableConv):
    """Convolve every channel of a sequence by itself, then mix the channels at each place.

    Parameters as for `Conv1D`, without groups; depth_multiplier: channels made of each channel, 1; initializers,
    regularizers and constraints for ``depthwise`` and ``pointwise`` in the place of ``kernel``. Unlike in Keras,
    padding may be ``"causal"``.

    Input ``[batch, length, channels]``, depthwise kernel ``[kernel_size, channels, depth_multiplier]``, pointwise
    kernel ``[1, channels depth_multiplier, filters]``.
    """

    rank = 1
    paddings = ("valid", "same", "causal")


@register("SeparableConvolution2D")
class SeparableConv2D(SeparableConv):
    """Convolve every channel of images by itself, then mix the channels at each place.

    Parameters as for `Conv2D`, without groups; depth_multiplier: channels made of each channel, 1; initializers,
    regularizers and constraints for ``depthwise`` and ``pointwise`` in the place of ``kernel``.

    Input ``[batch, height, width, channels]``, depthwise kernel ``[*kernel_size, channels, depth_multiplier]``,
    pointwise kernel ``[1, 1, channels depth_multiplier, filters]``. Source: Chollet 2017.
    """

    rank = 2


SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
