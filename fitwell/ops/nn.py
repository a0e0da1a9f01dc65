"""The operations of ``keras.ops.nn``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell import activations, config, losses
from fitwell.errors import InvalidArgument
from fitwell.layers.array_ops import get_spatial_axes
from fitwell.layers.average_pooling import AveragePooling1D, AveragePooling2D, AveragePooling3D
from fitwell.layers.conv_ops import ConvWindow, conv_with_data_format, make_conv_window, transposed_padding
from fitwell.layers.max_pooling import MaxPooling1D, MaxPooling2D, MaxPooling3D
from fitwell.ops.definition import operation, refuse_options

__all__ = [
    "adaptive_average_pool", "adaptive_max_pool", "average_pool", "batch_normalization", "binary_crossentropy",
    "categorical_crossentropy", "celu", "conv", "conv_transpose", "depth_to_space", "depthwise_conv",
    "dot_product_attention", "elu", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish",
    "hard_tanh", "layer_normalization", "leaky_relu", "log_sigmoid", "log_softmax", "max_pool", "moments", "multi_hot",
    "normalize", "one_hot", "polar", "psnr", "relu", "relu6", "rms_normalization", "selu", "separable_conv", "sigmoid",
    "silu", "soft_shrink", "softmax", "softplus", "softsign", "space_to_depth", "sparse_categorical_crossentropy",
    "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh_shrink", "threshold",
]  # fmt: skip


def _floats(x: Any) -> Any:
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(config.floatx())


def _from_activations(name: str, activation: str | None = None) -> Any:
    """Return the operation `name`, which computes an activation function of `fitwell.activations`.

    Args:
        name: The name of the operation.
        activation: The name of the activation function. Default: None, which means `name`.
    """
    function = getattr(activations, activation or name)

    def activate(x: Any) -> Any:
        return function(_floats(x))

    activate.__name__ = activate.__qualname__ = name
    activate.__doc__ = f"Compute the activation function `fitwell.activations.{activation or name}`."
    return operation(activate)


hard_sigmoid = _from_activations("hard_sigmoid")
hard_silu = _from_activations("hard_silu")
hard_swish = _from_activations("hard_swish", "hard_silu")
log_sigmoid = _from_activations("log_sigmoid")
relu6 = _from_activations("relu6")
selu = _from_activations("selu")
sigmoid = _from_activations("sigmoid")
silu = _from_activations("silu")
softplus = _from_activations("softplus")
softsign = _from_activations("softsign")
sparse_plus = _from_activations("sparse_plus")
sparse_sigmoid = _from_activations("sparse_sigmoid")
swish = _from_activations("swish", "silu")
tanh_shrink = _from_activations("tanh_shrink")


@operation
def relu(x: Any) -> Any:
    """Compute ``max(x, 0)``."""
    return jax.nn.relu(jnp.asarray(x))


@operation
def celu(x: Any, alpha: float = 1.0) -> Any:
    """Compute ``max(x, 0) + min(0, alpha (exp(x / alpha) - 1))``."""
    return jax.nn.celu(_floats(x), alpha)


@operation
def elu(x: Any, alpha: float = 1.0) -> Any:
    """Compute x for positive x, and ``alpha (exp(x) - 1)`` otherwise."""
    return jax.nn.elu(_floats(x), alpha)


@operation
def gelu(x: Any, approximate: bool = True) -> Any:
    """Compute ``x P(X <= x)`` for a normal X, by a formula with tanh if `approximate` is True."""
    return jax.nn.gelu(_floats(x), approximate)


@operation
def glu(x: Any, axis: int = -1) -> Any:
    """Compute ``a * sigmoid(b)`` for the two halves a and b of an axis."""
    return jax.nn.glu(_floats(x), axis)


@operation
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """Return x where ``|x| > threshold``, and 0 elsewhere."""
    x = _floats(x)
    return jnp.where(jnp.abs(x) > threshold, x, 0)


@operation
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """Return x, moved towards 0 by `threshold`, and 0 where ``|x| <= threshold``."""
    x = _floats(x)
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, 0))


@operation
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """Compute x for positive x, and ``negative_slope * x`` otherwise."""
    return jax.nn.leaky_relu(_floats(x), negative_slope)


@operation
def squareplus(x: Any, b: float = 4) -> Any:
    """Compute ``(x + sqrt(x² + b)) / 2``."""
    return jax.nn.squareplus(_floats(x), b)


@operation
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """Return x where ``x > threshold``, and `default_value` elsewhere."""
    x = jnp.asarray(x)
    return jnp.where(x > threshold, x, jnp.asarray(default_value, x.dtype))


@operation
def softmax(x: Any, axis: Any = -1) -> Any:
    """Compute ``exp(x) / sum(exp(x))`` along `axis`."""
    return jax.nn.softmax(_floats(x), tuple(axis) if isinstance(axis, list) else axis)


@operation
def log_softmax(x: Any, axis: Any = -1) -> Any:
    """Compute the logarithm of `softmax`."""
    return jax.nn.log_softmax(_floats(x), tuple(axis) if isinstance(axis, list) else axis)


@operation
def sparsemax(x: Any, axis: int = -1) -> Any:
    """Compute the projection of x on the simplex, in which many probabilities are 0."""
    return activations.sparsemax(_floats(x), axis)


@operation
def hard_tanh(x: Any) -> Any:
    """Return x, clipped to [-1, 1]."""
    return jnp.clip(jnp.asarray(x), -1, 1)


@operation
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """Return a 1 at the place of each class, and 0 elsewhere."""
    refuse_options("one_hot", sparse=sparse)
    return jax.nn.one_hot(jnp.asarray(x), num_classes, axis=axis, dtype=dtype or config.floatx())


@operation
def multi_hot(
    inputs: Any, num_classes: int | None = None, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Any:
    """Return a 1 for each class that occurs along the last axis."""
    refuse_options("multi_hot", sparse=sparse)
    hot = jax.nn.one_hot(jnp.asarray(inputs), num_classes or 0, axis=axis, dtype=dtype or config.floatx())
    return jnp.max(hot, axis=1 if hot.ndim > 2 else 0)


@operation
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Return the mean and the variance along `axes`."""
    refuse_options("moments", synchronized=synchronized)
    x = _floats(x)
    axes = tuple(axes) if isinstance(axes, list | tuple) else axes
    return jnp.mean(x, axes, keepdims=keepdims), jnp.var(x, axes, keepdims=keepdims)


