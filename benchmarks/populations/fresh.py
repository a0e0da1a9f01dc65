"""One way of training one population in a process of its own; prints seconds and losses as JSON.

``python -m benchmarks.populations.fresh W6 population [first member] [members]``
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

from benchmarks.environment import set_environment


def main(argv: Sequence[str]) -> None:
    """Train and print; without numbers of members all of them, else so many from the first on, each timed."""
    set_environment("cpu")
    from benchmarks import memory
    from benchmarks.populations.tasks import TASKS
    from benchmarks.populations.ways import WAYS, imports

    task, name = TASKS[argv[0]], argv[1]
    data = task.load()
    imports(name)
    start = memory.start_peak()
    parts = [task.members]
    if len(argv) > 2:
        first, count = int(argv[2]), int(argv[3])
        parts = [(member,) for member in task.members[first : first + count]]
    seconds, losses = [], []
    for part in parts:
        began = time.perf_counter()
        losses += WAYS[name][1](task, data, part)
        seconds.append(time.perf_counter() - began)
    json.dump(
        {"seconds": seconds, "losses": losses, "peak": memory.peak(), "above": memory.peak() - start},
        sys.stdout,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
