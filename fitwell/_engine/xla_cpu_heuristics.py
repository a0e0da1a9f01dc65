"""Heuristics that decide which training loops the CPU compiler should fuse into one function.

With the option that `config.set_default_xla_flags` sets, XLA compiles a whole `while` loop into one native function if
every operation in the loop allows it. For a small network, this saves about fifty operation dispatches per step, which
take most of the step's time. However, inside a fused loop, matrix products are plain loops instead of library calls.
Plain loops are fast if there are fewer than 32 inputs or only one output, and up to ten times slower otherwise. For
larger networks, `prevent_loop_fusion` therefore adds an operation to the loop that XLA cannot fuse.

The limits were measured with `python -m benchmarks.loop_fusion`. A fused loop is 1.3 times as
fast as an unfused loop for an 8-30-1 network at batch size 32, 2.5 times as fast for a 30-32-1 network, and equally
fast for a 13-32-16-1 network at batch size 32. For a 64-32-1 network, it would be 3.4 times slower, and for a
100-300-10 network, nine times slower.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._engine import devices
from fitwell._typing import Array

__all__ = ["prefer_ynn_kernels", "prevent_loop_fusion", "should_fuse_loop"]

# The maximum numbers of multiplications per step in a fused loop. _MAX_FAST applies to all matrix products. _MAX_SLOW
# applies to those that plain loops compute slowly, which have at least _SLOW_WIDTH inputs and more than one output.
_MAX_FAST = 2**17
_MAX_SLOW = 2**14
_SLOW_WIDTH = 32


def should_fuse_loop(weights: Mapping[str, Array], rows: int) -> bool:
    """Return whether the training loop should be fused.

    On a CPU, it should be fused if its steps are fast without library calls. On other devices, the result is True.

    Args:
        weights: All weights, including frozen ones, because they are used in matrix products too.
        rows: The number of rows per step.

    Returns:
        True if the loop should be fused.
    """
    if devices.current_device().platform != "cpu":
        return True
    shapes = [np.shape(weight) for weight in weights.values()]
    if any(len(shape) > 2 for shape in shapes):
        return False  # a weight with more than two axes is a convolution kernel
    products = [shape for shape in shapes if len(shape) == 2]
    slow = [shape for shape in products if shape[0] >= _SLOW_WIDTH and shape[1] > 1]
    return rows * _size(products) <= _MAX_FAST and rows * _size(slow) <= _MAX_SLOW


def prefer_ynn_kernels(weights: Mapping[str, Array], rows: int) -> bool:
    """Return whether the training steps are faster with XLA's YNN kernels for matrix products.

    A loop that calls YNN kernels cannot be fused. On a processor with AVX-512, the YNN kernels take half of Eigen's
    time for a 64-1024-512-10 network and the same time for a 784-300-100-10 network
    (`python -m benchmarks.loop_fusion`). However, they use only one core for large convolutions. They take 0.3 s for
    5,000 images of workload W9 (`benchmarks/workloads.py`), for which Eigen takes 0.07 s.

    Args:
        weights: All weights, including frozen ones.
        rows: The number of rows per step.

    Returns:
        True if the YNN kernels are faster.
    """
    has_convolutions = any(len(np.shape(weight)) > 2 for weight in weights.values())
    return not has_convolutions and not should_fuse_loop(weights, rows)


def _size(shapes: Sequence[tuple[int, ...]]) -> int:
    return sum(math.prod(shape) for shape in shapes)


def prevent_loop_fusion(index: Array) -> Array:
    """Return `index` unchanged, and prevent XLA from fusing the surrounding loop.

    XLA cannot fuse a sort, and sorting two integers takes less than a microsecond.
    """
    return jax.lax.sort(jnp.stack([index, jnp.iinfo(jnp.int32).max]))[0]
