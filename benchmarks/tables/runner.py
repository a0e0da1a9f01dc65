"""Run what is missing, each run in a fresh process on one core, and append each record to a file at once."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from benchmarks.environment import XLA_FLAGS

ROOT = Path(__file__).resolve().parents[2]
Key = tuple[str, int, str]
Records = dict[Key, dict[str, Any]]


def read(path: Path) -> Records:
    """Return the records of a file by table, division and contender; the last of equal ones counts."""
    if not path.exists():
        return {}
    records: Records = {}
    for line in path.read_text().splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:  # a line that an interruption cut off
            continue
        records[record["table"], record["split"], record["contender"]] = record
    return records


def missing(keys: Iterable[Key], records: Records, retry: bool) -> Iterator[Key]:
    """Yield the runs without a record, and with `retry` those that failed."""
    for key in keys:
        if key not in records or (retry and "failure" in records[key]):
            yield key


def one_thread() -> dict[str, str]:
    """Return an environment in which NumPy, PyTorch, OpenMP and XLA use one thread, and nothing compiled is reused."""
    threads = dict.fromkeys(("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"), "1")
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return os.environ | {
        **{f"{name}_NUM_THREADS": value for name, value in threads.items()},
        "XLA_FLAGS": f"{XLA_FLAGS} --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
        "JAX_PLATFORMS": "cpu",
        "JAX_ENABLE_COMPILATION_CACHE": "false",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONPATH": path,
    }


def run_fresh(key: Key, core: int, timeout: float, running: set[subprocess.Popen[str]]) -> dict[str, Any]:
    """Run once in a fresh process, listed in `running` meanwhile; every failure becomes a record."""
    table, split, contender = key
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.tables.fresh", table, str(split), contender, str(core)],
        cwd=ROOT,
        env=one_thread(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    running.add(process)
    record: dict[str, Any] = {"table": table, "split": split, "contender": contender}
    try:
        output, errors = process.communicate(timeout=timeout)
        return json.loads(output.splitlines()[-1])
    except subprocess.TimeoutExpired:
        stop(process)
        failure = f"took longer than {timeout:.0f} s"
    except (IndexError, json.JSONDecodeError):
        failure = f"exit status {process.returncode}: {' '.join(errors.split())[-300:]}"
    finally:
        running.discard(process)
    return record | {"failure": failure}


def stop(process: subprocess.Popen[str]) -> None:
    """End a process and the processes that it has started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def cores(workers: int) -> list[int]:
    """Return a core for each worker; workers share cores if there are more of them."""
    found = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    return [found[number % len(found)] for number in range(workers)]


def run_all(keys: Sequence[Key], path: Path, workers: int, timeout: float) -> None:
    """Run all of `keys` and append the records to `path`. Ctrl-C keeps the finished ones and ends the others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.read_text().endswith("\n"):
        with path.open("a") as file:  # an interruption cut off the last line
            file.write("\n")
    free: queue.SimpleQueue[int] = queue.SimpleQueue()
    for core in cores(workers):
        free.put(core)
    running: set[subprocess.Popen[str]] = set()

    def run(key: Key) -> dict[str, Any]:
        core = free.get()
        try:
            return run_fresh(key, core, timeout, running)
        finally:
            free.put(core)

    began = time.monotonic()
    pool = ThreadPoolExecutor(workers)
    futures = [pool.submit(run, key) for key in keys]
    try:
        for number, future in enumerate(as_completed(futures), 1):
            record = future.result()
            with path.open("a") as file:
                file.write(json.dumps(record) + "\n")
            print(f"{number} of {len(keys)}, {time.monotonic() - began:.0f} s: {_line(record)}", flush=True)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in list(running):
            stop(process)


def _line(record: dict[str, Any]) -> str:
    where = f"{record['table']} {record['split']} {record['contender']}"
    if "failure" in record:
        return f"{where}: {record['failure']}"
    return f"{where}: error {record['error']:.4g}, {record['processor']:.1f} processor s"
