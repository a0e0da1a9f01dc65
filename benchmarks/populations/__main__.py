"""Command line: `python -m benchmarks.populations`, from the root of the repository.

Every run uses a separate process without a compilation cache on disk. Times begin after the imports, with the data in
memory, and end when the last member is trained. Peers that train one network after another would take minutes to
hours. Therefore only three of their members are timed, and the total time is extrapolated. The first member is timed
separately, because it may require compilation. As in Keras, the losses of fitwell and of the hand-written JAX loops
include the penalty. These loops also record the same values as fitwell, which are the loss and accuracy of every
epoch in training and validation. One row and torch.func.vmap record only the validation loss without the penalty. If
matrix products dominate the time, a row shows their time alone. Any training that computes the same products with
XLA, one network after another, takes at least this long.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.environment import processor, versions
from benchmarks.populations.tasks import TASKS, Task
from benchmarks.populations.ways import FRACTION, WAYS, applies, finite_mean

RESULTS = Path(__file__).parent / "RESULTS.md"
PROCESSES = 2


def _begin(task: Task, way: str, *members: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.populations.fresh", task.name, way, *map(str, members)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _end(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{process.args} failed")
    found: dict[str, Any] = json.loads(output)
    return found


def reckon(seconds: Sequence[float], members: int) -> float:
    """Time of `members` from that of the first few: the first once, the others at their mean."""
    return seconds[0] + (members - 1) * mean(seconds[1:])


Row = tuple[str, float, dict[str, Any]]


def measure(task: Task, way: str) -> list[Row]:
    """Title, seconds and details of one way; of a peer, of which a few members are trained, alone and in processes."""
    title = WAYS[way][0]
    if way not in FRACTION:
        run = _end(_begin(task, way))
        return [(title, run["seconds"][0], run)]
    members, timed = len(task.members), FRACTION[way] + 1
    alone = _end(_begin(task, way, 0, timed))
    pair = [_begin(task, way, i * members // PROCESSES, timed) for i in range(PROCESSES)]
    shared = [reckon(_end(process)["seconds"], members // PROCESSES) for process in pair]
    note = f"{title}, extrapolated from {timed} members"
    return [
        (f"{note}, one by one", reckon(alone["seconds"], members), alone),
        (f"{note}, in {PROCESSES} processes", max(shared), alone),
    ]


def medians(task: Task, ways: Sequence[str], repeats: int) -> list[Row]:
    """The rows of all ways, measured in turn, for the machine changes its pace."""
    rounds = []
    for number in range(repeats):
        rounds.append([row for way in ways if applies(way, task) for row in measure(task, way)])
        print(f"{task.name}: {number + 1} of {repeats} repeats", file=sys.stderr, flush=True)
    return [(same[0][0], median(row[1] for row in same), same[0][2]) for same in zip(*rounds, strict=True)]


def table(task: Task, ways: Sequence[str], repeats: int) -> str:
    """The table of one task."""
    rows = medians(task, ways, repeats)
    ours = next((seconds for title, seconds, _ in rows if title == WAYS["population"][0]), None)
    lines = [
        f"### {task.name}: {task.title}",
        "",
        "| method | total, s | relative to Population | peak memory, MiB | mean validation loss |",
        "| --- | --- | --- | --- | --- |",
    ]
    for title, seconds, run in rows:
        ratio = "" if ours is None else f"{seconds / ours:.2f}"
        whole = len(run["losses"]) == len(task.members)
        memory = f"{run['peak'] / 2**20:.0f} (+{run['above'] / 2**20:.0f})" if whole else ""
        loss = f"{finite_mean(run['losses']):.4g}" if whole else ""
        lines.append(f"| {title} | {seconds:.3g} | {ratio} | {memory} | {loss} |")
    installed = ", ".join(
        f"{name} {version}" for name, version in versions(["jax", "keras", "torch"]).items()
    )
    lines += [
        "",
        f"Median of {repeats} repeats, in which the methods took turns. "
        f"{datetime.now(UTC):%Y-%m-%d}, {processor()}; {installed}",
    ]
    return "\n".join(lines)


def main(argv: Sequence[str]) -> None:
    """Measure, print, and write if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.populations", description=__doc__)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--write", action="store_true", help="write the tables to benchmarks/populations/RESULTS.md"
    )
    options = parser.parse_args(argv)
    for name in options.tasks:
        found = table(TASKS[name], options.ways, options.repeats)
        print(found + "\n", flush=True)
        if options.write:
            write(name, found)


def write(task: str, found: str) -> None:
    """Put the table of one task into RESULTS.md and keep the others."""
    assert __doc__ is not None
    heading = (
        "# Populations\n\nWritten by `python -m benchmarks.populations --write`; do not edit by hand.\n\n"
    )
    parts = RESULTS.read_text().split("\n### ")[1:] if RESULTS.exists() else []
    tables = {part.partition(":")[0]: f"### {part.strip()}" for part in parts} | {task: found}
    body = "\n\n".join(tables[name] for name in TASKS if name in tables)
    RESULTS.write_text(f"{heading}{__doc__.partition(chr(10) * 2)[2]}\n{body}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