@operation
def normalize(x: Any, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """Divide by the norm of the given order along `axis`."""
    x = _floats(x)
    epsilon = config.epsilon() if epsilon is None else epsilon
    axis = tuple(axis) if isinstance(axis, list) else axis
    if order == 2:
        return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis, keepdims=True), epsilon**2))
    return x / jnp.maximum(jnp.linalg.norm(x, order, axis, keepdims=True), epsilon)


@operation
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 0.001
) -> Any:
    """Compute ``(x - mean) / sqrt(variance + epsilon) * scale + offset``."""
    x = _floats(x)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    factor = jax.lax.rsqrt(jnp.reshape(variance, shape) + epsilon)
    if scale is not None:
        factor = factor * jnp.reshape(scale, shape)
    found = (x - jnp.reshape(mean, shape)) * factor
    return found if offset is None else found + jnp.reshape(offset, shape)


def _axes_of(axis: Any, rank: int) -> tuple[int, ...]:
    axes = axis if isinstance(axis, list | tuple) else [axis]
    return tuple(sorted(one % rank for one in axes))


@operation
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None, **kwargs: Any
) -> Any:
    """Standardize along `axis`, then multiply by `gamma` and add `beta`."""
    refuse_options("layer_normalization", **kwargs)
    x = _floats(x)
    axes = _axes_of(axis, x.ndim)
    shape = [size if place in axes else 1 for place, size in enumerate(x.shape)]
    mean, variance = jnp.mean(x, axes, keepdims=True), jnp.var(x, axes, keepdims=True)
    found = (x - mean) * jax.lax.rsqrt(variance + (config.epsilon() if epsilon is None else epsilon))
    found = found if gamma is None else found * jnp.reshape(gamma, shape)
    return found if beta is None else found + jnp.reshape(beta, shape)


@operation
def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Any:
    """Divide by the root mean square along `axis`, then multiply by `scale`."""
    x = _floats(x)
    axes = _axes_of(axis, x.ndim)
    square = jnp.mean(jnp.square(x), axes, keepdims=True)
    found = x * jax.lax.rsqrt(square + (config.epsilon() if epsilon is None else epsilon))
    shape = [size if place in axes else 1 for place, size in enumerate(x.shape)]
    return found if scale is None else found * jnp.reshape(scale, shape)


@operation
def polar(abs_: Any, angle: Any) -> Any:
    """Return complex numbers from absolute values and angles."""
    return jax.lax.complex(abs_ * jnp.cos(angle), abs_ * jnp.sin(angle))


