"""Command line: `python -m benchmarks`, from the root of the repository."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence

from benchmarks import report
from benchmarks.contenders import CONTENDERS
from benchmarks.environment import set_environment
from benchmarks.measure import Plan, measure
from benchmarks.workloads import WORKLOADS


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument(
        "--repeats", type=int, help="repeats of each measurement (default: 5, or 2 with --quick)"
    )
    parser.add_argument(
        "--epochs", type=int, help="number of epochs in the full run that determines the scores"
    )
    parser.add_argument(
        "--quick", action="store_true", help="measure roughly, with short fits and with scores after 2 epochs"
    )
    parser.add_argument("--device", choices=report.DEVICES, default="cpu")
    parser.add_argument("--write", action="store_true", help="write the tables to benchmarks/RESULTS.md")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    """Measure what was asked for, print the tables, and write them if asked; 1 if data were missing."""
    options = arguments(argv)
    set_environment(options.device)
    plan = Plan(
        repeats=options.repeats or (2 if options.quick else 5),
        seconds=0.5 if options.quick else 4.0,
        device=options.device,
        epochs=options.epochs or (2 if options.quick else None),
    )
    command = shlex.join(["python", "-m", "benchmarks", *argv])
    blocks: dict[str, str] = {}
    missing = False
    for name in options.workloads:
        workload = WORKLOADS[name]
        print(f"{name}: {workload.title}", flush=True)
        try:
            data = workload.load()
        except (ImportError, OSError) as error:
            print(f"  skipped, because its data cannot be loaded: {error}", file=sys.stderr)
            missing = True
            continue
        results = measure(workload, data, [CONTENDERS[key] for key in options.contenders], plan)
        blocks[name] = report.block(workload, results, plan, command)
        print(f"\n{blocks[name]}\n", flush=True)
        if options.write:
            report.write({name: blocks[name]}, options.device)
    return int(missing)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
