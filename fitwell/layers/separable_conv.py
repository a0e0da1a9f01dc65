"""The `SeparableConv1D` and `SeparableConv2D` layers."""

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
    """Separable convolution along a sequence.

    It first convolves every channel separately, and then mixes the channels at each position. Unlike in
    Keras, `padding` may be ``"causal"``.

    Args:
        filters (int): Number of output channels.
        kernel_size (int): Length of the kernel.
        strides (int): Step s between outputs. Default: 1.
        padding (str): ``"valid"`` (no padding), ``"same"`` (the output length is ``ceil(length / strides)``)
            or ``"causal"`` (the length is the same as with ``"same"``, and output t depends only on inputs up
            to t). Default: ``"valid"``.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        dilation_rate (int): Step d between the kernel's taps. Default: 1.
        depth_multiplier (int): Number of channels that the depthwise convolution computes per input channel.
            Default: 1.
        activation (str | Callable | None): Activation function. Defaults to None, which means linear.
        use_bias (bool): Whether to add the bias. Default: True.
        depthwise_initializer (str | Initializer): Initializer for the depthwise kernel. Default:
            ``"glorot_uniform"``.
        pointwise_initializer (str | Initializer): Initializer for the pointwise kernel. Default:
            ``"glorot_uniform"``.
        bias_initializer (str | Initializer): Initializer for the bias. Default: ``"zeros"``.
        depthwise_regularizer (str | Regularizer | None): Penalty on the depthwise kernel. Default: None.
        pointwise_regularizer (str | Regularizer | None): Penalty on the pointwise kernel. Default: None.
        bias_regularizer (str | Regularizer | None): Penalty on the bias. Default: None.
        activity_regularizer (str | Regularizer | None): Penalty on the outputs. Default: None.
        depthwise_constraint (str | Constraint | None): Projection applied to the depthwise kernel after every
            update. Default: None.
        pointwise_constraint (str | Constraint | None): Projection applied to the pointwise kernel after every
            update. Default: None.
        bias_constraint (str | Constraint | None): Projection applied to the bias after every update. Default:
            None.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, length, channels]`.

    Output shape:
        `[batch, new length, filters]`. The depthwise kernel has the shape
        `[kernel_size, channels, depth_multiplier]`, and the pointwise kernel has the shape
        `[1, channels * depth_multiplier, filters]`.

    Raises:
        ShapeError: if the inputs have the wrong number of axes or channels, or are smaller than the kernel.

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
    """Separable convolution of images.

    It first convolves every channel separately, and then mixes the channels at each pixel.

    Args:
        filters (int): Number of output channels.
        kernel_size (int | tuple[int, int]): Height and width of the kernel.
        strides (int | tuple[int, int]): Step s between outputs. Default: 1.
        padding (str): ``"valid"`` (no padding) or ``"same"`` (the output size is ``ceil(size / strides)``).
            Default: ``"valid"``.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        dilation_rate (int | tuple[int, int]): Step d between the kernel's taps. Default: 1.
        depth_multiplier (int): Number of channels that the depthwise convolution computes per input channel.
            Default: 1.
        activation (str | Callable | None): Activation function. Defaults to None, which means linear.
        use_bias (bool): Whether to add the bias. Default: True.
        depthwise_initializer (str | Initializer): Initializer for the depthwise kernel. Default:
            ``"glorot_uniform"``.
        pointwise_initializer (str | Initializer): Initializer for the pointwise kernel. Default:
            ``"glorot_uniform"``.
        bias_initializer (str | Initializer): Initializer for the bias. Default: ``"zeros"``.
        depthwise_regularizer (str | Regularizer | None): Penalty on the depthwise kernel. Default: None.
        pointwise_regularizer (str | Regularizer | None): Penalty on the pointwise kernel. Default: None.
        bias_regularizer (str | Regularizer | None): Penalty on the bias. Default: None.
        activity_regularizer (str | Regularizer | None): Penalty on the outputs. Default: None.
        depthwise_constraint (str | Constraint | None): Projection applied to the depthwise kernel after every
            update. Default: None.
        pointwise_constraint (str | Constraint | None): Projection applied to the pointwise kernel after every
            update. Default: None.
        bias_constraint (str | Constraint | None): Projection applied to the bias after every update. Default:
            None.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, height, width, channels]`.

    Output shape:
        `[batch, new height, new width, filters]`. The depthwise kernel has the shape
        `[*kernel_size, channels, depth_multiplier]`, and the pointwise kernel has the shape
        `[1, 1, channels * depth_multiplier, filters]`.

    Raises:
        ShapeError: if the inputs have the wrong number of axes or channels, or are smaller than the kernel.

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
