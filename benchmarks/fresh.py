"""One contender on one workload in a process of its own: first epoch, peak memory, final score.

Run by `measure.py`: reads a request as JSON from standard input, writes the result as JSON to standard output.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import memory
from benchmarks.contenders import CONTENDERS
from benchmarks.contenders.base import Job
from benchmarks.workloads import WORKLOADS, Data


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Train as requested; times in seconds, memory in bytes."""
    folder = Path(request["data"])
    data = Data(**{name: np.load(folder / f"{name}.npy") for name in ("x", "y", "x_valid", "y_valid")})
    contender = CONTENDERS[request["contender"]]
    contender.prepare()
    at_start = memory.start_peak()
    began = time.perf_counter()
    job = Job(WORKLOADS[request["workload"]], data, request["seed"], request["device"])
    training = contender.start(job, request["settings"])
    score = training.train(1)
    first_epoch = time.perf_counter() - began
    if request["epochs"] > 1:
        score = training.train(request["epochs"] - 1)
    return {
        "first_epoch": first_epoch,
        "peak": memory.peak(),
        "above_start": memory.peak() - at_start,
        "loss": score and score.loss,
        "accuracy": score and score.accuracy,
    }


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
