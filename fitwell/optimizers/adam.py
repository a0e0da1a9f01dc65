"""Adam."""

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
    "Adam",
    "AdamBase",
    "update_moments",
]


class AdamBase(Optimizer):
    """Base class of Adam and its variants. It defines the arguments that they share."""

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
        """Return the initial values of the two moments, m and v."""
        return {"momentum": 0.0, "velocity": 0.0}


@optimizer_registry.register()
class Adam(AdamBase):
    """Adam: ``m = β₁ m + (1 - β₁) g; v = β₂ v + (1 - β₂) g²; θ -= α m / (sqrt(v) + ε)``.

    ``α = η sqrt(1 - β₂^t) / (1 - β₁^t)`` includes the bias corrections for both moments, where t starts at 1.
    With `amsgrad`, the update uses the largest v so far instead of v.

    Results differ slightly from Keras, because β₂ is a traced argument and 1 - β₂ is always computed in float32.

    Args:
        learning_rate (float | LearningRateSchedule | Callable): η, which is a number or a schedule. Default: 0.001.
        beta_1 (float | Callable): β₁ in [0, 1], the decay rate for the mean. Default: 0.9.
        beta_2 (float | Callable): β₂ in [0, 1], the decay rate for the mean square. Default: 0.999.
        epsilon (float | Callable): ε, which is added to the square root of the uncorrected v, as in Keras. It is
            called ε̂ in section 2 of the paper. Default: 1e-7.
        amsgrad (bool): True to use the largest v so far. Default: False.
        **options: Keyword arguments that every `Optimizer` accepts, such as ``weight_decay`` or ``clipnorm``.

    Example:
        >>> import fitwell as fw
        >>> optimizer = fw.optimizers.Adam(0.01)
        >>> optimizer.learning_rate
        0.01

    Source: Kingma and Ba, 2014; amsgrad: Reddi, Kale and Kumar, 2018; Keras `Adam`.
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
        """Return the initial values of m and v and, if `amsgrad` is True, of the largest v."""
        values = super().init_slots()
        return {**values, "velocity_hat": 0.0} if self.amsgrad else values

    def update_step(
        self, gradient: Array, slots: Arrays, learning_rate: Any, hyperparameters: StepHyperparameters
    ) -> tuple[Array, Arrays]:
        """Compute the change to one parameter. See `Optimizer.update_step`."""
        new = update_moments(gradient, slots, hyperparameters)
        velocity = new["velocity"]
        if self.amsgrad:
            new["velocity_hat"] = velocity = jnp.maximum(slots["velocity_hat"], velocity)
        alpha = (
            learning_rate
            * jnp.sqrt(1 - hyperparameters.power("beta_2"))
            / (1 - hyperparameters.power("beta_1"))
        )
        return -alpha * new["momentum"] / (jnp.sqrt(velocity) + hyperparameters.epsilon), new


def update_moments(gradient: Array, slots: Arrays, hyperparameters: StepHyperparameters) -> Arrays:
    """Update one parameter's moments with its gradient and return them."""
    momentum, velocity = slots["momentum"], slots["velocity"]
    return {
        "momentum": momentum + (1 - hyperparameters.beta_1) * (gradient - momentum),
        "velocity": velocity + (1 - hyperparameters.beta_2) * (jnp.square(gradient) - velocity),
    }
