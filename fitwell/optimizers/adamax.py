"""Adamax."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell.optimizers.adam import AdamBase
from fitwell.optimizers.base import optimizer_registry
from fitwell.optimizers.pure_optimizer import Array, Arrays
from fitwell.optimizers.scheduled_hyperparameters import StepHyperparameters


@optimizer_registry.register()
class Adamax(AdamBase):
    """Adam with the ∞-norm: ``m = β₁ m + (1 - β₁) g; u = max(β₂ u, |g|); θ -= η / (1 - β₁^t) m / (u + ε)``.

    Args:
        learning_rate: η, a float or a schedule; 0.001.
        beta_1: β₁, memory of the mean.
        beta_2: β₂, decay of the largest gradient seen.
        epsilon: ε, added to u.
        options: as for every `Optimizer`.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2014, section 7.1. As in Keras.
    """

    def init_slots(self) -> dict[str, Any]:
        """Return the mean m and the norm u."""
        return {"momentum": 0.0, "norm": 0.0}

    def update_step(
        self, gradient: Array, slots: Arrays, rate: Any, hyperparameters: StepHyperparameters
    ) -> tuple[Array, Arrays]:
        """Return the change of one parameter, and its slots."""
        momentum = slots["momentum"] + (1 - hyperparameters.beta_1) * (gradient - slots["momentum"])
        norm = jnp.maximum(hyperparameters.beta_2 * slots["norm"], jnp.abs(gradient))
        alpha = rate / (1 - hyperparameters.power("beta_1"))
        return -alpha * momentum / (norm + hyperparameters.epsilon), {"momentum": momentum, "norm": norm}
