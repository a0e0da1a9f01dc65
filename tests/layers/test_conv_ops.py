"""Convolutions and their gradients compared with JAX, and the forms that the compiler gets."""

from __future__ import annotations

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fitwell import layers
from fitwell.layers.conv_ops import ConvWindow, conv


def of_jax(inputs: Any, kernel: Any, window: ConvWindow) -> Any:
    spatial = "HW"[: inputs.ndim - 2]
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


@st.composite
def convolutions(draw: Any) -> tuple[np.ndarray, np.ndarray, ConvWindow]:
    rank = draw(st.integers(1, 2))

    def each(least: int, most: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(least, most)) for _ in range(rank))

    groups, part, filters = draw(st.sampled_from([(1, 3, 2), (1, 1, 4), (2, 2, 2), (3, 1, 1), (2, 1, 3)]))
    sizes, taps, lhs_dilation, dilation = each(3, 9), each(1, 4), each(1, 3), each(1, 3)
    padding = tuple(zip(each(0, 3), each(0, 3), strict=True))
    for size, tap, step, apart, pads in zip(sizes, taps, lhs_dilation, dilation, padding, strict=True):
        assume((size - 1) * step + 1 + sum(pads) > (tap - 1) * apart)
    generator = np.random.default_rng(draw(st.integers(0, 100)))
    inputs = generator.normal(size=(2, *sizes, groups * part))
    kernel = generator.normal(size=(*taps, part, groups * filters))
    return inputs, kernel, ConvWindow(each(1, 3), padding, lhs_dilation, dilation, groups)


@pytest.mark.slow
@given(convolutions())
@settings(max_examples=25, deadline=None)
def test_values_and_gradients_are_those_of_jax(given: tuple[np.ndarray, np.ndarray, ConvWindow]) -> None:
    inputs, kernel, window = given
    with jax.enable_x64(True):
        found, backward = jax.vjp(lambda x, k: conv(x, k, window), inputs, kernel)
        expected, theirs = jax.vjp(lambda x, k: of_jax(x, k, window), inputs, kernel)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
        slope = np.random.default_rng(0).normal(size=expected.shape)
        for ours, other in zip(backward(slope), theirs(slope), strict=True):
            np.testing.assert_allclose(ours, other, rtol=1e-12, atol=1e-12)


WINDOWS = ConvWindow((2,), ((1, 0),), (1,), (1,), 1)


@pytest.mark.slow
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_gradients_can_be_differentiated_again(groups: int) -> None:
    generator = np.random.default_rng(0)
    inputs, kernel = generator.normal(size=(2, 7, 4)), generator.normal(size=(3, 4 // groups, 4))
    window = WINDOWS._replace(groups=groups)

    def bend(function: Any) -> Any:
        def steepness(x: Any, k: Any) -> Any:
            slopes = jax.grad(lambda x, k: jnp.sum(jnp.sin(function(x, k, window))), (0, 1))(x, k)
            return sum(jnp.sum(slope**2) for slope in slopes)

        return jax.grad(steepness, (0, 1))(inputs, kernel)

    with jax.enable_x64(True):
        for ours, theirs in zip(bend(conv), bend(of_jax), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


def test_it_maps_over_members() -> None:
    """Stacked members of a population: one kernel per member, the same rows for all."""
    generator = np.random.default_rng(0)
    inputs, kernels = generator.normal(size=(2, 7, 4)), generator.normal(size=(3, 3, 4, 4))

    def slopes(kernel: Any) -> Any:
        return jax.grad(lambda k: jnp.sum(jnp.sin(conv(inputs, k, WINDOWS))))(kernel)

    with jax.enable_x64(True):
        found = jax.jit(jax.vmap(slopes))(kernels)
        np.testing.assert_allclose(found, [slopes(kernel) for kernel in kernels], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(4, 3, strides=2, padding="same"),
        layers.Conv2D(4, 3, data_format="channels_first"),
        layers.Conv2DTranspose(4, 3, strides=2),
        layers.Conv2D(4, 3, groups=2),
        layers.SeparableConv2D(4, 3),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_loop_contains_only_convolutions_with_fast_code(layer: Any) -> None:
    """XLA for CPUs rewrites others in the outermost function alone: in a loop they took ten times as long."""
    inputs = np.zeros((2, 8, 8, 8), np.float32)
    layer.build(inputs.shape)

    def step(x: Any, _: Any) -> Any:
        return x - jax.grad(lambda x: jnp.sum(layer(x) ** 2))(x), None

    def loop(x: Any) -> Any:
        return jax.lax.scan(step, x, length=3)[0]

    text = jax.jit(loop).lower(inputs).compile().as_text()
    assert set(re.findall(r"dim_labels=(\S+),?", text)) <= {"b01f_01io->b01f", "b01f_01io->b01f,"}
