"""An ensemble in PyTorch as its documentation has it: torch.func.vmap over stacked parameters, eager."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.contenders.ceiling import initial_state
from benchmarks.populations.tasks import Member, Task
from benchmarks.workloads import ADAM_BETAS, ADAM_EPSILON, Data, Dense


def ensemble(task: Task, data: Data, members: Sequence[Member]) -> list[float]:
    """Train all members side by side; members of one seed and fold share their batches where all do."""
    import torch
    from torch.func import grad, vmap

    torch.set_num_threads(2)
    workload = task.workload
    parameters = _stacked([initial_state(workload, member.seed).parameters for member in members])
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    y = y.long() if workload.loss == "sparse_categorical_crossentropy" else y
    rates = torch.tensor([member.learning_rate for member in members])
    penalties = torch.tensor([member.l2 for member in members])
    rows, valid = _rows(task, data, members)
    shared = len({(member.seed, member.fold) for member in members}) == 1
    generators = [np.random.default_rng(member.seed) for member in members]

    def objective(weights: Any, inputs: Any, targets: Any, penalty: Any) -> Any:
        loss = _loss(workload, _forward(workload, weights, inputs), targets)
        return loss + penalty * sum((kernel**2).sum() for kernel in weights[::2])

    step = vmap(grad(objective), in_dims=(0, None if shared else 0, None if shared else 0, 0))
    first = [torch.zeros_like(p) for p in parameters]
    second = [torch.zeros_like(p) for p in parameters]
    count, size = 0, min(workload.batch_size, len(rows[0]))
    for _ in range(workload.epochs):
        chosen = rows[:1] if shared else rows
        order = torch.from_numpy(np.stack([g.permutation(r) for g, r in zip(generators, chosen)]))
        for batch in order.split(size, dim=1):
            batch = batch[0] if shared else batch
            gradients = step(tuple(parameters), x[batch], y[batch], penalties)
            count += 1
            with torch.no_grad():
                for i, (p, g) in enumerate(zip(parameters, gradients, strict=True)):
                    rate = rates.reshape(-1, *[1] * (p.ndim - 1))
                    if workload.optimizer == "sgd":
                        p.sub_(rate * g)
                        continue
                    first[i].lerp_(g, 1 - ADAM_BETAS[0])
                    second[i].lerp_(g * g, 1 - ADAM_BETAS[1])
                    scale = (1 - ADAM_BETAS[1] ** count) ** 0.5 / (1 - ADAM_BETAS[0] ** count)
                    p.sub_(rate * scale * first[i] / (second[i].sqrt() + ADAM_EPSILON))
        losses = _validate(task, parameters, valid, y.dtype)
    return [float(loss) for loss in losses]


def _stacked(states: Sequence[Any]) -> list[Any]:
    import torch

    flat = [[array for layer in state for array in (layer["kernel"], layer["bias"])] for state in states]
    return [
        torch.from_numpy(np.stack([np.asarray(array) for array in arrays]))
        for arrays in zip(*flat, strict=True)
    ]


def _rows(task: Task, data: Data, members: Sequence[Member]) -> tuple[list[Any], Any]:
    if not task.folds:
        return [np.arange(len(data.x))] * len(members), (data.x_valid[None], data.y_valid[None])
    splits = [task.splits(len(data.x))[member.fold or 0] for member in members]
    held_out = np.stack([valid for _, valid in splits])
    return [train for train, _ in splits], (data.x[held_out], data.y[held_out])


def _forward(workload: Any, weights: Any, x: Any) -> Any:
    for number, layer in enumerate(layer for layer in workload.layers if isinstance(layer, Dense)):
        x = x @ weights[2 * number] + weights[2 * number + 1]
        x = x.relu() if layer.relu else x
    return x


def _loss(workload: Any, outputs: Any, targets: Any) -> Any:
    from torch.nn import functional

    if workload.loss == "sparse_categorical_crossentropy":
        return functional.cross_entropy(outputs, targets)
    if workload.loss == "binary_crossentropy":
        return functional.binary_cross_entropy_with_logits(outputs, targets)
    return functional.mse_loss(outputs, targets)


def _validate(task: Task, parameters: Any, valid: Any, dtype: Any) -> Any:
    import torch
    from torch.func import vmap

    x, y = torch.from_numpy(valid[0]), torch.from_numpy(valid[1]).to(dtype)
    axis = 0 if task.folds else None
    x, y = (x, y) if task.folds else (x[0], y[0])

    def one(weights: Any, inputs: Any, targets: Any) -> Any:
        return _loss(task.workload, _forward(task.workload, weights, inputs), targets)

    with torch.no_grad():
        return vmap(one, in_dims=(0, axis, axis))(tuple(parameters), x, y)
