"""Which training loops the CPU compiler should turn into one function, and which it should not.

With the option that `config.set_default_xla_flags` sets, XLA compiles a whole `while` loop into one native function
when every operation in it can be. For a small network that saves dispatching some fifty operations a step,
most of its time. But inside such a function matrix products are plain loops instead of calls to a library:
fast where the width of the inputs is below 32 or there is one output, ten times slower elsewhere. So larger
networks keep an operation in their loop that has to be called, and with it everything else.

The limits were measured (`python -m benchmarks.loop_fusion`): 8-30-1 at batch 32 gains 1.3, 30-32-1 2.5,
13-32-16-1 at batch 32 comes out even, 64-32-1 would lose 3.4 and 100-300-10 nine times.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._engine import devices
from fitwell._typing import Array

# Multiplications a step may make in products that plain loops do well, and in those they do badly.
_MOST_FAST = 2**17
_MOST_SLOW = 2**14
_SLOW_WIDTH = 32


def should_fuse_loop(weights: Mapping[str, Array], rows: int) -> bool:
    """Return whether a step over `rows` rows with these weights is quick enough without library calls.

    weights: all of them, for frozen ones are multiplied with too.
    """
    if devices.current_device().platform != "cpu":
        return True
    shapes = [np.shape(weight) for weight in weights.values()]
    if any(len(shape) > 2 for shape in shapes):
        return False  # convolutions
    products = [shape for shape in shapes if len(shape) == 2]
    slow = [shape for shape in products if shape[0] >= _SLOW_WIDTH and shape[1] > 1]
    return rows * _size(products) <= _MOST_FAST and rows * _size(slow) <= _MOST_SLOW


def prefer_ynn_kernels(weights: Mapping[str, Array], rows: int) -> bool:
    """Return whether steps over `rows` rows are quicker with XLA's library of kernels for products.

    A loop that calls it cannot be one function. It multiplies 64-1024-512-10 in half of Eigen's time (on a processor
    with AVX-512; `python -m benchmarks.loop_fusion`), and 784-300-100-10 in as much; but it works on one core at large
    convolutions: 0.3 s for 5,000 images of W9 (`benchmarks/workloads.py`), for which Eigen takes 0.07.
    """
    convolves = any(len(np.shape(weight)) > 2 for weight in weights.values())
    return not convolves and not should_fuse_loop(weights, rows)


def _size(shapes: Sequence[tuple[int, ...]]) -> int:
    return sum(math.prod(shape) for shape in shapes)


def prevent_loop_fusion(index: Array) -> Array:
    """Return `index` unchanged, and keep the loop around it from becoming one function.

    Sorting is one of the operations that XLA only calls; sorting two numbers takes less than a microsecond.
    """
    return jax.lax.sort(jnp.stack([index, jnp.iinfo(jnp.int32).max]))[0]
