"""Adagrad."""

from __future__ import annotations

from typing import Any, Unpack

import jax.numpy as jnp

from fitwell._param_validation import Real, validate_params
from fitwell._typing import Array, Arrays
from fitwell.optimizers.base import Optimizer, optimizer_registry
from fitwell.optimizers.deprecated_names import epsilon_or_default
from fitwell.optimizers.optimizer_options import OptimizerOptions, ScalarOrSchedule
from fitwell.optimizers.scheduled_hyperparameters import StepHyperparameters

__all__ = [
    "Adagrad",
]


@optimizer_registry.register()
class Adagrad(Optimizer):
    """Adagrad: ``s += g²; θ -= η g / sqrt(s + ε)``.

    Args:
        learning_rate (float | LearningRateSchedule | Callable): η, which is a number or a schedule. Default: 0.001.
        initial_accumulator_value (float): Initial value of s. Default: 0.1.
        epsilon (float | Callable): ε, which is added inside the square root. Default: 1e-7.
        **options: Keyword arguments that every `Optimizer` accepts, such as ``weight_decay`` or ``clipnorm``.

    Example:
        >>> import fitwell as fw
        >>> optimizer = fw.optimizers.Adagrad(0.01)
        >>> optimizer.learning_rate
        0.01

    Source: Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning", 2011; Keras `Adagrad`.
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
        """Return the initial value of s, the sum of squared gradients."""
        return {"accumulator": self.initial_accumulator_value}

    def update_step(
        self, gradient: Array, slots: Arrays, learning_rate: Any, hyperparameters: StepHyperparameters
    ) -> tuple[Array, Arrays]:
        """Compute the change to one parameter. See `Optimizer.update_step`."""
        total = slots["accumulator"] + jnp.square(gradient)
        return -learning_rate * gradient / jnp.sqrt(total + hyperparameters.epsilon), {"accumulator": total}
