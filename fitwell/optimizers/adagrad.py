"""Adagrad."""

from __future__ import annotations

from typing import Any, Unpack

import jax.numpy as jnp

from fitwell._param_validation import Real, validate_params
from fitwell.optimizers.base import Optimizer, optimizer_registry
from fitwell.optimizers.deprecated_arguments import epsilon_or_default
from fitwell.optimizers.pure_optimizer import Array, Arrays, OptimizerOptions, ScalarOrSchedule
from fitwell.optimizers.scheduled_hyperparameters import StepHyperparameters


@optimizer_registry.register()
class Adagrad(Optimizer):
    """Adagrad: ``s += g²; θ -= η g / sqrt(s + ε)``.

    Args:
        learning_rate: η, a float or a schedule; 0.001.
        initial_accumulator_value: s at the start.
        epsilon: ε, inside the root as in Keras.
        options: as for every `Optimizer`.

    Source: Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011. As in Keras.
    """

    hyperparameters = ("initial_accumulator_value", "epsilon")

    @validate_params(initial_accumulator_value=Real(0))
    def __init__(
        self,
        learning_rate: ScalarOrSchedule = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: ScalarOrSchedule = 1e-7,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon_or_default(epsilon)

    def init_slots(self) -> dict[str, Any]:
        """Return the sum of squares s."""
        return {"accumulator": self.initial_accumulator_value}

    def update_step(
        self, gradient: Array, slots: Arrays, rate: Any, hyperparameters: StepHyperparameters
    ) -> tuple[Array, Arrays]:
        """Return the change of one parameter, and its slots."""
        total = slots["accumulator"] + jnp.square(gradient)
        return -rate * gradient / jnp.sqrt(total + hyperparameters.epsilon), {"accumulator": total}
