"""One run in a fresh process, which prints the record as JSON in the last line.

``python -m benchmarks.tables.fresh TABLE SPLIT CONTENDER [CORE]``
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from typing import Any


def processor_seconds() -> float:
    """Return the processor time of this process and of the processes that it has started and awaited."""
    usages = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def commit() -> str:
    """Return the commit of this repository, with a mark if files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    folder = Path(__file__).parent
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown commit"


def measure(table: str, split: int, contender: str) -> dict[str, Any]:
    """Train and predict once; a failure is a record too."""
    from benchmarks.tables.contenders import CONTENDERS
    from benchmarks.tables.part import make_part
    from benchmarks.tables.scores import constant_score, score
    from benchmarks.tables.tables import TABLES

    record: dict[str, Any] = {"table": table, "split": split, "contender": contender}
    part, y = make_part(TABLES[table], split)
    num_classes = len(part.labels)
    if CONTENDERS[contender].is_fitwell:
        record["commit"] = commit()
    record["constant"] = constant_score(part.y, y, num_classes)
    try:
        CONTENDERS[contender].prepare()
        wall, processor = time.perf_counter(), processor_seconds()
        predictions = CONTENDERS[contender].run(part)
        record["wall"] = time.perf_counter() - wall
        record["processor"] = processor_seconds() - processor
        record |= score(y, predictions, num_classes)
    except Exception as error:  # a failure of a contender is a result
        traceback.print_exc()
        record["failure"] = f"{type(error).__name__}: {error}"[:500]
    return record


def main(argv: Sequence[str]) -> None:
    """Run on one core if it is given, and print the record."""
    if len(argv) > 3 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(argv[3])})
    warnings.simplefilter("ignore")
    with TemporaryDirectory() as folder:
        os.chdir(folder)  # CatBoost and Lightning leave files
        record = measure(argv[0], int(argv[1]), argv[2])
        os.chdir("/")
    print("\n" + json.dumps(record), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
