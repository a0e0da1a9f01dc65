"""RMSprop."""

from __future__ import annotations

from typing import Any, Unpack

import jax.numpy as jnp

from fitwell._param_validation import validate_params
from fitwell._typing import Array, Arrays
from fitwell.optimizers.base import Optimizer, optimizer_registry
from fitwell.optimizers.deprecated_names import epsilon_or_default
from fitwell.optimizers.optimizer_options import OptimizerOptions, ScalarOrSchedule
from fitwell.optimizers.scheduled_hyperparameters import StepHyperparameters

__all__ = [
    "RMSprop",
]


@optimizer_registry.register()
class RMSprop(Optimizer):
    """RMSprop: ``s = ρ s + (1 - ρ) g²; θ -= η g / sqrt(s + ε)``.

    With `centered`, the denominator is ``sqrt(s - a² + ε)``, where ``a = ρ a + (1 - ρ) g`` is the mean
    gradient. With `momentum`, the update is ``m = β m + d; θ -= m``, where d is the step without momentum.

    Args:
        learning_rate (float | LearningRateSchedule | Callable): η, which is a number or a schedule. Default: 0.001.
        rho (float | Callable): ρ in [0, 1], the decay rate for the mean square. Default: 0.9.
        momentum (float | Callable): β in [0, 1]. If it is 0, no momentum slot is created. Default: 0.0.
        epsilon (float | Callable): ε, which is added inside the square root, as in Keras. PyTorch
            add it to the square root. Default: 1e-7.
        centered (bool): True to divide by the standard deviation instead of the root mean square. Default: False.
        **options: Keyword arguments that every `Optimizer` accepts, such as ``weight_decay`` or ``clipnorm``.

    Example:
        >>> import fitwell as fw
        >>> optimizer = fw.optimizers.RMSprop(0.01, momentum=0.9)
        >>> optimizer.learning_rate
        0.01

    Source: Tieleman and Hinton, Coursera lecture 6.5, 2012; centered: Graves, 2013; Keras `RMSprop`.
    """

    hyperparameters = ("rho", "momentum", "epsilon")

    @validate_params()
    def __init__(
        self,
        learning_rate: ScalarOrSchedule = 0.001,
        rho: ScalarOrSchedule = 0.9,
        momentum: ScalarOrSchedule = 0.0,
        epsilon: ScalarOrSchedule = 1e-7,
        centered: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon_or_default(epsilon)
        self.centered = centered

    def init_slots(self) -> dict[str, Any]:
        """Return the initial values of s, of m if there is momentum, and of a if `centered` is True."""
        values = {"velocity": 0.0}
        if not self.is_zero("momentum"):
            values["momentum"] = 0.0
        if self.centered:
            values["average_gradient"] = 0.0
        return values

    def update_step(
        self, gradient: Array, slots: Arrays, learning_rate: Any, hyperparameters: StepHyperparameters
    ) -> tuple[Array, Arrays]:
        """Compute the change to one parameter. See `Optimizer.update_step`."""
        rho = hyperparameters.rho
        slots = dict(slots)
        slots["velocity"] = rho * slots["velocity"] + (1 - rho) * jnp.square(gradient)
        spread = slots["velocity"]
        if self.centered:
            slots["average_gradient"] = rho * slots["average_gradient"] + (1 - rho) * gradient
            spread = spread - jnp.square(slots["average_gradient"])
        scaled = learning_rate * gradient / jnp.sqrt(spread + hyperparameters.epsilon)
        if "momentum" in slots:
            slots["momentum"] = scaled = hyperparameters.momentum * slots["momentum"] + scaled
        return -scaled, slots
