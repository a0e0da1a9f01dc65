"""Command line: `python -m benchmarks.tables`, from the root of the repository.

Each run of a contender on a division of a table takes a fresh process and adds one line to the file of `--results`.
Runs that are in the file are skipped, so an interrupted benchmark resumes where it stopped. After a change of fitwell,
use another file, or copy the lines of the peers: `grep -v '"contender": "fitwell' OLD > NEW`.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.tables import runner
from benchmarks.tables.collect import collect
from benchmarks.tables.contenders import CONTENDERS
from benchmarks.tables.page import PAGE, page
from benchmarks.tables.tables import BENCHMARK, DEVELOPMENT, TABLES

RESULTS = runner.ROOT / "runs" / "bench-tables.jsonl"
SPLITS = 5


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tables", nargs="+", choices=TABLES, metavar="TABLE", help="(default: BENCHMARK)")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--splits", type=int, default=SPLITS, help=f"divisions (default: {SPLITS})")
    parser.add_argument(
        "--development", action="store_true", help="run the tables on which to choose defaults"
    )
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="file of records (default: %(default)s)"
    )
    parser.add_argument("--workers", type=int, default=1, help="runs side by side, a core each (default: 1)")
    parser.add_argument(
        "--timeout", type=float, default=10_800.0, help="seconds a run may take (default: 10800)"
    )
    parser.add_argument("--retry", action="store_true", help="repeat runs that failed")
    parser.add_argument("--write", action="store_true", help="write benchmarks/TABLES.md")
    options = parser.parse_args(argv)
    chosen = options.tables or [table.name for table in (DEVELOPMENT if options.development else BENCHMARK)]
    options.tables = [TABLES[name] for name in chosen]
    if options.write and any(table in DEVELOPMENT for table in options.tables):
        parser.error(
            "--write is for the tables of BENCHMARK; those of DEVELOPMENT served to choose the defaults"
        )
    return options


def main(argv: Sequence[str]) -> int:
    """Run what is missing, print the page, and write it if requested; 130 after Ctrl-C."""
    options = arguments(argv)
    contenders = [CONTENDERS[name] for name in options.contenders]
    splits = range(options.splits)
    # Division by division, so that an interruption leaves whole divisions.
    keys = [
        (table.name, split, other.name)
        for split in splits
        for table in options.tables
        for other in contenders
    ]
    todo = list(runner.missing(keys, runner.read(options.results), options.retry))
    print(f"{len(todo)} of {len(keys)} runs to do", flush=True)
    try:
        runner.run_all(todo, options.results, options.workers, options.timeout)
    except KeyboardInterrupt:
        print(f"interrupted; the same command resumes from {options.results}", file=sys.stderr)
        return 130
    results = collect(runner.read(options.results), options.tables, contenders, splits)
    is_whole = (
        options.tables == list(BENCHMARK) and len(contenders) == len(CONTENDERS) and options.splits >= SPLITS
    )
    command = shlex.join(["python", "-m", "benchmarks.tables", *argv])
    text = page(results, options.tables, command, is_whole)
    print(f"\n{text}", flush=True)
    if options.write:
        PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
