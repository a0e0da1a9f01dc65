"""Nadam."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell.optimizers.adam import AdamBase, update_moments
from fitwell.optimizers.base import optimizer_registry
from fitwell.optimizers.pure_optimizer import Array, Arrays
from fitwell.optimizers.scheduled_hyperparameters import StepHyperparameters


@optimizer_registry.register()
class Nadam(AdamBase):
    """Adam with Nesterov's look ahead: the mean of the next step and the present gradient, mixed.

    With ``μ_t = β₁ (1 - 0.96^t / 2)``, m and v as in Adam, and t from 1:
    ``m̂ = μ_(t+1) m / (1 - Π_(i≤t+1) μ_i) + (1 - μ_t) g / (1 - Π_(i≤t) μ_i)``,
    ``θ -= η m̂ / (sqrt(v / (1 - β₂^t)) + ε)``.

    Args:
        learning_rate: η, a float or a schedule; 0.001.
        beta_1: β₁, memory of the mean.
        beta_2: β₂, memory of the mean square.
        epsilon: ε, added to the root of the corrected v.
        options: as for every `Optimizer`.

    Source: Dozat, "Incorporating Nesterov momentum into Adam", 2016. As in Keras (PyTorch's μ has
    ``0.96^(0.004 t)``); Optax's has no μ schedule.
    """

    def init_shared_slots(self) -> dict[str, float]:
        """Return the product of all μ so far."""
        return {"u_product": 1.0}

    def update_shared_slots(self, shared: Arrays, hyperparameters: StepHyperparameters) -> Arrays:
        """Return the product with μ_t."""
        return {"u_product": shared["u_product"] * _mu(hyperparameters, hyperparameters.count)}

    def update_step(
        self, gradient: Array, slots: Arrays, rate: Any, hyperparameters: StepHyperparameters
    ) -> tuple[Array, Arrays]:
        """Return the change of one parameter, and its slots."""
        new = update_moments(gradient, slots, hyperparameters)
        now, ahead = (
            _mu(hyperparameters, hyperparameters.count),
            _mu(hyperparameters, hyperparameters.count + 1),
        )
        product = hyperparameters.shared["u_product"]
        mean = ahead * new["momentum"] / (1 - product * ahead) + (1 - now) * gradient / (1 - product)
        square = new["velocity"] / (1 - hyperparameters.power("beta_2"))
        return -rate * mean / (jnp.sqrt(square) + hyperparameters.epsilon), new


def _mu(hyperparameters: StepHyperparameters, count: Array) -> Any:
    return hyperparameters.beta_1 * (1 - 0.5 * jnp.power(0.96, count))
