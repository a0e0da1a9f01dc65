"""Small problems, and runs of our optimizers on them as in the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from fitwell._variables import named_hyperparameters, stateless_scope

Arrays = dict[str, Any]


class Problem:
    """Mean squared error of ``X W + b``: parameters ``dense/kernel``, ``dense/bias``.

    The start is 3 from the targets' own weights, so that no component of a gradient comes near zero: there
    RMSprop and its like, which divide by its size, make much of its last bits.
    """

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        self.inputs = rng.normal(size=(20, 5)).astype(np.float32)
        self.targets = rng.normal(size=(20, 3)).astype(np.float32)
        self.start = {
            "dense/kernel": rng.normal(size=(5, 3)).astype(np.float32),
            "dense/bias": rng.normal(size=(3,)).astype(np.float32),
        }
        kernel, bias = (value + 3 * np.sign(value) for value in self.start.values())
        self.targets = (self.inputs @ kernel + bias + 0.1 * self.targets).astype(np.float32)

    def gradients(self, parameters: Arrays, step: Any) -> Arrays:
        """Return the gradients of the loss."""
        errors = self.inputs @ parameters["dense/kernel"] + parameters["dense/bias"] - self.targets
        scale = 2 / errors.size
        return {"dense/kernel": scale * self.inputs.T @ errors, "dense/bias": scale * errors.sum(0)}


@pytest.fixture(scope="session")
def problem() -> Problem:
    return Problem()


class Stream(Problem):
    """Gradients that do not depend on the weights, so that roundings cannot feed on themselves."""

    def __init__(self, steps: int = 30) -> None:
        super().__init__()
        rng = np.random.default_rng(8)
        self.given = {path: rng.normal(size=(steps, *p.shape), scale=0.3) for path, p in self.start.items()}
        self.given = {path: (0.2 + g).astype(np.float32) for path, g in self.given.items()}

    def gradients(self, parameters: Arrays, step: Any) -> Arrays:
        """Return the gradients given for `step`."""
        return {path: jnp.asarray(self.given[path])[step] for path in parameters}


@pytest.fixture(scope="session")
def stream() -> Stream:
    return Stream()


@pytest.fixture(scope="session")
def run() -> Callable[..., Any]:
    """Return ``run(optimizer, gradients, start, steps)``: parameters and slots after a compiled loop.

    Every hyperparameter is bound to a traced value, and parameters and slots are carried, as in the engine.
    """

    def run(
        optimizer: Any, gradients: Callable[[Arrays, Any], Arrays], start: Arrays, steps: int
    ) -> tuple[Arrays, Arrays]:
        cells = named_hyperparameters(optimizer)

        @jax.jit
        def loop(values: Arrays, parameters: Arrays, slots: Arrays) -> tuple[Arrays, Arrays]:
            with stateless_scope({cells[path]: value for path, value in values.items()}):

                def body(step: Any, carry: tuple[Arrays, Arrays]) -> tuple[Arrays, Arrays]:
                    parameters, slots = carry
                    return optimizer.update(gradients(parameters, step), slots, parameters, step)

                return lax.fori_loop(jnp.int32(0), jnp.int32(steps), body, (parameters, slots))

        values = {path: jnp.asarray(cell.as_array()) for path, cell in cells.items()}
        return loop(values, start, optimizer.init(start))

    return run
