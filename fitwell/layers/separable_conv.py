"""`SeparableConv1D` and `SeparableConv2D`."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._param_validation import Integer, validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import register
from fitwell.layers.base_conv import CONV_RULES
from fitwell.layers.depthwise_conv import BaseDepthwiseConv

__all__ = ["SeparableConv1D", "SeparableConv2D", "SeparableConvolution1D", "SeparableConvolution2D"]


class SeparableConv(BaseDepthwiseConv):
    """Base class of SeparableConv1D and SeparableConv2D."""

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
        super().__init__(
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            bias_constraint=bias_constraint,
            activity_regularizer=activity_regularizer,
            depth_multiplier=depth_multiplier,
            depthwise_initializer=depthwise_initializer,
            depthwise_regularizer=depthwise_regularizer,
            depthwise_constraint=depthwise_constraint,
            **kwargs,
        )
        self.filters = filters
        self._set_weight_arguments(
            "pointwise", pointwise_initializer, pointwise_regularizer, pointwise_constraint
        )

    def build(self, input_shape: Any) -> None:
        channels = self._get_channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.depthwise_kernel = self._add_kernel("depthwise_kernel", shape, "depthwise")
        shape = (*(1,) * self.rank, channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self._add_kernel("pointwise_kernel", shape, "pointwise")
        self._add_bias(self.filters)
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        inputs = self._prepare_inputs(inputs, self.depthwise_kernel.shape[-2])
        outputs = self._depthwise(inputs, self.depthwise_kernel.value)
        # A convolution with a kernel of size 1 is a matrix product.
        mixing = self.pointwise_kernel.value.astype(outputs.dtype).reshape(self.pointwise_kernel.shape[-2:])
        axis = -1 if self.data_format == "channels_last" else 1
        outputs = jnp.moveaxis(jnp.moveaxis(outputs, axis, -1) @ mixing, -1, axis)
        return self._add_bias_and_activate(outputs)


@register("SeparableConvolution1D")
class SeparableConv1D(SeparableConv):
    """Convolve every channel of a sequence separately, then mix the channels at each step.

    Unlike in Keras, padding may be ``"causal"``.

    Args:
        filters (int): Number of output channels.
        kernel_size (int): Length of the kernel.
        strides (int): Step s between outputs. Default: 1.
        padding (str): ``"valid"`` (none), ``"same"`` (output length ``ceil(length / strides)``) or ``"causal"`` (the
            same length, and output t depends on inputs up to t only). Default: ``"valid"``.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        dilation_rate (int): Step d between the taps of the kernel. Default: 1.
        depth_multiplier (int): Channels of the depthwise convolution per input channel. Default: 1.
        activation (str | Callable | None): Activation function; None is linear. Default: None.
        use_bias (bool): Whether to add the bias. Default: True.
        depthwise_initializer (str | Initializer): Default: ``"glorot_uniform"``.
        pointwise_initializer (str | Initializer): Default: ``"glorot_uniform"``.
        bias_initializer (str | Initializer): Default: ``"zeros"``.
        depthwise_regularizer (str | Regularizer | None): Default: None.
        pointwise_regularizer (str | Regularizer | None): Default: None.
        bias_regularizer (str | Regularizer | None): Default: None.
        activity_regularizer (str | Regularizer | None): Penalty on the outputs. Default: None.
        depthwise_constraint (str | Constraint | None): Default: None.
        pointwise_constraint (str | Constraint | None): Default: None.
        bias_constraint (str | Constraint | None): Default: None.
        **kwargs: `name`, `trainable`, `dtype` and `input_shape`, as for `Layer`.

    Input shape:
        `[batch, length, channels]`.

    Output shape:
        `[batch, new length, filters]`. The depthwise kernel has the shape
        `[kernel_size, channels, depth_multiplier]`, the pointwise one `[1, channels depth_multiplier, filters]`.

    Raises:
        ShapeError: if the inputs have another number of axes or channels, or are smaller than the kernel.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.SeparableConv1D(4, 3)(np.ones((2, 10, 5))).shape
        (2, 8, 4)

    Source: Keras `SeparableConv1D`.
    """

    rank = 1
    paddings = ("valid", "same", "causal")


@register("SeparableConvolution2D")
class SeparableConv2D(SeparableConv):
    """Convolve every channel of images separately, then mix the channels at each pixel.

    Args:
        filters (int): Number of output channels.
        kernel_size (int | tuple[int, int]): Height and width of the kernel.
        strides (int | tuple[int, int]): Step s between outputs. Default: 1.
        padding (str): ``"valid"`` (none) or ``"same"`` (output size ``ceil(size / strides)``). Default: ``"valid"``.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        dilation_rate (int | tuple[int, int]): Step d between the taps of the kernel. Default: 1.
        depth_multiplier (int): Channels of the depthwise convolution per input channel. Default: 1.
        activation (str | Callable | None): Activation function; None is linear. Default: None.
        use_bias (bool): Whether to add the bias. Default: True.
        depthwise_initializer (str | Initializer): Default: ``"glorot_uniform"``.
        pointwise_initializer (str | Initializer): Default: ``"glorot_uniform"``.
        bias_initializer (str | Initializer): Default: ``"zeros"``.
        depthwise_regularizer (str | Regularizer | None): Default: None.
        pointwise_regularizer (str | Regularizer | None): Default: None.
        bias_regularizer (str | Regularizer | None): Default: None.
        activity_regularizer (str | Regularizer | None): Penalty on the outputs. Default: None.
        depthwise_constraint (str | Constraint | None): Default: None.
        pointwise_constraint (str | Constraint | None): Default: None.
        bias_constraint (str | Constraint | None): Default: None.
        **kwargs: `name`, `trainable`, `dtype` and `input_shape`, as for `Layer`.

    Input shape:
        `[batch, height, width, channels]`.

    Output shape:
        `[batch, new height, new width, filters]`. The depthwise kernel has the shape
        `[*kernel_size, channels, depth_multiplier]`, the pointwise one `[1, 1, channels depth_multiplier, filters]`.

    Raises:
        ShapeError: if the inputs have another number of axes or channels, or are smaller than the kernel.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.SeparableConv2D(4, 3)(np.ones((2, 8, 8, 5))).shape
        (2, 6, 6, 4)

    Source: Keras `SeparableConv2D`; Chollet (2017).
    """

    rank = 2


SeparableConvolution1D = SeparableConv1D


SeparableConvolution2D = SeparableConv2D
