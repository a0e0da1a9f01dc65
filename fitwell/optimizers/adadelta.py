"""Adadelta."""

from __future__ import annotations

from typing import Any, Unpack

import jax.numpy as jnp

from fitwell.optimizers.base import Optimizer, optimizer_registry
from fitwell.optimizers.deprecated_arguments import epsilon_or_default
from fitwell.optimizers.pure_optimizer import Array, Arrays, OptimizerOptions, ScalarOrSchedule
from fitwell.optimizers.scheduled_hyperparameters import StepHyperparameters


@optimizer_registry.register()
class Adadelta(Optimizer):
    """Adadelta: ``s = ρ s + (1 - ρ) g²; d = -g sqrt(u + ε) / sqrt(s + ε); u = ρ u + (1 - ρ) d²; θ += η d``.

    At η = 1, the paper's rule, there is no learning rate to choose: the size of a step comes from the
    sizes of the steps before.

    Args:
        learning_rate: η, a float or a schedule; 0.001 as in Keras, though the paper's is 1.
        rho: ρ, memory of both mean squares.
        epsilon: ε, inside the roots; it also sets the size of the first step.
        options: as for every `Optimizer`.

    Source: Zeiler, "ADADELTA: an adaptive learning rate method", 2012. As in Keras.
    """

    hyperparameters = ("rho", "epsilon")

    def __init__(
        self,
        learning_rate: ScalarOrSchedule = 0.001,
        rho: ScalarOrSchedule = 0.95,
        epsilon: ScalarOrSchedule = 1e-7,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.epsilon = epsilon_or_default(epsilon)

    def init_slots(self) -> dict[str, Any]:
        """Return the mean squares of gradients, s, and of steps, u."""
        return {"accumulated_grad": 0.0, "accumulated_delta_var": 0.0}

    def update_step(
        self, gradient: Array, slots: Arrays, rate: Any, hyperparameters: StepHyperparameters
    ) -> tuple[Array, Arrays]:
        """Return the change of one parameter, and its slots."""
        rho, epsilon = hyperparameters.rho, hyperparameters.epsilon
        squares = rho * slots["accumulated_grad"] + (1 - rho) * jnp.square(gradient)
        steps = slots["accumulated_delta_var"]
        change = -gradient * jnp.sqrt(steps + epsilon) / jnp.sqrt(squares + epsilon)
        steps = rho * steps + (1 - rho) * jnp.square(change)
        return rate * change, {"accumulated_grad": squares, "accumulated_delta_var": steps}