@operation
def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """Return the ratio of the squared maximum and the mean squared error, in decibels."""
    error = jnp.mean(jnp.square(_floats(x1) - _floats(x2)))
    return 20 * jnp.log10(jnp.asarray(max_val, error.dtype)) - 10 * jnp.log10(error)


# --- losses ----------------------------------------------------------------------------------------------------


@operation
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Return the cross-entropy of each entry."""
    target, output = _floats(target), _floats(output)
    if not from_logits:
        output = jnp.clip(output, config.epsilon(), 1 - config.epsilon())
        return -(target * jnp.log(output) + (1 - target) * jnp.log1p(-output))
    return jnp.maximum(output, 0) - output * target + jnp.log1p(jnp.exp(-jnp.abs(output)))


@operation
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Return the cross-entropy of each row for probabilities as targets."""
    return losses.categorical_crossentropy(
        _floats(target), _floats(output), from_logits=from_logits, axis=axis
    )


@operation
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """Return the cross-entropy of each row for classes as targets."""
    target, output = jnp.asarray(target), _floats(output)
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = target[..., 0]
    if from_logits:
        logs = jax.nn.log_softmax(output, axis)
    else:
        output = output / jnp.sum(output, axis, keepdims=True)
        logs = jnp.log(jnp.clip(output, config.epsilon(), 1 - config.epsilon()))
    hot = jax.nn.one_hot(target, output.shape[axis], axis=axis)
    return -jnp.sum(hot * logs, axis)


# --- convolutions and pooling ----------------------------------------------------------------------------------


