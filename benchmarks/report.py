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
    "of fitwell",
    "of hand-written",
    "first epoch, s",
    "peak memory, MiB",
    "validation loss",
    "accuracy, %",
)
PREAMBLE = """# Benchmarks

Written by `python -m benchmarks --write`; do not edit by hand.

- **Steady epoch**: training on every row once, in a new order, and one evaluation of all validation rows; for every
  contender alike. Timed as a fit of several epochs less a fit of one (so what a fit costs once, checking and moving
  data, does not count), after a fit that does not count. Contenders take turns; median, and the middle half of repeats.
- **Of fitwell, of hand-written**: ratios of the medians, contender over fitwell and contender over the hand-written
  JAX scan.
- **First epoch**: from building the network to the end of the first epoch with its evaluation, compilation included,
  imports not, data in memory; each in a process of its own, without a compilation cache on disk; median.
- **Peak memory**: largest resident memory of a whole run in a process of its own, and in brackets what came on top of
  the imports and the data; median.
- **Validation loss, accuracy**: at the end of the full run; mean over seeds for fitwell, one run for its peers.
- Peers run at the best of the settings named behind them, found by trial. Bare matrix products: forward, kernel
  gradient and input gradient of every dense layer, nothing else, in one compiled loop.
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
            f"epochs a timed fit: {lengths}. {datetime.now(UTC):%Y-%m-%d}, {processor()}; {installed}; `{command}`",
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
