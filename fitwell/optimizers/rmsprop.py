"""RMSprop."""

from __future__ import annotations

from typing import Any, Unpack

import jax.numpy as jnp

from fitwell._param_validation import validate_params
from fitwell.optimizers.base import Optimizer, optimizer_registry
from fitwell.optimizers.deprecated_arguments import epsilon_or_default
from fitwell.optimizers.pure_optimizer import Array, Arrays, OptimizerOptions, ScalarOrSchedule
from fitwell.optimizers.scheduled_hyperparameters import StepHyperparameters


@optimizer_registry.register()
class RMSprop(Optimizer):
    """RMSprop: ``s = ρ s + (1 - ρ) g²; θ -= η g / sqrt(s + ε)``.

    With `centered` the mean gradient ``a = ρ a + (1 - ρ) g`` is taken off: ``sqrt(s - a² + ε)``. With
    momentum the quotient d is collected in ``m = β m + d; θ -= m``.

    Args:
        learning_rate: η, a float or a schedule; 0.001.
        rho: ρ, memory of the mean square.
        momentum: β from 0 to 1; 0 keeps no momentum slot.
        epsilon: ε, inside the root as in Keras (Optax and PyTorch add it outside).
        centered: divide by the standard deviation instead of the root mean square.
        options: as for every `Optimizer`.

    Sources: Tieleman and Hinton, Coursera lecture 6.5, 2012; centered: Graves, 2013. As in Keras.
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
        """Return the mean square s, the momentum m unless β is 0, and the mean a if centered."""
        values = {"velocity": 0.0}
        if not self.is_zero("momentum"):
            values["momentum"] = 0.0
        if self.centered:
            values["average_gradient"] = 0.0
        return values

    def update_step(
        self, gradient: Array, slots: Arrays, rate: Any, hyperparameters: StepHyperparameters
    ) -> tuple[Array, Arrays]:
        """Return the change of one parameter, and its slots."""
        rho = hyperparameters.rho
        slots = dict(slots)
        slots["velocity"] = rho * slots["velocity"] + (1 - rho) * jnp.square(gradient)
        spread = slots["velocity"]
        if self.centered:
            slots["average_gradient"] = rho * slots["average_gradient"] + (1 - rho) * gradient
            spread = spread - jnp.square(slots["average_gradient"])
        scaled = rate * gradient / jnp.sqrt(spread + hyperparameters.epsilon)
        if "momentum" in slots:
            slots["momentum"] = scaled = hyperparameters.momentum * slots["momentum"] + scaled
        return -scaled, slots
