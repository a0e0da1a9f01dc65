"""The `Conv1D` and `Conv2D` layers."""

from __future__ import annotations

from typing import Any

from fitwell._param_validation import Integer, validate_params
from fitwell._typing import Array
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import register
from fitwell.layers.base_conv import CONV_RULES, BaseConv

__all__ = ["Conv1D", "Conv2D", "Convolution1D", "Convolution2D"]


class Conv(BaseConv):
    """Base class of Conv1D and Conv2D."""

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
            **kwargs,
        )
        self.filters = filters
        self.groups = groups
        if self.filters % self.groups:
            raise InvalidArgument(
                f"{type(self).__name__}: filters={filters} must be a multiple of groups={groups}"
            )
        self._set_weight_arguments("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)

    def build(self, input_shape: Any) -> None:
        channels = self._get_channels(input_shape)
        if channels % self.groups:
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}): the number of input channels must be a "
                f"multiple of groups={self.groups}, got inputs of shape {tuple(input_shape)}"
            )
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self._add_kernel("kernel", shape, "kernel")
        self._add_bias(self.filters)
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        inputs = self._prepare_inputs(inputs, self.kernel.shape[-2] * self.groups)
        outputs = self._convolve(inputs, self.kernel.value, self.groups)
        return self._add_bias_and_activate(self._check_not_empty(outputs, inputs))


@register("Convolution1D")
class Conv1D(Conv):
    """Convolution along a sequence: ``activation(b + sum over i, c of kernel[i, c] x[t s + i d, c])``.

    Here, t is the output position, b is the bias, s is the stride and d is the dilation rate. Unlike Keras,
    the layer accepts strides and dilation rates above 1 at the same time.

    Args:
        filters (int): Number of output channels.
        kernel_size (int): Length of the kernel.
        strides (int): Step s between outputs. Default: 1.
        padding (str): ``"valid"`` (no padding), ``"same"`` (the output length is ``ceil(length / strides)``)
            or ``"causal"`` (the length is the same as with ``"same"``, and output t depends only on inputs up
            to t). Default: ``"valid"``.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        dilation_rate (int): Step d between the kernel's taps. Default: 1.
        groups (int): Number of groups into which the channels and filters are split. It must divide `filters`
            and the number of channels. Each group is convolved separately. Default: 1.
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
        `[batch, length, channels]`.

    Output shape:
        `[batch, new length, filters]`. The kernel has the shape `[kernel_size, channels / groups, filters]`.

    Raises:
        InvalidArgument: if `filters` is not a multiple of `groups`.
        ShapeError: if the inputs have the wrong number of axes or channels, or are smaller than the kernel.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Conv1D(4, 3)(np.ones((2, 10, 5))).shape
        (2, 8, 4)

    Source: Keras `Conv1D`.
    """

    rank = 1
    paddings = ("valid", "same", "causal")


@register("Convolution2D")
class Conv2D(Conv):
    """Convolution of images: ``activation(b + sum over i, j, c of kernel[i, j, c] x[u s + i d, v s + j d, c])``.

    Here, (u, v) is the output position, b is the bias, s is the stride and d is the dilation rate. Unlike
    Keras, the layer accepts strides and dilation rates above 1 at the same time.

    Args:
        filters (int): Number of output channels.
        kernel_size (int | tuple[int, int]): Height and width of the kernel.
        strides (int | tuple[int, int]): Step s between outputs. Default: 1.
        padding (str): ``"valid"`` (no padding) or ``"same"`` (the output size is ``ceil(size / strides)``).
            Default: ``"valid"``.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        dilation_rate (int | tuple[int, int]): Step d between the kernel's taps. Default: 1.
        groups (int): Number of groups into which the channels and filters are split. It must divide `filters`
            and the number of channels. Each group is convolved separately. Default: 1.
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
        `[batch, height, width, channels]`.

    Output shape:
        `[batch, new height, new width, filters]`. The kernel has the shape
        `[*kernel_size, channels / groups, filters]`.

    Raises:
        InvalidArgument: if `filters` is not a multiple of `groups`.
        ShapeError: if the inputs have the wrong number of axes or channels, or are smaller than the kernel.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Conv2D(4, 3, padding="same")(np.ones((2, 28, 28, 1))).shape
        (2, 28, 28, 4)

    Source: Keras `Conv2D`; LeCun et al. (1989).
    """

    rank = 2


Convolution1D = Conv1D


Convolution2D = Conv2D
