"""Nadam."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._typing import Array, Arrays
from fitwell.optimizers.adam import AdamBase, update_moments
from fitwell.optimizers.base import optimizer_registry
from fitwell.optimizers.scheduled_hyperparameters import StepHyperparameters

__all__ = [
    "Nadam",
]


@optimizer_registry.register()
class Nadam(AdamBase):
    """Adam with Nesterov momentum, which combines the next step's momentum with the current gradient.

    With ``μ_t = β₁ (1 - 0.96^t / 2)``, m and v as in Adam, and t starting at 1, the update is
    ``m̂ = μ_(t+1) m / (1 - Π_(i≤t+1) μ_i) + (1 - μ_t) g / (1 - Π_(i≤t) μ_i)``,
    ``θ -= η m̂ / (sqrt(v / (1 - β₂^t)) + ε)``.

    This is Keras's formula. PyTorch uses ``0.96^(0.004 t)`` in μ, and Optax has no schedule for μ.

    Args:
        learning_rate (float | LearningRateSchedule | Callable): η, which is a number or a schedule. Default: 0.001.
        beta_1 (float | Callable): β₁ in [0, 1], the decay rate for the mean. Default: 0.9.
        beta_2 (float | Callable): β₂ in [0, 1], the decay rate for the mean square. Default: 0.999.
        epsilon (float | Callable): ε, which is added to the square root of the corrected v. Default: 1e-7.
        **options: Keyword arguments that every `Optimizer` accepts, such as ``weight_decay`` or ``clipnorm``.

    Example:
        >>> import fitwell as fw
        >>> optimizer = fw.optimizers.Nadam(0.01)
        >>> optimizer.learning_rate
        0.01

    Source: Dozat, "Incorporating Nesterov momentum into Adam", 2016; Keras `Nadam`.
    """

    def init_shared_slots(self) -> dict[str, float]:
        """Return the initial value of the product of all μ so far."""
        return {"u_product": 1.0}

    def update_shared_slots(self, shared: Arrays, hyperparameters: StepHyperparameters) -> Arrays:
        """Multiply the product of all μ by μ_t."""
        return {"u_product": shared["u_product"] * _mu(hyperparameters, hyperparameters.count)}

    def update_step(
        self, gradient: Array, slots: Arrays, learning_rate: Any, hyperparameters: StepHyperparameters
    ) -> tuple[Array, Arrays]:
        """Compute the change to one parameter. See `Optimizer.update_step`."""
        new = update_moments(gradient, slots, hyperparameters)
        now, ahead = (
            _mu(hyperparameters, hyperparameters.count),
            _mu(hyperparameters, hyperparameters.count + 1),
        )
        product = hyperparameters.shared["u_product"]
        mean = ahead * new["momentum"] / (1 - product * ahead) + (1 - now) * gradient / (1 - product)
        square = new["velocity"] / (1 - hyperparameters.power("beta_2"))
        return -learning_rate * mean / (jnp.sqrt(square) + hyperparameters.epsilon), new


def _mu(hyperparameters: StepHyperparameters, count: Array) -> Any:
    return hyperparameters.beta_1 * (1 - 0.5 * jnp.power(0.96, count))
