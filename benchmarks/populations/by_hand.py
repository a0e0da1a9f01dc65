"""The best we can write by hand in JAX: one compiled program for all members, in turn on threads or stacked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchmarks.contenders.ceiling import Program, initial_state
from benchmarks.contenders.xla import compile_program
from benchmarks.populations.tasks import Member, Task
from benchmarks.workloads import Data

THREADS = 2


def _orders(task: Task, rows: np.ndarray, seed: int, epochs: int) -> np.ndarray:
    size = min(task.workload.batch_size, len(rows))
    steps = -(-len(rows) // size)
    orders = np.full((epochs, steps * size), -1, np.int32)
    tiled = np.tile(rows.astype(np.int32), (epochs, 1))
    orders[:, : len(rows)] = np.random.default_rng(seed).permuted(tiled, axis=1)
    return orders.reshape(epochs, steps, size)


def _run(task: Task, padded: bool, bare: bool) -> Any:
    """Whole epochs of one member, its rates and penalty being arguments; the learning curves come back.

    They are loss and accuracy, in training and validation, as in the history of the others. bare: the validation
    loss alone instead, without the penalty, so that XLA leaves the rest out.
    """
    penalised = any(member.l2 for member in task.members)

    def run(state: Any, train: Any, valid: Any, orders: Any, key: Any, rate: Any, l2: Any) -> Any:
        workload = dataclasses.replace(task.workload, learning_rate=rate, l2=l2 if penalised else 0.0)
        program = Program(workload, padded, logs_penalty=not bare)
        state, (training, validation) = program.epochs(state, train, valid, orders, key)
        return state, validation.loss, () if bare else (training, validation.correct)

    return run


def _arguments(task: Task, data: Data, member: Member) -> tuple[Any, ...]:
    """State, validation rows, numbers of the training rows, key, rate and penalty of one member."""
    valid, rows = (data.x_valid, data.y_valid), np.arange(len(data.x))
    if member.fold is not None:
        rows, held_out = task.splits(len(data.x))[member.fold]
        valid = (data.x[held_out], data.y[held_out])
    key = np.array([0, member.seed], np.uint32)
    state = initial_state(task.workload, member.seed)
    return state, valid, rows, key, np.float32(member.learning_rate), np.float32(member.l2)


def in_turn(task: Task, data: Data, members: Sequence[Member], bare: bool = False) -> list[float]:
    """One member after another, from beginning to end in one dispatch, on two threads."""
    import jax

    train = jax.device_put((data.x, data.y))
    padded = bool(_rows_of_a_member(task, data) % task.workload.batch_size)
    compiled: list[Any] = []

    def arguments(member: Member) -> tuple[Any, ...]:
        state, valid, rows, *numbers = _arguments(task, data, member)
        return state, train, valid, _orders(task, rows, member.seed, task.workload.epochs), *numbers

    def one(member: Member) -> float:
        return float(compiled[0](*arguments(member))[1][-1])

    compiled.append(
        compile_program(_run(task, padded, bare), *arguments(members[0]), fuse_loop=task.workload.fuse_loop)
    )
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, members))


def stacked(task: Task, data: Data, members: Sequence[Member]) -> list[float]:
    """All members at once, mapped over their states; one order of rows where all have the same seed and rows."""
    import jax

    train = jax.device_put((data.x, data.y))
    padded = bool(_rows_of_a_member(task, data) % task.workload.batch_size)
    parts = [_arguments(task, data, member) for member in members]
    shared = len({(member.seed, member.fold) for member in members}) == 1
    at_once = task.workload.epochs_per_dispatch
    mapped = jax.vmap(
        _run(task, padded, bare=False),
        in_axes=(0, None, 0 if task.folds else None, None if shared else 0, 0, 0, 0),
    )
    state, valid, keys, rates, penalties = (
        jax.tree.map(lambda *leaves: np.stack(leaves), *(part[i] for part in parts)) for i in (0, 1, 3, 4, 5)
    )
    valid = valid if task.folds else parts[0][1]
    run = None
    for number in range(task.workload.epochs // at_once):
        orders = [
            _orders(task, part[2], 1000 * number + m.seed, at_once)
            for part, m in zip(parts, members, strict=True)
        ]
        order = orders[0] if shared else np.stack(orders)
        arguments = (jax.device_put(state), train, valid, order, keys, rates, penalties)
        run = run or compile_program(mapped, *arguments, fuse_loop=task.workload.fuse_loop)
        state, losses, _ = run(*arguments)
    return [float(loss) for loss in losses[:, -1]]


def _rows_of_a_member(task: Task, data: Data) -> int:
    return len(data.x) * (task.folds - 1) // task.folds if task.folds else len(data.x)
