"""The cache of compiled programs on disk, with which the second run of a program starts at once."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import stat
from pathlib import Path

import jax

__all__ = ["enable_disk_cache", "enable_disk_cache_once"]

# When a process starts, it deletes the least recently used programs beyond this size.
MAX_BYTES = 512 * 2**20
# Programs that compile faster than this are not stored.
MIN_COMPILE_SECONDS = 0.0


def enable_disk_cache() -> Path | None:
    """Let JAX store compiled programs on disk, and read them instead of compiling again.

    The folder is ``compiled`` in `$FITWELL_CACHE`, whose default is ``~/.cache/fitwell``. ``FITWELL_COMPILE_CACHE=0``
    turns the cache off. A stored program is native code, so the cache is not used if another user owns the folder or
    could write to it. It is also not used if the folder cannot be created, or if JAX already has such a cache.
    A program is only read by the JAX version and the kind of processor that it was compiled for.

    Returns:
        The folder, or None if the cache is not used.
    """
    if os.environ.get("FITWELL_COMPILE_CACHE", "1") in ("", "0") or _jax_has_cache():
        return None
    root = Path(os.environ.get("FITWELL_CACHE") or "~/.cache/fitwell").expanduser()
    folder = root / "compiled" / _processor_digest()
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not _is_safe_parent(root):
            return None
        # `mkdir` applies its mode to the last folder only, and the umask would decide about the others.
        for path in (folder.parent, folder):
            path.mkdir(mode=0o700, exist_ok=True)
            if not _is_private(path):
                return None
        _prune(folder.parent)
    except OSError:
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", MIN_COMPILE_SECONDS)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    return folder


@functools.cache
def enable_disk_cache_once() -> None:
    """Call `enable_disk_cache` on the first call in this process. Later calls do nothing."""
    enable_disk_cache()


def _jax_has_cache() -> bool:
    return bool(getattr(jax.config, "jax_compilation_cache_dir", None))


def _processor_digest() -> str:
    """Return a digest of the processor's instructions, because XLA compiles for the processor that it runs on."""
    description = f"{platform.machine()} {platform.processor()}"
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        description += "".join(
            sorted(
                {line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))}
            )
        )
    return hashlib.sha256(description.encode()).hexdigest()[:16]


def _is_private(folder: Path) -> bool:
    """Return whether the folder belongs to this user, and no other user may write to it."""
    if not hasattr(os, "getuid"):
        return True  # the profile folder on Windows is private
    status = folder.lstat()
    is_own_folder = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    return is_own_folder and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _is_safe_parent(folder: Path) -> bool:
    """Return whether no user outside the group can replace a folder in `folder`.

    The user's group may write to it, because some systems give each user a separate group and let it write by default.
    """
    mode = folder.stat().st_mode
    return not mode & stat.S_IWOTH or bool(mode & stat.S_ISVTX)


def _prune(folder: Path) -> None:
    """Delete the least recently used programs of all versions until the rest takes at most `MAX_BYTES`."""
    found = []
    for path in folder.glob("*/*"):
        with contextlib.suppress(OSError):  # another process may have deleted it
            status = path.stat()
            found.append((max(status.st_atime, status.st_mtime), status.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= MAX_BYTES:
            break
        path.unlink(missing_ok=True)
        total -= size
