"""Settings of the process: the float type, and how XLA compiles small loops on the CPU."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import numpy as np

from fitwell._param_validation import Integer, Options, Real, validate_params

_logger = logging.getLogger("fitwell")
_floatx = "float32"
_epsilon = 1e-7
_memory_budget = 2**30

# XLA's CPU compiler turns a `while` loop whose buffers are smaller than this into one native function.
# Its default of 1 KiB leaves every training loop to be dispatched operation by operation, which costs
# two to four times the arithmetic on small networks. XLA takes this option from the environment only.
XLA_SMALL_LOOP_FLAG = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=1000000000000"


def set_default_xla_flags() -> bool:
    """Ask XLA to compile training loops as single functions, when nobody has said otherwise.

    Sets ``XLA_FLAGS`` in this process's environment, and only when JAX has not been imported yet and the
    variable is unset; the change is logged (logger ``fitwell``, level INFO). Returns whether it was made.
    The other half of the switch, which keeps dots compilable inside such loops, is an option of each
    compilation (`fitwell._engine.compile_cache`). JAX programs outside fitwell in the same process see only this
    half: their small loops may become one function too, which is slower where such a loop multiplies large
    matrices. Set ``XLA_FLAGS`` yourself, to an empty string if need be, and fitwell leaves it alone.
    """
    if "jax" in sys.modules or "XLA_FLAGS" in os.environ:
        return False
    os.environ["XLA_FLAGS"] = XLA_SMALL_LOOP_FLAG
    _logger.info(
        "fitwell set XLA_FLAGS=%s so that small training loops run as one function", XLA_SMALL_LOOP_FLAG
    )
    return True


def floatx() -> str:
    """Return the default float type of weights and data, ``"float32"`` unless changed."""
    return _floatx


@validate_params(value=Options("float16", "bfloat16", "float32", "float64"))
def set_floatx(value: str) -> None:
    """Set the default float type: ``"float16"``, ``"bfloat16"``, ``"float32"`` or ``"float64"``.

    ``"float64"`` also turns on JAX's 64-bit mode, without which JAX would silently round to 32 bits.
    """
    global _floatx
    if value == "float64":
        import jax

        jax.config.update("jax_enable_x64", True)
    _floatx = value


def epsilon() -> float:
    """Return the small constant that keeps divisions and logarithms finite, 1e-7 unless changed."""
    return _epsilon


@validate_params(value=Real(0, closed="right"))
def set_epsilon(value: float) -> None:
    """Set the small constant returned by `epsilon`."""
    global _epsilon
    _epsilon = float(value)


def float_dtype() -> np.dtype[Any]:
    """Return `floatx` as a NumPy dtype."""
    import jax.numpy as jnp

    return jnp.dtype(_floatx)


def memory_budget() -> int:
    """Return how many bytes of memory-mapped arrays are still loaded whole; larger ones stream. 1 GiB by default."""
    return _memory_budget


@validate_params(size=Integer(0))
def set_memory_budget(size: int) -> None:
    """Set the number of bytes returned by `memory_budget`."""
    global _memory_budget
    _memory_budget = size
