"""The floor below the ceiling: the matrix products of an epoch, and nothing else."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.contenders.base import Contender, Job, Settings, Training
from benchmarks.contenders.xla import compile_program, prevent_loop_fusion
from benchmarks.workloads import Dense, Workload

if TYPE_CHECKING:
    import jax


def products(state: Any, kernels: list[jax.Array], batches: jax.Array) -> tuple[list[jax.Array], jax.Array]:
    """Multiply forward and backward through the layers for every batch; returns the last kernel gradients."""
    import jax

    def step(state: Any, x: jax.Array) -> tuple[Any, None]:
        inputs = [x]
        for kernel in kernels:
            inputs.append(inputs[-1] @ kernel)
        gradient = inputs.pop()
        kernel_gradients = []
        for index in reversed(range(len(kernels))):
            kernel_gradients.append(inputs[index].T @ gradient)
            if index:
                gradient = gradient @ kernels[index].T
        return (kernel_gradients[::-1], prevent_loop_fusion(state[1])), None

    return jax.lax.scan(step, state, batches)[0]


class FloorTraining:
    """The products of each epoch, without the rows of a short last batch; nothing is learned."""

    def __init__(self, job: Job) -> None:
        import jax

        workload, x = job.workload, job.data.x
        rows = len(x) // workload.batch_size * workload.batch_size
        batches = x[:rows].reshape(-1, workload.batch_size, workload.inputs)
        generator = np.random.default_rng(job.seed)
        widths = [workload.inputs, *(layer.units for layer in workload.layers if isinstance(layer, Dense))]
        # Scaled so that products of products neither overflow nor become denormal numbers, which are slow.
        kernels = [
            (generator.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32)
            for shape in pairwise(widths)
        ]
        self._constants = jax.device_put((kernels, batches))
        self._state = jax.device_put(([np.zeros_like(kernel) for kernel in kernels], np.float32(0)))
        self._program = compile_program(products, self._state, *self._constants, fuse_loop=False)

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            self._state = self._program(self._state, *self._constants)
        self._state[1].block_until_ready()


class Floor(Contender):
    """Only for the workloads whose time is mostly matrix products."""

    name = "floor"
    title = "bare matrix products"
    packages = ("jax",)

    def obstacle(self, workload: Workload) -> str | None:
        if workload.convolves:
            return "its matrix products are part of convolutions"
        return "matrix products do not dominate the time" if workload.fuse_loop else None

    def prepare(self) -> None:
        import jax  # noqa: F401

    def start(self, job: Job, settings: Settings) -> Training:
        return FloorTraining(job)
