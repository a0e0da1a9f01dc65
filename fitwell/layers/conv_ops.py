"""Convolution (cross-correlation) with gradients that are fast on CPUs.

XLA's CPU compiler has fast code for convolutions with channels last only, and converts others to that form in the
outermost function only. The gradients that JAX derives are of other forms, and a training run is a loop: in it they
were compiled to plain nested loops, and a step of a small image network took ten times as long. So this module defines
the gradients in the fast form. Convolutions with many groups have no fast form; they are computed as sums over the taps
of the kernel, or group by group.
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

__all__ = ["ConvWindow", "Padding", "conv", "same_padding", "strided_slice"]

Padding = tuple[tuple[int, int], ...]


class ConvWindow(NamedTuple):
    """How a kernel slides over inputs, with one number per spatial axis.

    Args:
        strides (tuple[int, ...]): Steps between outputs.
        padding (tuple[tuple[int, int], ...]): Zeros before and after the inputs.
        lhs_dilation (tuple[int, ...]): Steps between inputs, with zeros between them.
        dilation (tuple[int, ...]): Steps between the taps of the kernel.
        groups (int): Groups of channels that are convolved separately. Default: 1.
    """

    strides: tuple[int, ...]
    padding: Padding
    lhs_dilation: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1


def same_padding(sizes: Sequence[int], widths: Sequence[int], strides: Sequence[int]) -> Padding:
    """Return the padding that gives ``ceil(size / stride)`` outputs for a kernel of these (dilated) widths."""
    total = [
        max((-(-size // step) - 1) * step + width - size, 0)
        for size, width, step in zip(sizes, widths, strides, strict=True)
    ]
    return tuple((both // 2, both - both // 2) for both in total)


def strided_slice(step: int, first: int, count: int) -> slice:
    """Return the slice of `count` positions that starts at `first`, in steps of `step`."""
    return slice(first, max(first + (count - 1) * step + 1, 0), step)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def conv(inputs: Array, kernel: Array, window: ConvWindow) -> Array:
    """Return ``y[n, t, o] = sum over i, c of kernel[i, c, o] x[n, t s + i d, c]``, for one spatial axis or more.

    inputs: ``[batch, *spatial, channels]``. kernel: ``[*size, channels / groups, outputs]``. Result: ``[batch, *new
    spatial, outputs]``. x are the dilated and padded inputs, s the strides, d the dilation of the kernel.

    Reverse-mode differentiation of any order is supported; forward mode alone (`jax.jvp`) is not.
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
    """Return the gradients of inputs and kernel from that of the outputs; both are convolutions.

    Along one axis, input i and tap j contribute to output t where ``lhs_dilation i + before = stride t + dilation j``.
    So the gradient of the inputs slides the flipped kernel, in steps of `lhs_dilation`, over the gradient of the
    outputs dilated by the strides. The gradient of the kernel slides the gradient of the outputs, dilated by the
    strides, over the inputs in steps of `dilation`. Padding gives the results the lengths of inputs and kernel.
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
    # Rows and channels are swapped, since the sum is over the rows.
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
    """Convolve every channel separately, as the sum over all taps of shifted inputs times the tap."""
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
