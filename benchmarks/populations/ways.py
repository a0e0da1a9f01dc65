"""Ways to train a population. Each returns the validation loss of every member it trained, in order."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.contenders import CONTENDERS
from benchmarks.contenders.keras_jax import build_sequential, compile_arguments
from benchmarks.populations.by_hand import THREADS, in_turn, stacked
from benchmarks.populations.tasks import Member, Task
from benchmarks.populations.torch_vmap import ensemble
from benchmarks.workloads import Data

Way = Callable[[Task, Data, Sequence[Member]], list[float]]


def population(task: Task, data: Data, members: Sequence[Member]) -> list[float]:
    """fitwell's Population."""
    import fitwell as fw

    first = task.job(members[0], data).workload

    def build(setting: dict[str, float]) -> fw.Model:
        import dataclasses

        workload = dataclasses.replace(first, **setting)
        model = build_sequential(fw, workload)
        model.compile(**compile_arguments(fw, workload))
        return model

    settings = list(dict.fromkeys((member.learning_rate, member.l2) for member in members))
    seeds = list(dict.fromkeys(member.seed for member in members))
    pop = fw.Population(build, [{"learning_rate": rate, "l2": l2} for rate, l2 in settings], seeds)
    rows = (
        {"splits": task.splits(len(data.x))}
        if task.folds
        else {"validation_data": (data.x_valid, data.y_valid)}
    )
    pop.fit(
        data.x, data.y, batch_size=task.workload.batch_size, epochs=task.workload.epochs, verbose=0, **rows
    )
    return [history.history["val_loss"][-1] for history in pop.history]


def population_stacked(task: Task, data: Data, members: Sequence[Member]) -> list[float]:
    """fitwell's Population, with the choice between vmap and threads overruled."""
    from fitwell.population.vmap_rule import use_vmap_rule

    with use_vmap_rule(lambda fit, members: True):
        return population(task, data, members)


def _one_by_one(name: str, settings: dict[str, int | str]) -> Way:
    def train(task: Task, data: Data, members: Sequence[Member]) -> list[float]:
        losses = []
        for member in members:
            score = CONTENDERS[name].start(task.job(member, data), settings).train(task.workload.epochs)
            assert score is not None
            losses.append(score.loss)
        return losses

    return train


def products(task: Task, data: Data, members: Sequence[Member]) -> list[float]:
    """The matrix products of the training steps and nothing else: nothing is learned or validated."""
    from benchmarks.contenders.floor import FloorTraining

    def share(part: Sequence[Member]) -> None:
        FloorTraining(task.job(part[0], data)).train(len(part) * task.workload.epochs)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(share, [members[thread::THREADS] for thread in range(THREADS)]))
    return []


# Peers run on one thread, at the settings that were fastest for networks of these sizes (RESULTS.md).
WAYS: dict[str, tuple[str, Way]] = {
    "population": ("fitwell Population", population),
    "population-stacked": ("fitwell Population, forced to use vmap", population_stacked),
    "loop": ("fitwell fit in a loop", _one_by_one("fitwell", {})),
    "by-hand-in-turn": ("hand-written JAX, one program, members one after another on 2 threads", in_turn),
    "by-hand-bare": (
        "hand-written JAX, one after another on 2 threads, only the validation loss recorded",
        functools.partial(in_turn, bare=True),
    ),
    "products": ("only the matrix products of training, on 2 threads", products),
    "by-hand-stacked": ("hand-written JAX with vmap", stacked),
    "torch-vmap": ("hand-written torch.func.vmap", ensemble),
    "keras": ("Keras (JAX)", _one_by_one("keras", {})),
    "keras-steps": (
        "Keras (JAX), steps_per_execution 128",
        _one_by_one("keras-steps", {"steps_per_execution": 128}),
    ),
    "pytorch": ("PyTorch (eager)", _one_by_one("pytorch", {"threads": 1, "gather": "epoch"})),
    "sklearn": ("scikit-learn", _one_by_one("sklearn", {"threads": 1})),
}
# Members that stand for all where all would take too long: the first is left out of the mean, for it compiles.
FRACTION = {"keras": 2, "keras-steps": 2, "pytorch": 2, "sklearn": 2}


def applies(way: str, task: Task) -> bool:
    """Whether the way says something about the task: products do where they take the time."""
    return way != "products" or not task.workload.fuse_loop


def imports(name: str) -> None:
    """Import what a way needs, so that imports are not timed."""
    if name.startswith(("by-hand", "products")):
        import jax  # noqa: F401
    elif name == "torch-vmap":
        import torch  # noqa: F401
    else:
        CONTENDERS["fitwell" if name.startswith(("population", "loop")) else name].prepare()


def finite_mean(losses: Sequence[float]) -> float:
    """Mean over the members that did not diverge."""
    return float(np.mean([loss for loss in losses if np.isfinite(loss)]))
