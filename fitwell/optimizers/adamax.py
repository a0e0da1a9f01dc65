"""Adamax."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._typing import Array, Arrays
from fitwell.optimizers.adam import AdamBase
from fitwell.optimizers.base import optimizer_registry
from fitwell.optimizers.scheduled_hyperparameters import StepHyperparameters

__all__ = [
    "Adamax",
]


@optimizer_registry.register()
class Adamax(AdamBase):
    """Adam with the ∞-norm: ``m = β₁ m + (1 - β₁) g; u = max(β₂ u, |g|); θ -= η / (1 - β₁^t) m / (u + ε)``.

    Args:
        learning_rate (float | LearningRateSchedule | Callable): η, which is a number or a schedule. Default: 0.001.
        beta_1 (float | Callable): β₁ in [0, 1], the decay rate for the mean. Default: 0.9.
        beta_2 (float | Callable): β₂ in [0, 1], the decay rate for the largest gradient so far. Default:
            0.999.
        epsilon (float | Callable): ε, which is added to u. Default: 1e-7.
        **options: Keyword arguments that every `Optimizer` accepts, such as ``weight_decay`` or ``clipnorm``.

    Example:
        >>> import fitwell as fw
        >>> optimizer = fw.optimizers.Adamax(0.01)
        >>> optimizer.learning_rate
        0.01

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2014, section 7.1; Keras `Adamax`.
    """

    def init_slots(self) -> dict[str, Any]:
        """Return the initial values of m (the mean) and u (the norm)."""
        return {"momentum": 0.0, "norm": 0.0}

    def update_step(
        self, gradient: Array, slots: Arrays, learning_rate: Any, hyperparameters: StepHyperparameters
    ) -> tuple[Array, Arrays]:
        """Compute the change to one parameter. See `Optimizer.update_step`."""
        momentum = slots["momentum"] + (1 - hyperparameters.beta_1) * (gradient - slots["momentum"])
        norm = jnp.maximum(hyperparameters.beta_2 * slots["norm"], jnp.abs(gradient))
        alpha = learning_rate / (1 - hyperparameters.power("beta_1"))
        return -alpha * momentum / (norm + hyperparameters.epsilon), {"momentum": momentum, "norm": norm}
