"""Keep a worker's memory below 2 GB, and collect garbage less often.

Compiled programs stay in the caches of JAX and fitwell, and what XLA frees stays with the C library: a worker came near
5 GB. When a test ends above `MAX_BYTES`, the caches are emptied and the free pages returned: 2.0 GB became 0.6 GB in
`tests/metrics`, in some seconds. Python's collector looks at all objects of JAX and Keras again and again, which was a
tenth of the time of the suite; with these thresholds it comes by seldom.
"""

from __future__ import annotations

import ctypes
import gc
import sys

import psutil
import pytest

MAX_BYTES = 1_300_000_000
_process = psutil.Process()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)


def free_memory() -> None:
    """Empty all caches of compiled programs, and give free pages back to the system."""
    import jax

    import fitwell

    jax.clear_caches()
    fitwell.utils.clear_caches()
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish() -> None:
    if _process.memory_info().rss > MAX_BYTES:
        free_memory()
