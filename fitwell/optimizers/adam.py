"""Adam and its relatives."""

from __future__ import annotations

from typing import Any, Unpack

import jax.numpy as jnp

from fitwell._param_validation import validate_params
from fitwell.errors import InvalidArgument
from fitwell.optimizers.base import Optimizer, optimizer_registry
from fitwell.optimizers.deprecated_arguments import epsilon_or_default
from fitwell.optimizers.pure_optimizer import Array, Arrays, OptimizerOptions, ScalarOrSchedule
from fitwell.optimizers.scheduled_hyperparameters import StepHyperparameters


class _Moments(Optimizer):
    """The arguments that all relatives of Adam share."""

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
        new = _moments(gradient, slots, hyperparameters)
        velocity = new["velocity"]
        if self.amsgrad:
            new["velocity_hat"] = velocity = jnp.maximum(slots["velocity_hat"], velocity)
        alpha = rate * jnp.sqrt(1 - hyperparameters.power("beta_2")) / (1 - hyperparameters.power("beta_1"))
        return -alpha * new["momentum"] / (jnp.sqrt(velocity) + hyperparameters.epsilon), new


def _moments(gradient: Array, slots: Arrays, hyperparameters: StepHyperparameters) -> Arrays:
    momentum, velocity = slots["momentum"], slots["velocity"]
    return {
        "momentum": momentum + (1 - hyperparameters.beta_1) * (gradient - momentum),
        "velocity": velocity + (1 - hyperparameters.beta_2) * (jnp.square(gradient) - velocity),
    }


@optimizer_registry.register()
class AdamW(Adam):
    """Adam with decoupled weight decay: ``θ -= η λ θ`` before each update of Adam.

    Args:
        learning_rate: η, a float or a schedule; 0.001.
        weight_decay: λ; 0.004. It is multiplied by η (and so decays along with a schedule).
        beta_1: β₁, memory of the mean.
        beta_2: β₂, memory of the mean square.
        epsilon: ε, as in `Adam`.
        amsgrad: never let the denominator shrink.
        options: as for every `Optimizer`.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2017. As in Keras; Optax and
    PyTorch take the same step (their θ in the decay is also that before the update).
    """

    @validate_params()
    def __init__(
        self,
        learning_rate: ScalarOrSchedule = 0.001,
        weight_decay: ScalarOrSchedule = 0.004,
        beta_1: ScalarOrSchedule = 0.9,
        beta_2: ScalarOrSchedule = 0.999,
        epsilon: ScalarOrSchedule = 1e-7,
        amsgrad: bool = False,
        **options: Any,
    ) -> None:
        if weight_decay is None:
            raise InvalidArgument("AdamW: weight_decay must be a number; for none, use Adam")
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **options
        )


@optimizer_registry.register()
class Adamax(_Moments):
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


@optimizer_registry.register()
class Nadam(_Moments):
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
        new = _moments(gradient, slots, hyperparameters)
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
