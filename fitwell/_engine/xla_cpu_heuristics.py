"""Which training loops the CPU compiler should fuse into one function.

With the option that `config.set_default_xla_flags` sets, XLA compiles a whole `while` loop into one native function if
every operation in it can be. For a small network that saves some fifty operation dispatches per step, which is most of
its time. But inside such a function matrix products are plain loops and not library calls: fast if the inputs are
narrower than 32 or there is one output, up to ten times slower otherwise. The loops of larger networks therefore
contain an operation that can only be called, which prevents the fusion.

The limits were measured (`python -m benchmarks.loop_fusion`). Fused, 8-30-1 at batch 32 is 1.3 times as fast, 30-32-1
2.5 times and 13-32-16-1 at batch 32 equally fast; 64-32-1 would be 3.4 times slower and 100-300-10 nine times.
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

# Limits of multiplications per step: in products that plain loops compute fast, and in those they compute slowly.
_MAX_FAST = 2**17
_MAX_SLOW = 2**14
_SLOW_WIDTH = 32


def should_fuse_loop(weights: Mapping[str, Array], rows: int) -> bool:
    """Return whether a step over `rows` rows with these weights is fast without library calls.

    weights: all weights, frozen ones included, because they take part in products as well.
    """
    if devices.current_device().platform != "cpu":
        return True
    shapes = [np.shape(weight) for weight in weights.values()]
    if any(len(shape) > 2 for shape in shapes):
        return False  # convolutions
    products = [shape for shape in shapes if len(shape) == 2]
    slow = [shape for shape in products if shape[0] >= _SLOW_WIDTH and shape[1] > 1]
    return rows * _size(products) <= _MAX_FAST and rows * _size(slow) <= _MAX_SLOW


def prefer_ynn_kernels(weights: Mapping[str, Array], rows: int) -> bool:
    """Return whether steps over `rows` rows are faster with XLA's YNN kernels for matrix products.

    A loop that calls them cannot be fused. They multiply 64-1024-512-10 in half of Eigen's time (on a processor with
    AVX-512; `python -m benchmarks.loop_fusion`) and 784-300-100-10 in the same time. But they use one core for large
    convolutions: 0.3 s for 5,000 images of W9 (`benchmarks/workloads.py`), for which Eigen takes 0.07 s.
    """
    has_convolutions = any(len(np.shape(weight)) > 2 for weight in weights.values())
    return not has_convolutions and not should_fuse_loop(weights, rows)


def _size(shapes: Sequence[tuple[int, ...]]) -> int:
    return sum(math.prod(shape) for shape in shapes)


def prevent_loop_fusion(index: Array) -> Array:
    """Return `index` unchanged, and prevent the fusion of the loop around it.

    Sorting is an operation that XLA can only call. Sorting two integers takes less than a microsecond.
    """
    return jax.lax.sort(jnp.stack([index, jnp.iinfo(jnp.int32).max]))[0]
