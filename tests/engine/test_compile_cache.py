"""The compile cache: each program is compiled once, by the first caller or by a pool of threads."""

from __future__ import annotations

import dataclasses
import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fitwell
from fitwell._engine import compile_cache
from fitwell._engine.compile_cache import CompileCache

ARGUMENTS = (np.float32(3.0),)


def counted() -> tuple[int, int, int]:
    return dataclasses.astuple(compile_cache.compile_stats)


def triple(x):
    return x * 3.25


def test_what_was_begun_is_found_and_not_made_again() -> None:
    programs = CompileCache()
    traced, compiled, reused = counted()
    with ThreadPoolExecutor(1) as pool:
        programs.compile_async("key", triple, ARGUMENTS, pool=pool)
        programs.compile_async("key", triple, ARGUMENTS, pool=pool)
        run = programs.get("key", triple, ARGUMENTS)
    assert run(*ARGUMENTS) == 9.75
    assert programs.get("key", triple, ARGUMENTS) is run
    assert counted() == (traced + 1, compiled + 1, reused)


def test_tracing_is_done_by_who_begins_and_compiling_by_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    may_compile = threading.Event()
    compile_lowered = compile_cache.compile_lowered

    def late(lowered, digest, use_ynn_kernels):
        assert may_compile.wait(30)
        return compile_lowered(lowered, digest, use_ynn_kernels)

    traced_by = []

    def fourfold(x):
        traced_by.append(threading.current_thread())
        return x * 4.5

    monkeypatch.setattr(compile_cache, "compile_lowered", late)
    programs = CompileCache()
    with ThreadPoolExecutor(1) as pool:
        programs.compile_async("key", fourfold, ARGUMENTS, pool=pool)
        # It has come back though nothing is compiled yet.
        assert traced_by == [threading.current_thread()]
        may_compile.set()
        assert programs.get("key", fourfold, ARGUMENTS)(*ARGUMENTS) == 13.5


def test_threads_that_ask_at_once_get_one_program() -> None:
    programs = CompileCache()
    traced = compile_cache.compile_stats.traced
    together = threading.Barrier(4)

    def slow(x):
        time.sleep(0.2)  # so that the others come while it is traced
        return x * 5.75

    def ask(_: int) -> object:
        together.wait(30)
        return programs.get("key", slow, ARGUMENTS)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, range(4)))
    assert len({id(program) for program in found}) == 1
    assert compile_cache.compile_stats.traced == traced + 1


@pytest.mark.parametrize("begun", [True, False])
def test_what_cannot_be_traced_is_told_and_may_be_tried_again(begun: bool) -> None:
    programs = CompileCache()
    broken = [True]

    def moody(x):
        if broken:
            raise ValueError("not today")
        return x + 6.5

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(ValueError, match="not today"):
            programs.compile_async("key", moody, ARGUMENTS, pool) if begun else programs.get(
                "key", moody, ARGUMENTS
            )
        broken.clear()
        assert programs.get("key", moody, ARGUMENTS)(*ARGUMENTS) == 9.5


def test_who_waits_for_a_program_that_fails_to_compile_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, compile_lowered = threading.Event(), compile_cache.compile_lowered

    def fail(lowered, digest, use_ynn_kernels):
        assert asked.wait(30)
        raise MemoryError("no room for code")

    def function(x):
        return x + 7.5

    monkeypatch.setattr(compile_cache, "compile_lowered", fail)
    programs = CompileCache()
    with ThreadPoolExecutor(1) as pool:
        programs.compile_async("key", function, ARGUMENTS, pool=pool)
        threading.Timer(0.2, asked.set).start()
        with pytest.raises(MemoryError, match="no room"):
            programs.get("key", function, ARGUMENTS)
    monkeypatch.setattr(compile_cache, "compile_lowered", compile_lowered)
    assert programs.get("key", function, ARGUMENTS)(*ARGUMENTS) == 10.5


def test_clear_caches_releases_what_is_compiled_and_changes_no_result() -> None:
    model = fitwell.Sequential([fitwell.Input((3,)), fitwell.layers.Dense(2)])
    model.compile("adam", "mse")
    x, y = np.ones((8, 3), np.float32), np.ones((8, 2), np.float32)
    model.fit(x, y, epochs=2, verbose=0)
    before = model.predict(x)
    executables = [weakref.ref(executable) for executable in compile_cache._executables_by_digest.values()]
    assert len(executables) >= 2
    fitwell.utils.clear_caches()
    gc.collect()
    assert not any(reference() for reference in executables)
    compiled = compile_cache.compile_stats.compiled
    assert np.array_equal(model.predict(x), before)
    assert compile_cache.compile_stats.compiled == compiled + 1
    model.fit(x, y, epochs=2, verbose=0)


def test_clear_session_releases_what_is_compiled() -> None:
    programs = CompileCache()
    programs.get("key", triple, ARGUMENTS)
    fitwell.backend.clear_session()
    assert programs.find("key") is None
    assert not compile_cache._executables_by_digest
