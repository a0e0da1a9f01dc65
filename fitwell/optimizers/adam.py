"""Adam."""

from __future__ import annotations

from typing import Any, Unpack

import jax.numpy as jnp

from fitwell._param_validation import validate_params
from fitwell.optimizers.base import Optimizer, optimizer_registry
from fitwell.optimizers.deprecated_arguments import epsilon_or_default
from fitwell.optimizers.pure_optimizer import Array, Arrays, OptimizerOptions, ScalarOrSchedule
from fitwell.optimizers.scheduled_hyperparameters import StepHyperparameters


class AdamBase(Optimizer):
    """Base class of Adam and its variants, with the arguments that they share."""

    hyperparameters = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        learning_rate: ScalarOrSchedule = 0.001,
        beta_1: ScalarOrSchedule = 0.9,
        beta_2: ScalarOrSchedule = 0.999,
        epsilon: ScalarOrSchedule = 1e-7,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon_or_default(epsilon)

    def init_slots(self) -> dict[str, Any]:
        """Return the two moments, m and v."""
        return {"momentum": 0.0, "velocity": 0.0}


@optimizer_registry.register()
class Adam(AdamBase):
    """Adam: ``m = β₁ m + (1 - β₁) g; v = β₂ v + (1 - β₂) g²; θ -= α m / (sqrt(v) + ε)``.

    The bias corrections of both moments are in ``α = η sqrt(1 - β₂^t) / (1 - β₁^t)``, t from 1. With
    `amsgrad` the largest v so far takes the place of v.

    Args:
        learning_rate: η, a float or a schedule; 0.001.
        beta_1: β₁, memory of the mean.
        beta_2: β₂, memory of the mean square.
        epsilon: ε̂ of the paper's section 2: added to the root of the uncorrected v, as in Keras.
        amsgrad: never let the denominator shrink.
        options: as for every `Optimizer`.

    Sources: Kingma and Ba, 2014; amsgrad: Reddi, Kale and Kumar, 2018. Differs from Keras in rounding:
    1 - β₂ is computed from the float32 β₂, in both places where it occurs, because β₂ is data.
    """

    @validate_params()
    def __init__(
        self,
        learning_rate: ScalarOrSchedule = 0.001,
        beta_1: ScalarOrSchedule = 0.9,
        beta_2: ScalarOrSchedule = 0.999,
        epsilon: ScalarOrSchedule = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **options)
        self.amsgrad = amsgrad

    def init_slots(self) -> dict[str, Any]:
        """Return the two moments, and with amsgrad the largest second moment."""
        values = super().init_slots()
        return {**values, "velocity_hat": 0.0} if self.amsgrad else values

    def update_step(
        self, gradient: Array, slots: Arrays, rate: Any, hyperparameters: StepHyperparameters
    ) -> tuple[Array, Arrays]:
        """Return the change of one parameter, and its slots."""
        new = update_moments(gradient, slots, hyperparameters)
        velocity = new["velocity"]
        if self.amsgrad:
            new["velocity_hat"] = velocity = jnp.maximum(slots["velocity_hat"], velocity)
        alpha = rate * jnp.sqrt(1 - hyperparameters.power("beta_2")) / (1 - hyperparameters.power("beta_1"))
        return -alpha * new["momentum"] / (jnp.sqrt(velocity) + hyperparameters.epsilon), new


def update_moments(gradient: Array, slots: Arrays, hyperparameters: StepHyperparameters) -> Arrays:
    """Return both moments of one parameter after one more gradient."""
    momentum, velocity = slots["momentum"], slots["velocity"]
    return {
        "momentum": momentum + (1 - hyperparameters.beta_1) * (gradient - momentum),
        "velocity": velocity + (1 - hyperparameters.beta_2) * (jnp.square(gradient) - velocity),
    }
