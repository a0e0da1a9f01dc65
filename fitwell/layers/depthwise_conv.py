"""The `DepthwiseConv1D` and `DepthwiseConv2D` layers."""

from __future__ import annotations

from typing import Any

from fitwell._param_validation import Integer, validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import register
from fitwell.layers.base_conv import CONV_RULES, BaseConv

__all__ = ["BaseDepthwiseConv", "DepthwiseConv1D", "DepthwiseConv2D"]


class BaseDepthwiseConv(BaseConv):
    """Base class of the layers that begin by convolving every channel separately."""

    def __init__(
        self,
        depth_multiplier: int,
        depthwise_initializer: Any,
        depthwise_regularizer: Any,
        depthwise_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.depth_multiplier = depth_multiplier
        self._set_weight_arguments(
            "depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint
        )

    def _depthwise(self, inputs: Array, kernel: Array) -> Array:
        """Convolve each channel c with m kernels to get output channels ``c * m`` to ``c * m + m - 1``."""
        *size, channels, multiplier = kernel.shape
        kernel = kernel.reshape((*size, 1, channels * multiplier))
        return self._check_not_empty(self._convolve(inputs, kernel, channels), inputs)


class DepthwiseConv(BaseDepthwiseConv):
    """Base class of DepthwiseConv1D and DepthwiseConv2D."""

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

    def build(self, input_shape: Any) -> None:
        channels = self._get_channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self._add_kernel("kernel", shape, "depthwise")
        self._add_bias(channels * self.depth_multiplier)
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        inputs = self._prepare_inputs(inputs, self.kernel.shape[-2])
        return self._add_bias_and_activate(self._depthwise(inputs, self.kernel.value))


@register()
class DepthwiseConv1D(DepthwiseConv):
    """Depthwise convolution along a sequence, which convolves every channel separately.

    Each input channel produces `depth_multiplier` output channels. Unlike in Keras, `padding` may be
    ``"causal"``.

    Args:
        kernel_size (int): Length of the kernel.
        strides (int): Step s between outputs. Default: 1.
        padding (str): ``"valid"`` (no padding), ``"same"`` (the output length is ``ceil(length / strides)``)
            or ``"causal"`` (the length is the same as with ``"same"``, and output t depends only on inputs up
            to t). Default: ``"valid"``.
        depth_multiplier (int): Number of output channels per input channel. Default: 1.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        dilation_rate (int): Step d between the kernel's taps. Default: 1.
        activation (str | Callable | None): Activation function. Defaults to None, which means linear.
        use_bias (bool): Whether to add the bias. Default: True.
        depthwise_initializer (str | Initializer): Initializer for the depthwise kernel. Default:
            ``"glorot_uniform"``.
        bias_initializer (str | Initializer): Initializer for the bias. Default: ``"zeros"``.
        depthwise_regularizer (str | Regularizer | None): Penalty on the depthwise kernel. Default: None.
        bias_regularizer (str | Regularizer | None): Penalty on the bias. Default: None.
        activity_regularizer (str | Regularizer | None): Penalty on the outputs. Default: None.
        depthwise_constraint (str | Constraint | None): Projection applied to the depthwise kernel after every
            update. Default: None.
        bias_constraint (str | Constraint | None): Projection applied to the bias after every update. Default:
            None.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, length, channels]`.

    Output shape:
        `[batch, new length, channels * depth_multiplier]`. The kernel has the shape
        `[kernel_size, channels, depth_multiplier]`.

    Raises:
        ShapeError: if the inputs have the wrong number of axes or channels, or are smaller than the kernel.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.DepthwiseConv1D(3, depth_multiplier=2)(np.ones((2, 10, 5))).shape
        (2, 8, 10)

    Source: Keras `DepthwiseConv1D`.
    """

    rank = 1
    paddings = ("valid", "same", "causal")


@register()
class DepthwiseConv2D(DepthwiseConv):
    """Depthwise convolution of images, which convolves every channel separately.

    Each input channel produces `depth_multiplier` output channels.

    Args:
        kernel_size (int | tuple[int, int]): Height and width of the kernel.
        strides (int | tuple[int, int]): Step s between outputs. Default: 1.
        padding (str): ``"valid"`` (no padding) or ``"same"`` (the output size is ``ceil(size / strides)``).
            Default: ``"valid"``.
        depth_multiplier (int): Number of output channels per input channel. Default: 1.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        dilation_rate (int | tuple[int, int]): Step d between the kernel's taps. Default: 1.
        activation (str | Callable | None): Activation function. Defaults to None, which means linear.
        use_bias (bool): Whether to add the bias. Default: True.
        depthwise_initializer (str | Initializer): Initializer for the depthwise kernel. Default:
            ``"glorot_uniform"``.
        bias_initializer (str | Initializer): Initializer for the bias. Default: ``"zeros"``.
        depthwise_regularizer (str | Regularizer | None): Penalty on the depthwise kernel. Default: None.
        bias_regularizer (str | Regularizer | None): Penalty on the bias. Default: None.
        activity_regularizer (str | Regularizer | None): Penalty on the outputs. Default: None.
        depthwise_constraint (str | Constraint | None): Projection applied to the depthwise kernel after every
            update. Default: None.
        bias_constraint (str | Constraint | None): Projection applied to the bias after every update. Default:
            None.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, height, width, channels]`.

    Output shape:
        `[batch, new height, new width, channels * depth_multiplier]`. The kernel has the shape
        `[*kernel_size, channels, depth_multiplier]`.

    Raises:
        ShapeError: if the inputs have the wrong number of axes or channels, or are smaller than the kernel.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.DepthwiseConv2D(3)(np.ones((2, 8, 8, 5))).shape
        (2, 6, 6, 5)

    Source: Keras `DepthwiseConv2D`; Sifre (2014).
    """

    rank = 2
