"""The `Conv1DTranspose` and `Conv2DTranspose` layers."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._param_validation import ByClass, Integer, SizeTuple, validate_params
from fitwell._typing import Array
from fitwell.errors import InvalidArgument
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import register
from fitwell.layers.base_conv import CONV_RULES, BaseConv
from fitwell.layers.conv_ops import ConvWindow, conv_with_data_format, transposed_padding

__all__ = ["Conv1DTranspose", "Conv2DTranspose", "Convolution1DTranspose", "Convolution2DTranspose"]


class ConvTranspose(BaseConv):
    """Base class of Conv1DTranspose and Conv2DTranspose."""

    @validate_params(
        LAYER,
        CONV_RULES,
        filters=Integer(1),
        output_padding=ByClass(lambda kind: SizeTuple(kind.rank, 0) | None),
    )
    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        self.output_padding = None
        if output_padding is not None:
            self.output_padding = output_padding
            if any(extra >= stride for extra, stride in zip(self.output_padding, self.strides, strict=True)):
                raise InvalidArgument(
                    f"{type(self).__name__}: output_padding={output_padding!r} must be smaller than strides={strides!r}"
                )
        self._set_weight_arguments("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)

    def build(self, input_shape: Any) -> None:
        shape = (*self.kernel_size, self.filters, self._get_channels(input_shape))
        self.kernel = self._add_kernel("kernel", shape, "kernel")
        self._add_bias(self.filters)
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        inputs = self._prepare_inputs(inputs, self.kernel.shape[-1])
        spatial = tuple(range(self.rank))
        window = ConvWindow(
            (1,) * self.rank,
            tuple(self._padding(axis) for axis in spatial),
            self.strides,
            self.dilation_rate,
        )
        kernel = jnp.swapaxes(jnp.flip(self.kernel.value, spatial), -1, -2)
        outputs = conv_with_data_format(inputs, kernel, window, self.data_format)
        return self._add_bias_and_activate(self._check_not_empty(outputs, inputs))

    def _padding(self, axis: int) -> tuple[int, int]:
        """Return the padding along one spatial axis."""
        width = (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1
        extra = None if self.output_padding is None else self.output_padding[axis]
        return transposed_padding(width, self.strides[axis], self.padding, extra)


@register("Convolution1DTranspose")
class Conv1DTranspose(ConvTranspose):
    """Transposed convolution along a sequence, which is the gradient of `Conv1D` with respect to its inputs.

    Every input adds a scaled copy of the kernel to the output. Copies from neighboring inputs are `strides`
    apart.

    Args:
        filters (int): Number of output channels.
        kernel_size (int): Length of the kernel.
        strides (int): Distance s in the output between the kernel copies of neighboring inputs. Default: 1.
        padding (str): ``"valid"`` or ``"same"``. Default: ``"valid"``.
        output_padding (int | None): Amount by which the output is longer than the shortest possible output.
            It must be smaller than `strides`. Defaults to None, which means an output length of
            ``n s + max(width - s, 0)`` with ``"valid"`` padding and ``n s`` with ``"same"`` padding, where n
            is the input length and `width` is the dilated kernel's width.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        dilation_rate (int): Step d between the kernel's taps. Default: 1.
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
        `[batch, new length, filters]`. The kernel has the shape `[kernel_size, filters, channels]`.

    Raises:
        InvalidArgument: if `output_padding` is not smaller than `strides`.
        ShapeError: if the inputs have the wrong number of axes or channels, or the output would be empty.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Conv1DTranspose(4, 3, strides=2, padding="same")(np.ones((2, 10, 5))).shape
        (2, 20, 4)

    Source: Keras `Conv1DTranspose`.
    """

    rank = 1


@register("Convolution2DTranspose")
class Conv2DTranspose(ConvTranspose):
    """Transposed convolution of images, which is the gradient of `Conv2D` with respect to its inputs.

    Every input adds a scaled copy of the kernel to the output. Copies from neighboring inputs are `strides`
    apart.

    Args:
        filters (int): Number of output channels.
        kernel_size (int | tuple[int, int]): Height and width of the kernel.
        strides (int | tuple[int, int]): Distance s in the output between the kernel copies of neighboring
            inputs. Default: 1.
        padding (str): ``"valid"`` or ``"same"``. Default: ``"valid"``.
        output_padding (int | tuple[int, int] | None): Amount by which the output is larger than the smallest
            possible output. It must be smaller than `strides`. Defaults to None, which means output sizes of
            ``n s + max(width - s, 0)`` with ``"valid"`` padding and ``n s`` with ``"same"`` padding, where n
            is the input size and `width` is the dilated kernel's width.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        dilation_rate (int | tuple[int, int]): Step d between the kernel's taps. Default: 1.
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
        `[*kernel_size, filters, channels]`.

    Raises:
        InvalidArgument: if `output_padding` is not smaller than `strides`.
        ShapeError: if the inputs have the wrong number of axes or channels, or the output would be empty.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Conv2DTranspose(4, 3, strides=2, padding="same")(np.ones((2, 8, 8, 5))).shape
        (2, 16, 16, 4)

    Source: Keras `Conv2DTranspose`; Zeiler et al. (2010).
    """

    rank = 2


Convolution1DTranspose = Conv1DTranspose


Convolution2DTranspose = Conv2DTranspose
