"""Measurements: steady epochs side by side in this process, and fresh processes for the rest.

Contenders take turns, so that a change in the machine's speed meets all of them, and the order of turns rotates.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.contenders.base import Contender, Device, Job, Settings, Training
from benchmarks.workloads import Data, Workload


@dataclass(frozen=True)
class Plan:
    """How much to measure. `seconds` is the most a timed fit shall last; `epochs` overrides the full run's length."""

    repeats: int
    seconds: float
    device: Device
    epochs: int | None


@dataclass
class Result:
    """One contender on one workload; `obstacle` says why there is nothing else. Times in seconds, memory in bytes."""

    contender: Contender
    obstacle: str | None = None
    settings: Settings = field(default_factory=dict)
    epochs_per_fit: int = 0
    steady: list[float] = field(default_factory=list)
    first_epoch: list[float] = field(default_factory=list)
    peak: list[int] = field(default_factory=list)
    above_start: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)


def _timed(training: Training, epochs: int) -> float:
    """Seconds an epoch, in one fit of `epochs` epochs."""
    began = time.perf_counter()
    training.train(epochs)
    return (time.perf_counter() - began) / epochs


def _timed_steady(training: Training, epochs: int) -> float:
    """Seconds an epoch without what each fit costs once (checking and moving data): a long fit less a short one."""
    short = _timed(training, 1)
    return (_timed(training, epochs + 1) * (epochs + 1) - short) / epochs


def _fit_length(estimate: float, workload: Workload, seconds: float) -> int:
    """The workload's longest fit if it fits into `seconds`, else the largest of 2, 5, 10, 20, 50... that does."""
    if workload.epochs_per_fit * estimate <= seconds:
        return workload.epochs_per_fit
    fitting = [
        length
        for scale in (1, 10, 100, 1000)
        for length in (2 * scale, 5 * scale, 10 * scale)
        if length * estimate <= seconds and length < workload.epochs_per_fit
    ]
    return max(fitting, default=min(2, workload.epochs_per_fit))


def _settle(training: Training, estimate: float, workload: Workload, seconds: float) -> int:
    """The length of the timed fits, after one such fit. A short trial counts a fit's fixed cost for too much, so the
    estimate is improved as long as that lets the fits grow.
    """
    length = _fit_length(estimate, workload, seconds)
    while True:
        training.train(length)
        longer = _fit_length(_timed(training, length), workload, seconds)
        if longer <= length:
            return length
        length = longer


def _choose(result: Result, job: Job) -> tuple[Training, float]:
    """Try each setting for a few epochs and keep the fastest, with its seconds an epoch."""
    best: tuple[float, Settings, Training] | None = None
    for settings in result.contender.settings(job.workload, job.device):
        training = result.contender.start(job, settings)
        training.train(1)
        # The better of two: the first may compile, and other work on the machine only ever slows a trial down.
        seconds = min(_timed(training, 2) for _ in range(2))
        if best is None or seconds < best[0]:
            best = (seconds, settings, training)
    if best is None:
        raise ValueError(f"{result.contender.name} offers no settings for {job.workload.name}")
    result.settings = best[1]
    return best[2], best[0]


def _failed(result: Result, error: Exception) -> None:
    """Leave a contender that fails out of the table, and say so; the others go on."""
    traceback.print_exception(error)
    result.obstacle = f"failed: {type(error).__name__}"


def _rotations(results: Sequence[Result], repeats: int) -> Iterator[Result]:
    for repeat in range(repeats):
        first = repeat % max(1, len(results))
        yield from (*results[first:], *results[:first])


def steady(results: Sequence[Result], job: Job, plan: Plan) -> None:
    """Time epochs within fits of several epochs, after one fit of the same length that does not count."""
    trainings: dict[str, Training] = {}
    for result in results:
        try:
            result.contender.prepare()
            training, estimate = _choose(result, job)
            result.epochs_per_fit = _settle(training, estimate, job.workload, plan.seconds)
            trainings[result.contender.name] = training
        except Exception as error:
            _failed(result, error)
    for result in _rotations([result for result in results if not result.obstacle], plan.repeats):
        result.steady.append(_timed_steady(trainings[result.contender.name], result.epochs_per_fit))


def _run_fresh(request: dict[str, Any]) -> dict[str, Any]:
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.fresh"],
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        text=True,
    )
    if process.returncode:
        raise RuntimeError(f"{request['contender']} on {request['workload']} failed in a process of its own")
    answer: dict[str, Any] = json.loads(process.stdout)
    return answer


def fresh(results: Sequence[Result], job: Job, plan: Plan) -> None:
    """First epoch, memory and score, each run in a process of its own: full runs first, then single epochs."""
    workload = job.workload
    with tempfile.TemporaryDirectory() as folder:
        for name, array in vars(job.data).items():
            np.save(Path(folder) / f"{name}.npy", array)
        for result in _rotations([result for result in results if not result.obstacle], plan.repeats):
            if result.obstacle:
                continue
            repeat = len(result.first_epoch)
            # Peers are scored once, to show that they compute the same thing; ours is averaged.
            full = repeat < (workload.score_seeds if result.contender.name == "fitwell" else 1)
            request = {
                "data": folder,
                "workload": workload.name,
                "contender": result.contender.name,
                "settings": dict(result.settings),
                "device": plan.device,
                "seed": repeat,
                "epochs": (plan.epochs or workload.epochs) if full else 1,
            }
            try:
                answer = _run_fresh(request)
            except RuntimeError as error:
                _failed(result, error)
                continue
            result.first_epoch.append(answer["first_epoch"])
            if full:
                result.peak.append(answer["peak"])
                result.above_start.append(answer["above_start"])
                if answer["loss"] is not None:
                    result.losses.append(answer["loss"])
                if answer["accuracy"] is not None:
                    result.accuracies.append(answer["accuracy"])


def measure(workload: Workload, data: Data, contenders: Sequence[Contender], plan: Plan) -> list[Result]:
    """Everything about one workload."""
    results = [Result(contender, contender.obstacle(workload)) for contender in contenders]
    job = Job(workload, data, seed=0, device=plan.device)
    able = [result for result in results if not result.obstacle]
    steady(able, job, plan)
    for result in able:
        if result.steady:
            print(f"  {result.contender.name}: {1e3 * median(result.steady):.3g} ms an epoch", flush=True)
    fresh(able, job, plan)
    return results
