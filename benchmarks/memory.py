"""Memory of this process, in bytes."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def _from_status(field: str) -> int | None:
    if not _STATUS.exists():
        return None
    for line in _STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return None


def start_peak() -> int:
    """Forget the peak so far where the system can, and return the memory in use."""
    if _CLEAR.exists():
        _CLEAR.write_text("5")
    return _from_status("VmRSS") or peak()


def peak() -> int:
    """Largest resident memory since the start, or since `start_peak`.

    Linux's own mark is preferred: `getrusage` of a child begins with the size of the process that started it.
    """
    mark = _from_status("VmHWM")
    if mark is not None:
        return mark
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