def _sizes(value: Any, rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def _check_padding(padding: str) -> str:
    """Return the padding in lower case, and raise `InvalidArgument` unless it is ``"same"`` or ``"valid"``."""
    if padding.lower() not in ("same", "valid"):
        raise InvalidArgument(f"padding must be 'same' or 'valid', got {padding!r}")
    return padding.lower()


def _convolve(
    inputs: Any,
    kernel: Any,
    strides: Any,
    padding: str,
    data_format: str | None,
    dilation_rate: Any,
    groups: int,
) -> Any:
    """Compute a convolution like the layers do, whose gradients are fast inside a training loop."""
    rank, data_format = inputs.ndim - 2, data_format or "channels_last"
    window = make_conv_window(
        inputs,
        kernel,
        _sizes(strides, rank),
        _check_padding(padding),
        data_format,
        _sizes(dilation_rate, rank),
        groups,
    )
    return conv_with_data_format(inputs, kernel, window, data_format)


def _channels(inputs: Any, data_format: str | None) -> int:
    return int(inputs.shape[1 if data_format == "channels_first" else -1])


@operation
def conv(
    inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    """Compute a convolution with one, two or three spatial axes. The kernel is ``[*spatial, inputs, outputs]``."""
    inputs, kernel = jnp.asarray(inputs), jnp.asarray(kernel)
    groups = _channels(inputs, data_format) // kernel.shape[-2]
    return _convolve(inputs, kernel, strides, padding, data_format, dilation_rate, groups)


@operation
def depthwise_conv(
    inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    """Compute a convolution of each channel. The kernel is ``[*spatial, channels, multiplier]``."""
    inputs, kernel = jnp.asarray(inputs), jnp.asarray(kernel)
    channels = _channels(inputs, data_format)
    kernel = kernel.reshape(*kernel.shape[:-2], 1, kernel.shape[-1] * channels)
    return _convolve(inputs, kernel, strides, padding, data_format, dilation_rate, channels)


@operation
def separable_conv(
    inputs: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = 1, padding: str = "valid",
    data_format: str | None = None, dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    """Compute a convolution of each channel, and then a convolution of width 1 over the channels."""
    found = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(found, pointwise_kernel, 1, "valid", data_format)


@operation
def conv_transpose(
    inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", output_padding: Any = None,
    data_format: str | None = None, dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    """Compute the transpose of a convolution. The kernel is ``[*spatial, outputs, inputs]``."""
    inputs, kernel, padding = jnp.asarray(inputs), jnp.asarray(kernel), _check_padding(padding)
    rank = inputs.ndim - 2
    steps, dilation = _sizes(strides, rank), _sizes(dilation_rate, rank)
    extra = (None,) * rank if output_padding is None else _sizes(output_padding, rank)
    widths = [(size - 1) * factor + 1 for size, factor in zip(kernel.shape, dilation, strict=False)]
    pads = tuple(
        transposed_padding(width, step, padding, more)
        for width, step, more in zip(widths, steps, extra, strict=True)
    )
    kernel = jnp.swapaxes(jnp.flip(kernel, tuple(range(rank))), -1, -2)
    window = ConvWindow((1,) * rank, pads, steps, dilation)
    return conv_with_data_format(inputs, kernel, window, data_format or "channels_last")


def _pool(
    kinds: tuple[Any, ...], inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None
) -> Any:
    """Compute what a pooling layer does. `kinds` are the layers for one, two and three spatial axes."""
    kind = kinds[inputs.ndim - 3]
    # A generated name would count in the names of the layers that the user creates.
    return kind(pool_size, strides, _check_padding(padding), data_format, name="pool").call(inputs)


@operation
def max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """Return the maximum of each window."""
    kinds = MaxPooling1D, MaxPooling2D, MaxPooling3D
    return _pool(kinds, jnp.asarray(inputs), pool_size, strides, padding, data_format)


@operation
def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """Return the mean of each window, without padding."""
    kinds = AveragePooling1D, AveragePooling2D, AveragePooling3D
    return _pool(kinds, _floats(inputs), pool_size, strides, padding, data_format)


def _adaptive_pool(inputs: Any, output_size: Any, data_format: str | None, function: Any) -> Any:
    """Divide each spatial axis into windows of about equal size, and combine each window."""
    inputs = jnp.asarray(inputs)
    rank = inputs.ndim - 2
    axes = get_spatial_axes(data_format or "channels_last", rank)
    for axis, count in zip(axes, _sizes(output_size, rank), strict=True):
        length = inputs.shape[axis]
        parts = [
            function(
                jax.lax.slice_in_dim(
                    inputs, place * length // count, -(-(place + 1) * length // count), axis=axis
                ),
                axis,
            )
            for place in range(count)
        ]
        inputs = jnp.stack(parts, axis)
    return inputs


@operation
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """Return means over `output_size` windows per spatial axis."""
    return _adaptive_pool(_floats(inputs), output_size, data_format, jnp.mean)


@operation
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """Return maxima over `output_size` windows per spatial axis."""
    return _adaptive_pool(inputs, output_size, data_format, jnp.max)


@operation
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Move blocks of pixels to the channels."""
    x = jnp.asarray(x)
    if data_format == "channels_first":
        return jnp.moveaxis(space_to_depth(jnp.moveaxis(x, 1, -1), block_size), -1, 1)
    rows, height, width, channels = x.shape
    blocks = x.reshape(rows, height // block_size, block_size, width // block_size, block_size, channels)
    return blocks.transpose(0, 1, 3, 2, 4, 5).reshape(rows, height // block_size, width // block_size, -1)


@operation
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Move channels to blocks of pixels, the inverse of `space_to_depth`."""
    x = jnp.asarray(x)
    if data_format == "channels_first":
        return jnp.moveaxis(depth_to_space(jnp.moveaxis(x, 1, -1), block_size), -1, 1)
    rows, height, width, channels = x.shape
    blocks = x.reshape(rows, height, width, block_size, block_size, channels // block_size**2)
    return blocks.transpose(0, 1, 3, 2, 4, 5).reshape(rows, height * block_size, width * block_size, -1)


@operation
def dot_product_attention(
    query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, scale: float | None = None,
    is_causal: bool = False, flash_attention: bool | None = None, attn_logits_soft_cap: float | None = None,
) -> Any:  # fmt: skip
    """Compute ``softmax(query key' * scale + bias) value`` for inputs of shape ``[batch, time, heads, width]``."""
    refuse_options("dot_product_attention", flash_attention=flash_attention)
    query, key, value = jnp.asarray(query), jnp.asarray(key), jnp.asarray(value)
    if attn_logits_soft_cap is None:
        return jax.nn.dot_product_attention(query, key, value, bias, mask, scale=scale, is_causal=is_causal)
    logits = jnp.einsum("btnh,bsnh->bnts", query, key) * (query.shape[-1] ** -0.5 if scale is None else scale)
    logits = attn_logits_soft_cap * jnp.tanh(logits / attn_logits_soft_cap)
    logits = logits if bias is None else logits + bias
    if is_causal:
        causal = jnp.tril(jnp.ones(logits.shape[-2:], bool))
        mask = causal if mask is None else jnp.logical_and(mask, causal)
    if mask is not None:
        logits = jnp.where(mask, logits, jnp.finfo(logits.dtype).min)
    return jnp.einsum("bnts,bsnh->btnh", jax.nn.softmax(logits), value)
