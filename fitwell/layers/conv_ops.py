"""Cross-correlation, the sum of products that convolutional layers make, with gradients that CPUs are quick at.

XLA's CPU compiler has fast code for correlations of rows last to channels last only, and turns others into that form
in the outermost function alone. The gradients that JAX makes are others, and a training run is a loop: there they
became plain nested loops, and a step of a small network for images took ten times as long. So the gradients are
written here, in the form that is fast. Correlations of many groups have no fast form at all; they are made of sums
over the taps of the kernel, or group by group.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

Array = Any
Padding = tuple[tuple[int, int], ...]


class ConvWindow(NamedTuple):
    """How a kernel slides over inputs: a number for each spatial axis.

    strides: steps between outputs. padding: zeros before and after the inputs. stretch: steps between inputs, zeros
    in between. dilation: steps between the taps of the kernel. groups: parts of the channels that do not see each
    other.
    """

    strides: tuple[int, ...]
    padding: Padding
    lhs_dilation: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1


def same_padding(sizes: Sequence[int], widths: Sequence[int], strides: Sequence[int]) -> Padding:
    """Return the zeros that make ``ceil(size / stride)`` outputs of a kernel of these (dilated) widths."""
    wanted = [
        max((-(-size // step) - 1) * step + width - size, 0)
        for size, width, step in zip(sizes, widths, strides, strict=True)
    ]
    return tuple((both // 2, both - both // 2) for both in wanted)


def strided_slice(step: int, first: int, count: int) -> slice:
    """Return the slice of `count` places from `first` on, `step` apart; an empty one when there are to be none."""
    return slice(first, max(first + (count - 1) * step + 1, 0), step)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def conv(inputs: Array, kernel: Array, geometry: ConvWindow) -> Array:
    """Return ``y[n, t, o] = sum over i, c of kernel[i, c, o] x[n, t s + i d, c]``, for one spatial axis or more.

    inputs: ``[batch, *spatial, channels]``. kernel: ``[*size, channels / groups, outputs]``. Result: ``[batch, *new
    spatial, outputs]``. x are the stretched and padded inputs, s the strides, d the dilation.

    It can be differentiated backwards, as often as wanted; forward differentiation alone (`jax.jvp`) is refused.
    """
    if geometry.groups == 1:
        return _plain(inputs, kernel, geometry)
    return jax.lax.platform_dependent(
        inputs,
        kernel,
        cpu=functools.partial(_in_groups, geometry=geometry),
        default=functools.partial(_plain, geometry=geometry),
    )


def _forward(inputs: Array, kernel: Array, geometry: ConvWindow) -> tuple[Array, tuple[Array, Array]]:
    return conv(inputs, kernel, geometry), (inputs, kernel)


def _backward(geometry: ConvWindow, saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    def derived(function: Any) -> Any:
        return lambda gradient, *saved: jax.vjp(functools.partial(function, geometry=geometry), *saved)[1](
            gradient
        )

    quick = functools.partial(_gradients, geometry=geometry) if geometry.groups == 1 else derived(_in_groups)
    found: tuple[Array, Array] = jax.lax.platform_dependent(
        gradient, *saved, cpu=quick, default=derived(_plain)
    )
    return found


conv.defvjp(_forward, _backward)


def _plain(inputs: Array, kernel: Array, geometry: ConvWindow) -> Array:
    spatial = "HWD"[: inputs.ndim - 2]
    return jax.lax.conv_general_dilated(
        inputs,
        kernel,
        geometry.strides,
        geometry.padding,
        geometry.lhs_dilation,
        geometry.dilation,
        (f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"),
        geometry.groups,
    )


def _gradients(gradient: Array, inputs: Array, kernel: Array, geometry: ConvWindow) -> tuple[Array, Array]:
    """Return the gradients of inputs and kernel from that of the outputs; both are correlations themselves.

    Along one axis, with n inputs, k taps and m outputs: input i and tap j meet in output t where ``stretch i + before
    = stride t + dilation j``. So the inputs' gradient slides the flipped kernel over the outputs' gradient, which is
    stretched by the strides, in steps of the stretch; the kernel's slides that gradient, dilated by the strides, over
    the inputs, in steps of the dilation. Padding makes the results as long as inputs and kernel.
    """
    axes = range(1, inputs.ndim - 1)
    for_inputs, for_kernel = [], []
    for axis, (before, _), stride, lhs_dilation, dilation in zip(
        axes, geometry.padding, geometry.strides, geometry.lhs_dilation, geometry.dilation, strict=True
    ):
        length = (inputs.shape[axis] - 1) * lhs_dilation + 1
        reach = (kernel.shape[axis - 1] - 1) * dilation
        span = (gradient.shape[axis] - 1) * stride
        for_inputs.append((reach - before, length + before - 1 - span))
        for_kernel.append((before, reach + span + 1 - length - before))
    spatial = tuple(axis - 1 for axis in axes)
    by_inputs = _plain(
        gradient,
        jnp.swapaxes(jnp.flip(kernel, spatial), -1, -2),
        ConvWindow(geometry.lhs_dilation, tuple(for_inputs), geometry.strides, geometry.dilation),
    )
    # Rows and channels change places: what is summed over are the rows.
    by_kernel = _plain(
        jnp.swapaxes(inputs, 0, -1),
        jnp.moveaxis(gradient, 0, -2),
        ConvWindow(geometry.dilation, tuple(for_kernel), geometry.lhs_dilation, geometry.strides),
    )
    return by_inputs, jnp.moveaxis(by_kernel, 0, -2)


def _in_groups(inputs: Array, kernel: Array, geometry: ConvWindow) -> Array:
    if kernel.shape[-2] == 1 and all(step == 1 for step in geometry.lhs_dilation):
        return _by_taps(inputs, kernel, geometry)
    alone = geometry._replace(groups=1)
    parts = zip(
        jnp.split(inputs, geometry.groups, axis=-1), jnp.split(kernel, geometry.groups, axis=-1), strict=True
    )
    return jnp.concatenate([conv(*part, alone) for part in parts], axis=-1)


def _by_taps(inputs: Array, kernel: Array, geometry: ConvWindow) -> Array:
    """Correlate every channel with kernels of its own: the sum over all taps of shifted inputs times the tap."""
    padded = jnp.pad(inputs, ((0, 0), *geometry.padding, (0, 0)))
    padded = jnp.repeat(padded, kernel.shape[-1] // inputs.shape[-1], axis=-1)
    *sizes, _, _ = kernel.shape
    lengths = [
        (size - (taps - 1) * dilation - 1) // stride + 1
        for size, taps, dilation, stride in zip(
            padded.shape[1:-1], sizes, geometry.dilation, geometry.strides, strict=True
        )
    ]
    total = None
    for tap in itertools.product(*map(range, sizes)):
        firsts = [place * dilation for place, dilation in zip(tap, geometry.dilation, strict=True)]
        seen = map(strided_slice, geometry.strides, firsts, lengths)
        product = padded[(slice(None), *seen)] * kernel[(*tap, 0)]
        total = product if total is None else total + product
    return total
