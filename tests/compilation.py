"""Fast compilation for most tests, and full optimisation for tests of the machine code that users run.

Most programs of the tests run for less time than XLA takes to optimise them, which was two thirds of the time of the
suite. So XLA generates plain machine code (its optimisation of the graph is kept), for the references in Keras, for
eager operations and for the engine. The programs of the engine are optimised as for users in the packages
`OPTIMISED` and in tests marked ``optimised``, where training takes longer than compiling and where exact bits or
rounding errors matter. With ``--record-agreement`` everything is optimised.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

# Before any test imports JAX, or XLA would compile loops in another way than for users
# (`config.set_default_xla_flags`).
from fitwell._engine import compile_cache

OPTIMISED = {"engine", "examples", "population"}

# Name of the flag: quick, and what XLA does by default.
FLAGS = {
    "xla_backend_optimization_level": (0, 3),
    "xla_cpu_use_fusion_emitters": (False, True),
    "xla_cpu_parallel_codegen_split_count": (1, 32),
}
QUICK = "".join(f" --{name}={quick}".lower() for name, (quick, _) in FLAGS.items())
# Workers of pytest-xdist begin with the environment that the first process has made.
USERS = os.environ.get("XLA_FLAGS", "").removesuffix(QUICK)

_options_of_users = compile_cache.compiler_options


def _optimising_options(use_ynn_kernels: bool) -> dict[str, Any]:
    return (_options_of_users(use_ynn_kernels) or {}) | {
        name: default for name, (_, default) in FLAGS.items()
    }


def _cache_between_runs(config: pytest.Config) -> None:
    """Keep compiled programs for the next run, which takes a third less time. CI compiles everything."""
    if not os.environ.get("CI") and not config.getoption("record_agreement"):
        import jax

        jax.config.update("jax_compilation_cache_dir", str(config.rootpath / ".pytest_cache" / "xla"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def pytest_configure(config: pytest.Config) -> None:
    _cache_between_runs(config)
    # XLA reads this once, when it first compiles; afterwards it is for the processes that tests start.
    os.environ["XLA_FLAGS"] = USERS if config.getoption("record_agreement") else USERS + QUICK


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Choose before any fixture is made for the test."""
    marked = item.get_closest_marker("optimised") or item.path.parent.name in OPTIMISED
    optimised = marked or item.config.getoption("record_agreement")
    options = _optimising_options if optimised else _options_of_users
    if compile_cache.compiler_options is not options:
        compile_cache.compiler_options = options
        compile_cache.clear_caches()  # or the test could be given a program of the other kind
        os.environ["XLA_FLAGS"] = USERS if optimised else USERS + QUICK
