"""Tests compile quickly, but where the machine code of users is the matter.

Most programs of the tests run for less time than XLA takes to optimise them, which took two thirds of the suite's
time. So XLA is told to write plain machine code (what it does to the graph before stays), for the references in
Keras and what runs operation by operation as for the engine. The engine's programs are those of users in the rooms
`OPTIMISED` and in tests marked ``optimised``: where training takes longer than compiling, and where bits or roundings
are the matter. Under ``--record-agreement`` everything is as for users.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

# Before any test imports JAX, or XLA would compile loops in another way than for users (`config.set_default_xla_flags`).
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


def _optimising_options(use_ynn: bool) -> dict[str, Any]:
    return (_options_of_users(use_ynn) or {}) | {name: default for name, (_, default) in FLAGS.items()}


def pytest_configure(config: pytest.Config) -> None:
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
