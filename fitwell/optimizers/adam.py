"""Adam and its relatives."""

from __future__ import annotations

from typing import Any, Unpack

import jax.numpy as jnp

from fitwell.optimizers.base import Array, Arrays, Optimizer, Options, Rate, optimizers
from fitwell.optimizers.settings import Settings
from fitwell.optimizers.spellings import epsilon_or_default


class _Moments(Optimizer):
    """The arguments that all relatives of Adam share."""

    hyperparameters = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: Rate = 0.9,
        beta_2: Rate = 0.999,
        epsilon: Rate = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon_or_default(epsilon)

    def slot_values(self) -> dict[str, Any]:
        """Return the two moments, m and v."""
        return {"momentum": 0.0, "velocity": 0.0}


@optimizers.register()
class Adam(_Moments):
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

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: Rate = 0.9,
        beta_2: Rate = 0.999,
        epsilon: Rate = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **options)
        self.amsgrad = bool(amsgrad)

    def slot_values(self) -> dict[str, Any]:
        """Return the two moments, and with amsgrad the largest second moment."""
        values = super().slot_values()
        return {**values, "velocity_hat": 0.0} if self.amsgrad else values

    def rule(self, gradient: Array, slots: Arrays, rate: Any, settings: Settings) -> tuple[Array, Arrays]:
        """Return the change of one parameter, and its slots."""
        new = _moments(gradient, slots, settings)
        velocity = new["velocity"]
        if self.amsgrad:
            new["velocity_hat"] = velocity = jnp.maximum(slots["velocity_hat"], velocity)
        alpha = rate * jnp.sqrt(1 - settings.power("beta_2")) / (1 - settings.power("beta_1"))
        return -alpha * new["momentum"] / (jnp.sqrt(velocity) + settings.epsilon), new


def _moments(gradient: Array, slots: Arrays, settings: Settings) -> Arrays:
    momentum, velocity = slots["momentum"], slots["velocity"]
    return {
        "momentum": momentum + (1 - settings.beta_1) * (gradient - momentum),
        "velocity": velocity + (1 - settings.beta_2) * (jnp.square(gradient) - velocity),
    }
