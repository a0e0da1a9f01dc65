"""Base class of the convolutional layers."""

from __future__ import annotations

from typing import Any, ClassVar

from fitwell import activations, constraints, initializers, regularizers
from fitwell._param_validation import ByClass, Options, Rule
from fitwell._typing import Array
from fitwell._variables import Variable
from fitwell.errors import ShapeError
from fitwell.layers.argument_rules import SIZES
from fitwell.layers.array_ops import to_float
from fitwell.layers.base_spatial_layer import BaseSpatialLayer
from fitwell.layers.conv_ops import conv_with_data_format, make_conv_window

__all__ = ["BaseConv", "CONV_RULES"]


CONV_RULES: dict[str, Rule] = {
    "kernel_size": SIZES,
    "strides": SIZES,
    "dilation_rate": SIZES,
    "padding": ByClass(lambda kind: Options(*kind.paddings)),
}


class BaseConv(BaseSpatialLayer):
    """Base class of layers that slide a kernel over one or two spatial axes.

    This class handles the common arguments, the bias, the activation and the shape checks.
    """

    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")
    bias: Variable | None = None

    def __init__(
        self,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        bias_initializer: Any,
        bias_regularizer: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kernel_size = kernel_size
        self.strides = self._per_axis(strides)
        self.padding = padding
        self.data_format = data_format or "channels_last"
        self.dilation_rate = self._per_axis(dilation_rate)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self._set_weight_arguments("bias", bias_initializer, bias_regularizer, bias_constraint)

    def _set_weight_arguments(self, prefix: str, initializer: Any, regularizer: Any, constraint: Any) -> None:
        """Set the initializer, regularizer and constraint attributes whose names begin with `prefix`."""
        setattr(self, f"{prefix}_initializer", initializers.get(initializer))
        setattr(self, f"{prefix}_regularizer", regularizers.get(regularizer))
        setattr(self, f"{prefix}_constraint", constraints.get(constraint))

    def _per_axis(self, size: Any) -> tuple[int, ...]:
        """Convert `size`, one integer or one per spatial axis, to a tuple with one size per axis."""
        return size if isinstance(size, tuple) else (size,) * self.rank

    def _add_kernel(self, name: str, shape: tuple[int, ...], prefix: str) -> Variable:
        """Add a weight with the arguments that `_set_weight_arguments` stored for `prefix`."""
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

    def _get_channels(self, shape: Any) -> int:
        """Return the number of input channels. Raise `ShapeError` if it is unknown."""
        axis = -1 if self.data_format == "channels_last" else 1
        if len(shape) != self.rank + 2 or shape[axis] is None:
            raise self._unexpected_shape(shape, hint=_missing_channels_hint(shape, self.rank))
        return int(shape[axis])

    def _prepare_inputs(self, inputs: Array, channels: int) -> Array:
        """Convert the inputs to floats. Raise `ShapeError` if the number of axes or channels is wrong."""
        if inputs.ndim != self.rank + 2 or self._get_channels(inputs.shape) != channels:
            raise self._unexpected_shape(
                inputs.shape, channels, _missing_channels_hint(inputs.shape, self.rank)
            )
        return to_float(inputs, self.dtype)

    def _convolve(self, inputs: Array, kernel: Array, groups: int = 1) -> Array:
        """Convolve `inputs` with `kernel` as the layer's arguments say."""
        window = make_conv_window(
            inputs, kernel, self.strides, self.padding, self.data_format, self.dilation_rate, groups
        )
        return conv_with_data_format(inputs, kernel, window, self.data_format)

    def _check_not_empty(self, outputs: Array, inputs: Array) -> Array:
        """Return `outputs`. Raise `ShapeError` if any output size, except the batch size, is 0."""
        if 0 in outputs.shape[1:]:
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}): a kernel of size {self.kernel_size} with dilation "
                f"{self.dilation_rate} does not fit into inputs of shape {tuple(inputs.shape)}; use a "
                "smaller kernel, or padding='same'"
            )
        return outputs

    def _add_bias_and_activate(self, outputs: Array) -> Array:
        if self.bias is not None:
            outputs = outputs + self._broadcast_channels(self.bias.value)
        return self.activation(outputs)

    def _broadcast_channels(self, values: Array) -> Array:
        return values if self.data_format == "channels_last" else values.reshape((-1,) + (1,) * self.rank)


def _missing_channels_hint(shape: Any, rank: int) -> str:
    if len(shape) != rank + 1:
        return ""
    examples = {
        1: "Reshape((100, 1)) for sequences of 100 numbers",
        2: "Reshape((28, 28, 1)) for 28 x 28 images",
    }
    return f"; add a channel axis with a Reshape layer, such as {examples[rank]}"
