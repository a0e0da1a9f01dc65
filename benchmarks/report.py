"""RESULTS.md: a section for each device, in it a table for each workload, replaced one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median, quantiles

from benchmarks.contenders.base import Device
from benchmarks.environment import processor, versions
from benchmarks.measure import Plan, Result
from benchmarks.workloads import WORKLOADS, Workload

RESULTS = Path(__file__).parent / "RESULTS.md"
DEVICES: dict[Device, str] = {"cpu": "CPU", "gpu": "GPU"}
COLUMNS = (
    "contender",
    "steady epoch, ms",
    "relative to fitwell",
    "relative to hand-written",
    "first epoch, s",
    "peak memory, MiB",
    "validation loss",
    "accuracy, %",
)
PREAMBLE = """# Benchmarks

Written by `python -m benchmarks --write`; do not edit by hand.

- **Steady epoch**: the time to train on every row once, in a new order, and to evaluate all validation rows once. The
  time of a one-epoch fit is subtracted from that of a longer fit, which excludes the fixed cost of a fit, such as
  checking and moving data. A warm-up fit is not counted. The procedure is the same for all contenders, which take
  turns. The table shows the median and, in parentheses, the interquartile range of the repeats.
- **Relative to fitwell, relative to hand-written**: the contender's median time divided by fitwell's, and divided by
  that of the hand-written JAX scan.
- **First epoch**: the time from building the network to the end of the first epoch with its evaluation. It includes
  compilation but not imports, and the data is already in memory. Each measurement runs in a separate process without
  a compilation cache on disk. The table shows the median.
- **Peak memory**: the largest resident memory of a full run in a separate process. The increase over the memory after
  the imports and loading the data is in parentheses. The table shows the median.
- **Validation loss, accuracy**: the values at the end of the full run, averaged over seeds for fitwell, and from a
  single run for its peers.
- Peers run with the fastest of their settings, which is determined by trial and shown after the name. "Bare matrix
  products" computes only the forward products, kernel gradients and input gradients of all dense layers, in one
  compiled loop.
"""


def _duration(seconds: Sequence[float]) -> str:
    milliseconds = [1e3 * value for value in seconds]
    if len(milliseconds) == 1:
        return f"{milliseconds[0]:.3g}"
    low, _, high = quantiles(milliseconds, n=4, method="inclusive")
    return f"{median(milliseconds):.3g} ({low:.3g} to {high:.3g})"


def _ratio(result: Result, reference: Result | None) -> str:
    if reference is None or not reference.steady:
        return ""
    return f"{median(result.steady) / median(reference.steady):.2f}"


def _mebibytes(sizes: Sequence[int]) -> str:
    return f"{median(sizes) / 2**20:.0f}"


def _row(result: Result, by_name: dict[str, Result]) -> list[str]:
    name = result.contender.title
    if result.settings:
        name += f" ({', '.join(f'{key} {value}' for key, value in result.settings.items())})"
    if result.obstacle:
        return [name, result.obstacle, *[""] * (len(COLUMNS) - 2)]
    return [
        name,
        _duration(result.steady),
        _ratio(result, by_name.get("fitwell")),
        _ratio(result, by_name.get("ceiling")),
        f"{median(result.first_epoch):.2f}" if result.first_epoch else "",
        f"{_mebibytes(result.peak)} (+{_mebibytes(result.above_start)})" if result.peak else "",
        f"{mean(result.losses):.4g}" if result.losses else "",
        f"{100 * mean(result.accuracies):.2f}" if result.accuracies else "",
    ]


def block(workload: Workload, results: Sequence[Result], plan: Plan, command: str) -> str:
    """The table of one workload, with what is needed to repeat it."""
    by_name = {result.contender.name: result for result in results}
    packages = [package for result in results if not result.obstacle for package in result.contender.packages]
    installed = ", ".join(f"{name} {version}" for name, version in versions(packages).items())
    lengths = ", ".join(f"{r.contender.name} {r.epochs_per_fit}" for r in results if r.epochs_per_fit)
    epochs, seeds = plan.epochs or workload.epochs, min(workload.score_seeds, plan.repeats)
    rows = [COLUMNS, ["---"] * len(COLUMNS), *(_row(result, by_name) for result in results)]
    return "\n".join(
        [
            f"### {workload.name}: {workload.title}",
            "",
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
            f"{plan.repeats} repeats; full runs of {epochs} epochs, {seeds} seed{'s' if seeds > 1 else ''}; "
            f"epochs per timed fit: {lengths}. {datetime.now(UTC):%Y-%m-%d}, {processor()}; {installed}; `{command}`",
        ]
    )


def _marked(device: Device, workload: str, text: str) -> str:
    return f"<!-- begin {device} {workload} -->\n{text}\n<!-- end {device} {workload} -->"


def write(blocks: dict[str, str], device: Device) -> None:
    """Replace these workloads' tables in RESULTS.md and keep the others."""
    old = RESULTS.read_text() if RESULTS.exists() else ""
    found = re.findall(r"<!-- begin (\w+) (\w+) -->\n(.*?)\n<!-- end \1 \2 -->", old, flags=re.DOTALL)
    kept = {(where, workload): text for where, workload, text in found}
    kept |= {(device, workload): text for workload, text in blocks.items()}
    parts = [PREAMBLE]
    for where, title in DEVICES.items():
        tables = [_marked(where, name, kept[where, name]) for name in WORKLOADS if (where, name) in kept]
        if tables:
            parts.append("\n\n".join([f"## {title}", *tables]) + "\n")
    RESULTS.write_text("\n".join(parts))
