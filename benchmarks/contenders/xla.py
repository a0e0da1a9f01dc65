"""How the hand-written programs make XLA's CPU compiler choose well; elsewhere nothing is asked of it."""

from __future__ import annotations

from typing import Any

# Without YNN's fusions XLA may compile a whole loop into one function, if XLA_FLAGS lets it (see environment.py). That
# saves the dispatch of every operation, but within such a function matrix products are naive loops, thirty times slower
# at 32 x 784 x 300.
ONE_FUNCTION: dict[str, str | bool] = {"xla_cpu_experimental_ynn_fusion_type": ""}


def compile_program(function: Any, *arguments: Any, fuse_loop: bool) -> Any:
    """Compile for these arguments, the first of which is donated."""
    import jax

    options = ONE_FUNCTION if fuse_loop and jax.default_backend() == "cpu" else None
    return jax.jit(function, donate_argnums=0).lower(*arguments).compile(compiler_options=options)


def prevent_loop_fusion(value: Any) -> Any:
    """Return the scalar `value` >= 0 unchanged, and keep the loop around it from becoming one function.

    A loop that calls a library is left as single operations; the smallest Cholesky factor is such a call, and costs
    about a microsecond.
    """
    import jax
    import jax.numpy as jnp

    if jax.default_backend() != "cpu":
        return value
    factor = jax.lax.linalg.cholesky(jnp.eye(2) * (1 + value))
    return value + (0 * factor[0, 0]).astype(value.dtype)
