"""The compilation cache on disk: where it is, whom it trusts, and how large it grows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest

from fitwell._engine import disk_cache

PROGRAM = """
import logging, sys
import jax, jax.numpy as jnp
from fitwell._engine import disk_cache
disk_cache.MIN_COMPILE_SECONDS = 0.0
assert disk_cache.enable_disk_cache() is not None
print(float(jax.jit(lambda x: jnp.sin(x) @ jnp.cos(x))(jnp.arange(4.0))))
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Use a new folder, and restore JAX's configuration."""
    monkeypatch.setenv("FITWELL_CACHE", str(tmp_path))
    monkeypatch.setenv("FITWELL_COMPILE_CACHE", "1")
    names = [
        "jax_compilation_cache_dir",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
    ]
    before = {name: getattr(jax.config, name) for name in names}
    jax.config.update("jax_compilation_cache_dir", None)  # the tests have a cache of their own
    yield tmp_path / "compiled"
    for name, value in before.items():
        jax.config.update(name, value)


def test_another_process_reads_the_programs(cache: Path) -> None:
    def run() -> str:
        done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
        return done.stdout

    first = run()
    files = {path: path.read_bytes() for path in cache.glob("*/*-cache")}
    assert files
    assert run() == first
    assert {path: path.read_bytes() for path in cache.glob("*/*-cache")} == files, (
        "nothing was compiled again"
    )
    for path in files:
        path.write_bytes(b"damaged")
    assert run() == first, "a damaged file is compiled again"


def test_the_folder_belongs_to_the_user_alone(cache: Path) -> None:
    folder = disk_cache.enable_disk_cache()
    assert folder is not None and folder.parent == cache
    assert jax.config.jax_compilation_cache_dir == str(folder)
    assert os.stat(folder).st_mode & 0o077 == 0


def test_a_permissive_umask_does_not_turn_the_cache_off(cache: Path) -> None:
    before = os.umask(0o002)
    try:
        folder = disk_cache.enable_disk_cache()
    finally:
        os.umask(before)
    assert folder is not None
    assert os.stat(folder).st_mode & 0o077 == os.stat(cache).st_mode & 0o077 == 0


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has no permissions of groups")
def test_a_folder_that_strangers_may_write_to_does_not_hold_the_cache(cache: Path) -> None:
    cache.parent.chmod(0o777)
    assert disk_cache.enable_disk_cache() is None
    cache.parent.chmod(0o1777)  # only owners may rename what is in it, as in /tmp
    assert disk_cache.enable_disk_cache() is not None


def test_fitting_a_model_fills_the_cache_and_the_next_process_compiles_nothing(cache: Path) -> None:
    program = """
import numpy as np, fitwell as fw
model = fw.Sequential([fw.Input((3,)), fw.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(np.ones((8, 3)), np.ones((8, 1)), verbose=0)
"""
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
        files = {path.name: path.stat().st_mtime_ns for path in cache.glob("*/*-cache")}
        assert files
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert {path.name: path.stat().st_mtime_ns for path in cache.glob("*/*-cache")} == files


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has no permissions of groups")
def test_a_folder_that_others_may_write_to_is_not_used(cache: Path) -> None:
    cache.mkdir()
    cache.chmod(0o777)
    assert disk_cache.enable_disk_cache() is None
    assert not jax.config.jax_compilation_cache_dir


def test_a_link_to_another_folder_is_not_used(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    cache.symlink_to(tmp_path / "elsewhere")
    assert disk_cache.enable_disk_cache() is None


def test_the_cache_can_be_turned_off_and_never_fails(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITWELL_COMPILE_CACHE", "0")
    assert disk_cache.enable_disk_cache() is None and not cache.exists()
    monkeypatch.setenv("FITWELL_COMPILE_CACHE", "1")
    cache.write_text("a file in the place of the folder")
    assert disk_cache.enable_disk_cache() is None


def test_the_oldest_programs_are_deleted(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = disk_cache.enable_disk_cache()
    assert folder is not None
    jax.config.update("jax_compilation_cache_dir", None)
    for number in range(4):
        path = folder / f"{number}-cache"
        path.write_bytes(b"x" * 100)
        os.utime(path, (number + 1, number + 1))
    monkeypatch.setattr(disk_cache, "MAX_BYTES", 250)
    disk_cache.enable_disk_cache()
    assert sorted(path.name for path in folder.iterdir()) == ["2-cache", "3-cache"]
