"""Adadelta."""

from __future__ import annotations

from typing import Any, Unpack

import jax.numpy as jnp

from fitwell._typing import Array, Arrays
from fitwell.optimizers.base import Optimizer, optimizer_registry
from fitwell.optimizers.deprecated_names import epsilon_or_default
from fitwell.optimizers.optimizer_options import OptimizerOptions, ScalarOrSchedule
from fitwell.optimizers.scheduled_hyperparameters import StepHyperparameters

__all__ = [
    "Adadelta",
]


@optimizer_registry.register()
class Adadelta(Optimizer):
    """Adadelta: ``s = ρ s + (1 - ρ) g²; d = -g sqrt(u + ε) / sqrt(s + ε); u = ρ u + (1 - ρ) d²; θ += η d``.

    With η = 1, as in the paper, there is no learning rate to choose, because the size of each step follows
    from the sizes of the previous steps.

    Args:
        learning_rate (float | LearningRateSchedule | Callable): η, which is a number or a schedule.
            Default: 0.001, as in Keras. (The paper uses 1.)
        rho (float | Callable): ρ in [0, 1], the decay rate for both mean squares. Default: 0.95.
        epsilon (float | Callable): ε, which is added inside both square roots. It also determines the size of
            the first step. Default: 1e-7.
        **options: Keyword arguments that every `Optimizer` accepts, such as ``weight_decay`` or ``clipnorm``.

    Example:
        >>> import fitwell as fw
        >>> optimizer = fw.optimizers.Adadelta(0.01)
        >>> optimizer.learning_rate
        0.01

    Source: Zeiler, "ADADELTA: an adaptive learning rate method", 2012; Keras `Adadelta`.
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
        """Return the initial values of s (the mean square gradient) and u (the mean square step)."""
        return {"accumulated_grad": 0.0, "accumulated_delta_var": 0.0}

    def update_step(
        self, gradient: Array, slots: Arrays, learning_rate: Any, hyperparameters: StepHyperparameters
    ) -> tuple[Array, Arrays]:
        """Compute the change to one parameter. See `Optimizer.update_step`."""
        rho, epsilon = hyperparameters.rho, hyperparameters.epsilon
        squares = rho * slots["accumulated_grad"] + (1 - rho) * jnp.square(gradient)
        steps = slots["accumulated_delta_var"]
        change = -gradient * jnp.sqrt(steps + epsilon) / jnp.sqrt(squares + epsilon)
        steps = rho * steps + (1 - rho) * jnp.square(change)
        return learning_rate * change, {"accumulated_grad": squares, "accumulated_delta_var": steps}
