"""The ceiling: the fastest training loop we can write by hand in JAX.

Data stay on the device, the order of rows is drawn by NumPy on the host, whole epochs are one `lax.scan`, the state is
donated, the optimizer is written out. The last batch is padded with rows of weight zero, so it counts by its true size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmarks.contenders.base import Contender, Job, Score, Settings, Training
from benchmarks.contenders.xla import compile_program, prevent_loop_fusion
from benchmarks.workloads import (
    ADAM_BETAS,
    ADAM_EPSILON,
    BATCH_NORM_EPSILON,
    BATCH_NORM_MOMENTUM,
    BatchNorm,
    Dense,
    Workload,
)

if TYPE_CHECKING:
    import jax

    Parameters = list[dict[str, jax.Array]]


class State(NamedTuple):
    """All that changes while training."""

    parameters: Parameters
    moving: Parameters
    slots: Any
    step: jax.Array


class Totals(NamedTuple):
    """Sums over the rows of an epoch."""

    loss: jax.Array
    correct: jax.Array


def initial_state(workload: Workload, seed: int) -> State:
    """Weights drawn by NumPy: drawing them with JAX would compile a program for every shape."""
    generator = np.random.default_rng(seed)
    parameters: list[dict[str, np.ndarray]] = []
    moving: list[dict[str, np.ndarray]] = []
    width = workload.inputs
    for layer in workload.layers:
        if isinstance(layer, Dense):
            limit = np.sqrt(6 / (width + layer.units))
            kernel = generator.uniform(-limit, limit, (width, layer.units)).astype(np.float32)
            parameters.append({"kernel": kernel, "bias": np.zeros(layer.units, np.float32)})
            moving.append({})
            width = layer.units
        elif isinstance(layer, BatchNorm):
            parameters.append({"gamma": np.ones(width, np.float32), "beta": np.zeros(width, np.float32)})
            moving.append({"mean": np.zeros(width, np.float32), "variance": np.ones(width, np.float32)})
        else:
            parameters.append({})
            moving.append({})
    slots: Any = ()
    if workload.optimizer == "adam":
        slots = tuple(
            [{k: np.zeros_like(v) for k, v in layer.items()} for layer in parameters] for _ in range(2)
        )
    import jax

    state: State = jax.device_put((parameters, moving, slots, np.int32(0)))
    return State(*state)


class Program:
    """Whole epochs of one workload as a pure function of state, data and order.

    padded: whether the batches contain padding; found out when None. logs_penalty: whether the losses that come back
        contain the penalty, as in Keras.
    """

    def __init__(self, workload: Workload, padded: bool | None = None, logs_penalty: bool = True) -> None:
        self._workload = workload
        self._padded = padded
        self._logs_penalty = logs_penalty
        self._penalised = not (isinstance(workload.l2, float) and workload.l2 == 0)

    def _forward(
        self, parameters: Parameters, moving: Parameters, x: jax.Array, weights: Any, key: jax.Array
    ) -> tuple[jax.Array, Parameters]:
        """Outputs (logits) and new moving statistics in training, with `weights` (rows, 1) that sum to one."""
        import jax
        import jax.numpy as jnp

        moved: Parameters = []
        for index, layer in enumerate(self._workload.layers):
            values, old = parameters[index], moving[index]
            if isinstance(layer, Dense):
                x = x @ values["kernel"] + values["bias"]
                x = jax.nn.relu(x) if layer.relu else x
                moved.append({})
            elif isinstance(layer, BatchNorm):
                mean = jnp.sum(x * weights, axis=0)
                variance = jnp.sum(x * x * weights, axis=0) - mean * mean
                scale = values["gamma"] * jax.lax.rsqrt(variance + BATCH_NORM_EPSILON)
                x = x * scale + (values["beta"] - mean * scale)
                new = {"mean": mean, "variance": variance}
                moved.append({k: old[k] + (1 - BATCH_NORM_MOMENTUM) * (new[k] - old[k]) for k in new})
            else:
                keep = jax.random.bernoulli(jax.random.fold_in(key, index), 1 - layer.rate, x.shape)
                x = jnp.where(keep, x / (1 - layer.rate), 0)
                moved.append({})
        return x, moved

    def _infer(self, parameters: Parameters, moving: Parameters, x: jax.Array) -> jax.Array:
        import jax

        for layer, values, old in zip(self._workload.layers, parameters, moving, strict=True):
            if isinstance(layer, Dense):
                x = x @ values["kernel"] + values["bias"]
                x = jax.nn.relu(x) if layer.relu else x
            elif isinstance(layer, BatchNorm):
                scale = values["gamma"] * jax.lax.rsqrt(old["variance"] + BATCH_NORM_EPSILON)
                x = x * scale + (values["beta"] - old["mean"] * scale)
        return x

    def _losses(self, outputs: jax.Array, y: jax.Array) -> jax.Array:
        """Loss of every row, (rows,)."""
        import jax
        import jax.numpy as jnp

        if self._workload.loss == "sparse_categorical_crossentropy":
            # Chosen by a one-hot product: the gradient of an index would be a scatter, which stays a loop of its own.
            return -jnp.sum(jax.nn.log_softmax(outputs) * jax.nn.one_hot(y, outputs.shape[1]), axis=1)
        if self._workload.loss == "binary_crossentropy":
            return (jax.nn.softplus(outputs) - outputs * y)[:, 0]
        return jnp.square(outputs - y)[:, 0]

    def _penalty(self, parameters: Parameters) -> Any:
        import jax.numpy as jnp

        if not self._penalised:
            return 0.0
        return self._workload.l2 * sum(jnp.sum(jnp.square(p["kernel"])) for p in parameters if "kernel" in p)

    def _correct(self, outputs: jax.Array, y: jax.Array) -> jax.Array:
        """Whether each row is classified rightly, (rows,); all zeros for regression."""
        import jax.numpy as jnp

        if self._workload.loss == "sparse_categorical_crossentropy":
            return jnp.argmax(outputs, axis=1) == y
        if self._workload.loss == "binary_crossentropy":
            return ((outputs > 0) == (y > 0.5))[:, 0]
        return jnp.zeros(len(outputs))

    def _update(self, state: State, gradients: Parameters) -> tuple[Parameters, Any]:
        import jax
        import jax.numpy as jnp

        rate: Any = self._workload.learning_rate
        if self._workload.optimizer == "sgd":
            return jax.tree.map(lambda p, g: p - rate * g, state.parameters, gradients), ()
        beta_1, beta_2 = ADAM_BETAS
        step = (state.step + 1).astype(jnp.float32)
        rate = rate * jnp.sqrt(1 - beta_2**step) / (1 - beta_1**step)
        first = jax.tree.map(lambda m, g: m + (1 - beta_1) * (g - m), state.slots[0], gradients)
        second = jax.tree.map(lambda v, g: v + (1 - beta_2) * (g * g - v), state.slots[1], gradients)
        parameters = jax.tree.map(
            lambda p, m, v: p - rate * m / (jnp.sqrt(v) + ADAM_EPSILON), state.parameters, first, second
        )
        return parameters, (first, second)

    def _step(
        self, state: State, x: jax.Array, y: jax.Array, weights: Any, key: jax.Array
    ) -> tuple[State, Totals]:
        """One update; `weights` (rows,) are one for rows and zero for padding."""
        import jax
        import jax.numpy as jnp

        count = jnp.sum(weights)
        key = jax.random.fold_in(key, state.step)

        def objective(parameters: Parameters) -> tuple[jax.Array, tuple[Parameters, Totals]]:
            outputs, moved = self._forward(parameters, state.moving, x, (weights / count)[:, None], key)
            loss, penalty = jnp.sum(self._losses(outputs, y) * weights), self._penalty(parameters)
            logged = loss + penalty * count if self._logs_penalty else loss
            correct = jnp.sum(self._correct(outputs, y) * weights)
            return loss / count + penalty, (moved, Totals(logged, correct))

        gradients, (moved, totals) = jax.grad(objective, has_aux=True)(state.parameters)
        parameters, slots = self._update(state, gradients)
        # The number of the step, for that is needed whatever is made of the losses.
        number = state.step + 1 if self._workload.fuse_loop else prevent_loop_fusion(state.step + 1)
        return State(parameters, moved, slots, number), totals

    def epochs(
        self, state: State, train: tuple[Any, Any], valid: tuple[Any, Any], orders: Any, key: Any
    ) -> tuple[State, tuple[Totals, Totals]]:
        """Run one epoch for each of `orders` (epochs, steps, batch size), where -1 is padding.

        There is some when not told otherwise and the rows of `train` do not fill the batches.
        """
        import jax
        import jax.numpy as jnp

        x, y = train
        padded = bool(len(x) % orders.shape[-1]) if self._padded is None else self._padded

        def step(carry: tuple[State, Totals], rows: jax.Array) -> tuple[tuple[State, Totals], None]:
            state, totals = carry
            weights = (rows >= 0).astype(jnp.float32) if padded else jnp.ones(rows.shape)
            state, new = self._step(state, x[rows], y[rows], weights, key)
            return (state, jax.tree.map(jnp.add, totals, new)), None

        def epoch(state: State, order: jax.Array) -> tuple[State, tuple[Totals, Totals]]:
            (state, totals), _ = jax.lax.scan(step, (state, Totals(jnp.zeros(()), jnp.zeros(()))), order)
            outputs = self._infer(state.parameters, state.moving, valid[0])
            penalty = self._penalty(state.parameters) if self._logs_penalty else 0.0
            validation = Totals(
                jnp.mean(self._losses(outputs, valid[1])) + penalty,
                jnp.mean(self._correct(outputs, valid[1]), dtype=jnp.float32),
            )
            return state, (totals, validation)

        return jax.lax.scan(epoch, state, orders)


class CeilingTraining:
    """Dispatches epochs to compiled programs, one for each number of epochs that is asked for at once."""

    def __init__(self, job: Job) -> None:
        import jax

        workload, data, seed = job.workload, job.data, job.seed
        self._workload = workload
        self._rows = len(data.x)
        self._batch_size = min(workload.batch_size, self._rows)
        self._train, self._valid = jax.device_put(((data.x, data.y), (data.x_valid, data.y_valid)))
        self._state = initial_state(workload, seed)
        self._key = jax.device_put(np.array([0, seed], np.uint32))
        self._generator = np.random.default_rng(seed)
        self._compiled: dict[int, Any] = {}

    def _orders(self, epochs: int) -> np.ndarray:
        steps = -(-self._rows // self._batch_size)
        orders = np.full((epochs, steps * self._batch_size), -1, np.int32)
        rows = np.arange(self._rows, dtype=np.int32)
        for order in orders:
            order[: self._rows] = self._generator.permutation(rows)
        return orders.reshape(epochs, steps, self._batch_size)

    def _dispatch(self, epochs: int) -> Any:
        arguments = (self._state, self._train, self._valid, self._orders(epochs), self._key)
        if epochs not in self._compiled:
            self._compiled[epochs] = compile_program(
                Program(self._workload).epochs, *arguments, fuse_loop=self._workload.fuse_loop
            )
        self._state, logs = self._compiled[epochs](*arguments)
        return logs

    def train(self, epochs: int) -> Score:
        whole, rest = divmod(epochs, self._workload.epochs_per_dispatch)
        for length in [self._workload.epochs_per_dispatch] * whole + [1] * rest:
            _, validation = self._dispatch(length)
        accuracy = float(validation.correct[-1]) if self._workload.classifies else None
        return Score(float(validation.loss[-1]), accuracy)


class Ceiling(Contender):
    """The hand-written JAX scan."""

    name = "ceiling"
    title = "hand-written JAX scan"
    packages = ("jax",)

    def obstacle(self, workload: Workload) -> str | None:
        return "no convolutions" if workload.convolves else None

    def prepare(self) -> None:
        import jax  # noqa: F401

    def start(self, job: Job, settings: Settings) -> Training:
        return CeilingTraining(job)
