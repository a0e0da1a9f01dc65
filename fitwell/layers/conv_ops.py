"""Convolution (cross-correlation) with gradients that are fast on CPUs.

XLA's CPU compiler has fast code only for channels-last convolutions. It converts other layouts to
channels-last, but only in the outermost function. The gradients that JAX derives have other layouts.
Because training runs in a loop, these gradients are computed in an inner function, where XLA compiles them to
plain nested loops. In one measurement, this made a training step of a small image network ten times slower. Therefore,
this module defines the gradients as channels-last convolutions. There is no fast code for convolutions with
many groups, so they are computed as sums over the kernel's taps, or one group at a time.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from fitwell._typing import Array

__all__ = [
    "ConvWindow",
    "Padding",
    "conv",
    "conv_with_data_format",
    "make_conv_window",
    "same_padding",
    "strided_slice",
    "transposed_padding",
]

Padding = tuple[tuple[int, int], ...]


class ConvWindow(NamedTuple):
    """A description of how a kernel slides over its inputs, with one entry per spatial axis.

    Args:
        strides (tuple[int, ...]): Steps between outputs.
        padding (tuple[tuple[int, int], ...]): Numbers of zeros before and after the inputs.
        lhs_dilation (tuple[int, ...]): Steps between inputs. The gaps are filled with zeros.
        dilation (tuple[int, ...]): Steps between the kernel's taps.
        groups (int): Number of channel groups, which are convolved separately. Default: 1.
    """

    strides: tuple[int, ...]
    padding: Padding
    lhs_dilation: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1


def same_padding(sizes: Sequence[int], widths: Sequence[int], strides: Sequence[int]) -> Padding:
    """Return the padding that gives ``ceil(size / stride)`` outputs for kernels whose dilated sizes are `widths`."""
    total = [
        max((-(-size // step) - 1) * step + width - size, 0)
        for size, width, step in zip(sizes, widths, strides, strict=True)
    ]
    return tuple((both // 2, both - both // 2) for both in total)


def transposed_padding(width: int, stride: int, padding: str, extra: int | None) -> tuple[int, int]:
    """Return the padding of a transposed convolution along one axis.

    After dilation by the stride s, n inputs have the length (n - 1) s + 1. The output is longer than this by
    ``total - width + 1``, where `total` is the total padding. Therefore, the output length determines the padding.

    Args:
        width (int): The size of the dilated kernel.
        stride (int): The stride s.
        padding (str): ``"valid"`` or ``"same"``.
        extra (int | None): The argument `output_padding`.
    """
    if padding == "valid":
        # The output length is (n - 1) s + max(width, s), or (n - 1) s + width + output_padding if output_padding is
        # set.
        return width - 1, width - 1 + (max(stride - width, 0) if extra is None else extra)
    # The output length is n s, or (n - 1) s + width % 2 + output_padding if output_padding is set.
    both = stride + width - 2 if extra is None else width % 2 + extra + width - 2
    before = min(both - both // 2, width - 1)
    return before, both - before


def make_conv_window(
    inputs: Array,
    kernel: Array,
    strides: tuple[int, ...],
    padding: str,
    data_format: str,
    dilation: tuple[int, ...],
    groups: int = 1,
) -> ConvWindow:
    """Return the window for sliding `kernel` over `inputs`. `padding` is ``"valid"``, ``"same"`` or ``"causal"``."""
    sizes = inputs.shape[1:-1] if data_format == "channels_last" else inputs.shape[2:]
    extents = [(n - 1) * step for n, step in zip(kernel.shape, dilation, strict=False)]
    pads: Padding = ((0, 0),) * len(sizes)
    if padding == "same":
        pads = same_padding(sizes, [extent + 1 for extent in extents], strides)
    elif padding == "causal":
        # Output t depends only on inputs up to t, so all padding is before the first input.
        pads = ((extents[0], 0),)
    return ConvWindow(strides, pads, (1,) * len(sizes), dilation, groups)


def conv_with_data_format(inputs: Array, kernel: Array, window: ConvWindow, data_format: str) -> Array:
    """Convolve `inputs` in a data format with `kernel`."""
    kernel = kernel.astype(inputs.dtype)
    if data_format == "channels_last":
        return conv(inputs, kernel, window)
    return jnp.moveaxis(conv(jnp.moveaxis(inputs, 1, -1), kernel, window), -1, 1)


def strided_slice(step: int, first: int, count: int) -> slice:
    """Return a slice that selects `count` positions, starting at `first`, in steps of `step`."""
    return slice(first, max(first + (count - 1) * step + 1, 0), step)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def conv(inputs: Array, kernel: Array, window: ConvWindow) -> Array:
    """Convolve `inputs` with `kernel` along one or more spatial axes.

    For one spatial axis, the output is ``y[n, t, o] = sum over i, c of kernel[i, c, o] x[n, t s + i d, c]``,
    where x is the dilated and padded input, s is the stride, and d is the kernel's dilation. Reverse-mode
    differentiation of any order is supported, but forward-mode differentiation (`jax.jvp`) is not.

    Args:
        inputs (Array): `[batch, *spatial, channels]`.
        kernel (Array): `[*size, channels / groups, outputs]`.
        window (ConvWindow): The strides, padding, dilation and groups.

    Returns:
        Array: `[batch, *new spatial, outputs]`.
    """
    if window.groups == 1:
        return _conv_general(inputs, kernel, window)
    return jax.lax.platform_dependent(
        inputs,
        kernel,
        cpu=functools.partial(_grouped_conv, window=window),
        default=functools.partial(_conv_general, window=window),
    )


def _forward(inputs: Array, kernel: Array, window: ConvWindow) -> tuple[Array, tuple[Array, Array]]:
    return conv(inputs, kernel, window), (inputs, kernel)


def _backward(window: ConvWindow, saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    def derived(function: Any) -> Any:
        return lambda gradient, *saved: jax.vjp(functools.partial(function, window=window), *saved)[1](
            gradient
        )

    fast = functools.partial(_gradients, window=window) if window.groups == 1 else derived(_grouped_conv)
    found: tuple[Array, Array] = jax.lax.platform_dependent(
        gradient, *saved, cpu=fast, default=derived(_conv_general)
    )
    return found


conv.defvjp(_forward, _backward)


def _conv_general(inputs: Array, kernel: Array, window: ConvWindow) -> Array:
    spatial = "HWD"[: inputs.ndim - 2]
    return jax.lax.conv_general_dilated(
        inputs,
        kernel,
        window.strides,
        window.padding,
        window.lhs_dilation,
        window.dilation,
        (f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"),
        window.groups,
    )


def _gradients(gradient: Array, inputs: Array, kernel: Array, window: ConvWindow) -> tuple[Array, Array]:
    """Compute the gradients with respect to the inputs and the kernel. Both are convolutions.

    Along one axis, input i and tap j contribute to output t if ``lhs_dilation i + before = stride t +
    dilation j``, where `before` is the padding before the inputs. Therefore, the gradient with respect to the
    inputs slides the flipped kernel, in steps of `lhs_dilation`, over the output gradient, which is dilated
    by the strides. The gradient with respect to the kernel slides the output gradient, dilated by the
    strides, over the inputs in steps of `dilation`. The padding is chosen so that the results are as long as
    the inputs and the kernel.
    """
    axes = range(1, inputs.ndim - 1)
    for_inputs, for_kernel = [], []
    for axis, (before, _), stride, lhs_dilation, dilation in zip(
        axes, window.padding, window.strides, window.lhs_dilation, window.dilation, strict=True
    ):
        length = (inputs.shape[axis] - 1) * lhs_dilation + 1
        extent = (kernel.shape[axis - 1] - 1) * dilation
        span = (gradient.shape[axis] - 1) * stride
        for_inputs.append((extent - before, length + before - 1 - span))
        for_kernel.append((before, extent + span + 1 - length - before))
    spatial = tuple(axis - 1 for axis in axes)
    by_inputs = _conv_general(
        gradient,
        jnp.swapaxes(jnp.flip(kernel, spatial), -1, -2),
        ConvWindow(window.lhs_dilation, tuple(for_inputs), window.strides, window.dilation),
    )
    # Rows and channels are swapped, because the kernel gradient is a sum over the rows.
    by_kernel = _conv_general(
        jnp.swapaxes(inputs, 0, -1),
        jnp.moveaxis(gradient, 0, -2),
        ConvWindow(window.dilation, tuple(for_kernel), window.lhs_dilation, window.strides),
    )
    return by_inputs, jnp.moveaxis(by_kernel, 0, -2)


def _grouped_conv(inputs: Array, kernel: Array, window: ConvWindow) -> Array:
    if kernel.shape[-2] == 1 and all(step == 1 for step in window.lhs_dilation):
        return _conv_by_taps(inputs, kernel, window)
    one_group = window._replace(groups=1)
    parts = zip(
        jnp.split(inputs, window.groups, axis=-1), jnp.split(kernel, window.groups, axis=-1), strict=True
    )
    return jnp.concatenate([conv(*part, one_group) for part in parts], axis=-1)


def _conv_by_taps(inputs: Array, kernel: Array, window: ConvWindow) -> Array:
    """Convolve every channel separately. Multiply shifted inputs by each tap, and add the products."""
    padded = jnp.pad(inputs, ((0, 0), *window.padding, (0, 0)))
    padded = jnp.repeat(padded, kernel.shape[-1] // inputs.shape[-1], axis=-1)
    *sizes, _, _ = kernel.shape
    lengths = [
        (size - (taps - 1) * dilation - 1) // stride + 1
        for size, taps, dilation, stride in zip(
            padded.shape[1:-1], sizes, window.dilation, window.strides, strict=True
        )
    ]

    def multiply(tap: tuple[int, ...]) -> Array:
        firsts = [index * dilation for index, dilation in zip(tap, window.dilation, strict=True)]
        slices = map(strided_slice, window.strides, firsts, lengths)
        return padded[(slice(None), *slices)] * kernel[(*tap, 0)]

    return functools.reduce(operator.add, map(multiply, itertools.product(*map(range, sizes))))
