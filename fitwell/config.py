"""Global settings: the float type, epsilon, the memory budget, and XLA's compilation of small loops."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import numpy as np

from fitwell._param_validation import Integer, Options, Real, validate_params

__all__ = [
    "epsilon",
    "floatx",
    "memory_budget",
    "set_epsilon",
    "set_floatx",
    "set_memory_budget",
]

_logger = logging.getLogger("fitwell")
_floatx = "float32"
_epsilon = 1e-7
_memory_budget = 2**30

# XLA's CPU compiler turns a `while` loop whose buffers are smaller than this into one native function.
# With XLA's default limit of 1 KiB, every training loop is dispatched operation by operation, which on small networks
# costs two to four times as much as the arithmetic. XLA reads this option only from the environment.
XLA_SMALL_LOOP_FLAG = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=1000000000000"


def set_default_xla_flags() -> bool:
    """Let XLA compile training loops as single functions, unless the user has configured XLA.

    This function sets ``XLA_FLAGS`` in this process's environment if JAX has not been imported yet and the
    variable is unset. It logs the change with the logger ``fitwell`` at level INFO, and returns whether it
    made the change.

    A second option, which makes matrix products compilable inside such loops, is passed to each compilation
    (see `fitwell._engine.compile_cache`). Other JAX programs in the same process do not use the second
    option. Their small loops may also become single functions, which is slower if such a loop multiplies
    large matrices. To prevent this, set ``XLA_FLAGS`` before importing fitwell, for example to an empty
    string.
    """
    if "jax" in sys.modules or "XLA_FLAGS" in os.environ:
        return False
    os.environ["XLA_FLAGS"] = XLA_SMALL_LOOP_FLAG
    _logger.info(
        "fitwell set XLA_FLAGS=%s so that small training loops run as one function", XLA_SMALL_LOOP_FLAG
    )
    return True


def floatx() -> str:
    """Return the default float type for weights and data, which is ``"float32"`` unless changed.

    Returns:
        str: The name of the dtype.

    Example:
        >>> import fitwell as fw
        >>> fw.config.floatx()
        'float32'

    Source: Keras `keras.config.floatx`.
    """
    return _floatx


@validate_params(value=Options("float16", "bfloat16", "float32", "float64"))
def set_floatx(value: str) -> None:
    """Set the default float type.

    ``"float64"`` also enables JAX's 64-bit mode, without which JAX silently rounds to 32 bits.

    Args:
        value (str): ``"float16"``, ``"bfloat16"``, ``"float32"`` or ``"float64"``.

    Raises:
        InvalidArgument: if `value` is not one of these names.

    Example:
        >>> import fitwell as fw
        >>> fw.config.set_floatx("float32")

    Source: Keras `keras.config.set_floatx`.
    """
    global _floatx
    if value == "float64":
        import jax

        jax.config.update("jax_enable_x64", True)
    _floatx = value


def epsilon() -> float:
    """Return the small constant that keeps divisions and logarithms finite, which is 1e-7 unless changed.

    Example:
        >>> import fitwell as fw
        >>> fw.config.epsilon()
        1e-07

    Source: Keras `keras.config.epsilon`.
    """
    return _epsilon


@validate_params(value=Real(0, closed="right"))
def set_epsilon(value: float) -> None:
    """Set the small constant that `epsilon` returns.

    Args:
        value (float): A number above 0.

    Example:
        >>> import fitwell as fw
        >>> fw.config.set_epsilon(1e-7)

    Source: Keras `keras.config.set_epsilon`.
    """
    global _epsilon
    _epsilon = float(value)


def float_dtype() -> np.dtype[Any]:
    """Return `floatx` as a NumPy dtype."""
    import jax.numpy as jnp

    return jnp.dtype(_floatx)


def memory_budget() -> int:
    """Return the size up to which a memory-mapped array is loaded into memory.

    Larger arrays are streamed.

    Returns:
        int: A number of bytes, which is 1 GiB unless changed.

    Example:
        >>> import fitwell as fw
        >>> fw.config.memory_budget()
        1073741824
    """
    return _memory_budget


@validate_params(size=Integer(0))
def set_memory_budget(size: int) -> None:
    """Set the number of bytes that `memory_budget` returns.

    Args:
        size (int): A number of bytes, at least 0.

    Example:
        >>> import fitwell as fw
        >>> fw.config.set_memory_budget(2**30)
    """
    global _memory_budget
    _memory_budget = size


def __dir__() -> list[str]:
    return sorted(__all__)
