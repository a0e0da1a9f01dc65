"""PyTorch, eager: tensors loaded beforehand, batches by index, no DataLoader."""

from __future__ import annotations

from itertools import product
from typing import Any

from benchmarks.contenders.base import Contender, Device, Job, Score, Settings, Training
from benchmarks.workloads import (
    ADAM_BETAS,
    ADAM_EPSILON,
    BATCH_NORM_EPSILON,
    BATCH_NORM_MOMENTUM,
    BatchNorm,
    Convolution,
    Dropout,
    Image,
    MaxPool,
    Workload,
)


def _network(workload: Workload) -> Any:
    from torch import nn

    modules: list[nn.Module] = []
    width = workload.inputs
    size = (1, 1)  # of the images
    for layer in workload.layers:
        if isinstance(layer, BatchNorm):
            # PyTorch's momentum is the weight of the new value, Keras's that of the old one.
            modules.append(nn.BatchNorm1d(width, eps=BATCH_NORM_EPSILON, momentum=1 - BATCH_NORM_MOMENTUM))
        elif isinstance(layer, Dropout):
            modules.append(nn.Dropout(layer.rate))
        elif isinstance(layer, Image):
            width, size = 1, (layer.height, layer.width)
            modules.append(nn.Unflatten(1, (width, *size)))
        elif isinstance(layer, Convolution):
            modules += [_glorot(nn.Conv2d(width, layer.filters, layer.size)), nn.ReLU()]
            width, size = layer.filters, (size[0] - layer.size + 1, size[1] - layer.size + 1)
        elif isinstance(layer, MaxPool):
            modules.append(nn.MaxPool2d(layer.size))
            size = (size[0] // layer.size, size[1] // layer.size)
        else:
            if size != (1, 1):
                modules.append(nn.Flatten())
                width, size = width * size[0] * size[1], (1, 1)
            modules.append(_glorot(nn.Linear(width, layer.units)))
            if layer.relu:
                modules.append(nn.ReLU())
            width = layer.units
    return nn.Sequential(*modules)


def _glorot(module: Any) -> Any:
    from torch import nn

    nn.init.xavier_uniform_(module.weight)
    nn.init.zeros_(module.bias)
    return module


class TorchTraining:
    """The loop a careful PyTorch user writes: no synchronisation within an epoch, metrics kept in tensors."""

    def __init__(self, job: Job, settings: Settings) -> None:
        import torch
        from torch.nn import functional

        workload, data = job.workload, job.data
        torch.manual_seed(job.seed)
        self._torch = torch
        self._workload = workload
        self._settings = settings
        self._device = "cuda" if job.device == "gpu" else "cpu"
        self._x, self._y, self._x_valid, self._y_valid = (
            torch.from_numpy(array).to(self._device) for array in (data.x, data.y, data.x_valid, data.y_valid)
        )
        if workload.loss == "sparse_categorical_crossentropy":
            self._y, self._y_valid = self._y.long(), self._y_valid.long()
        self._network = _network(workload).to(self._device)
        self._loss: Any = {
            "sparse_categorical_crossentropy": functional.cross_entropy,
            "binary_crossentropy": functional.binary_cross_entropy_with_logits,
            "mse": functional.mse_loss,
        }[workload.loss]
        kernels = [parameter for parameter in self._network.parameters() if parameter.ndim > 1]
        others = [parameter for parameter in self._network.parameters() if parameter.ndim <= 1]
        # The gradient of l2 w² is 2 l2 w.
        parameters = [{"params": kernels, "weight_decay": 2 * workload.l2}, {"params": others}]
        if workload.optimizer == "sgd":
            self._optimizer: Any = torch.optim.SGD(parameters, lr=workload.learning_rate, fused=True)
        else:
            self._optimizer = torch.optim.Adam(
                parameters, lr=workload.learning_rate, betas=ADAM_BETAS, eps=ADAM_EPSILON, fused=True
            )

    def _correct(self, outputs: Any, targets: Any) -> Any:
        if self._workload.loss == "sparse_categorical_crossentropy":
            return (outputs.argmax(1) == targets).sum()
        return ((outputs > 0) == (targets > 0.5)).sum()

    def _batches(self) -> Any:
        """Pairs of inputs and targets in a new order; gathered for the whole epoch at once, or batch by batch."""
        order = self._torch.randperm(len(self._x), device=self._device)
        size = self._workload.batch_size
        if self._settings["gather"] == "epoch":
            return zip(self._x[order].split(size), self._y[order].split(size), strict=True)
        return ((self._x[rows], self._y[rows]) for rows in order.split(size))

    def _train_epoch(self) -> None:
        self._network.train()
        loss_sum = self._torch.zeros((), device=self._device)
        correct = self._torch.zeros((), dtype=self._torch.int64, device=self._device)
        for x, y in self._batches():
            self._optimizer.zero_grad()
            outputs = self._network(x)
            loss = self._loss(outputs, y)
            loss.backward()
            self._optimizer.step()
            loss_sum += loss.detach() * len(x)
            if self._workload.classifies:
                correct += self._correct(outputs.detach(), y)

    def _evaluate(self) -> Score:
        self._network.eval()
        with self._torch.inference_mode():
            outputs = self._network(self._x_valid)
            loss = float(self._loss(outputs, self._y_valid))
            if not self._workload.classifies:
                return Score(loss, None)
            return Score(loss, float(self._correct(outputs, self._y_valid)) / len(outputs))

    def train(self, epochs: int) -> Score:
        self._torch.set_num_threads(int(self._settings["threads"]))
        for _ in range(epochs):
            self._train_epoch()
            score = self._evaluate()
        return score


class PyTorch(Contender):
    """Eager PyTorch with fused optimizers; threads and the way of gathering are chosen by trial."""

    name = "pytorch"
    title = "PyTorch (eager)"
    packages = ("torch",)

    def settings(self, workload: Workload, device: Device) -> tuple[Settings, ...]:
        return tuple(
            {"threads": threads, "gather": gather} for threads, gather in product((1, 2), ("batch", "epoch"))
        )

    def prepare(self) -> None:
        import torch  # noqa: F401

    def start(self, job: Job, settings: Settings) -> Training:
        return TorchTraining(job, settings)
