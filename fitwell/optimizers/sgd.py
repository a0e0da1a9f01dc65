"""Stochastic gradient descent, with momentum and Nesterov's variant."""

from __future__ import annotations

from typing import Any, Unpack

from fitwell._param_validation import Boolean, validate_params
from fitwell.optimizers.base import Optimizer, optimizer_registry
from fitwell.optimizers.pure_optimizer import Array, Arrays, OptimizerOptions, ScalarOrSchedule
from fitwell.optimizers.scheduled_hyperparameters import StepHyperparameters

# A decay once stood in its place.
_NESTEROV = Boolean().described_as(
    "True or False (a decay is learning_rate=InverseTimeDecay(learning_rate, decay_steps=1, decay_rate=decay))"
)


@optimizer_registry.register()
class SGD(Optimizer):
    """Gradient descent: ``θ -= η g``; with momentum ``m = β m - η g; θ += m``.

    With `nesterov` the parameters move to ``θ + β m - η g`` (m already updated): the gradient is then
    effectively taken at θ + βm, in the form that keeps the looked-ahead parameters as θ.

    Args:
        learning_rate: η, a float or a schedule; 0.01.
        momentum: β from 0 to 1; 0 keeps no momentum slot.
        nesterov: look ahead; without effect while momentum is 0.
        options: as for every `Optimizer`.

    Sources: Robbins and Monro, 1951; Polyak, 1964; Nesterov, 1983; Sutskever et al., 2013. As in Keras.
    """

    hyperparameters = ("momentum",)

    @validate_params(nesterov=_NESTEROV)
    def __init__(
        self,
        learning_rate: ScalarOrSchedule = 0.01,
        momentum: ScalarOrSchedule = 0.0,
        nesterov: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.momentum = momentum
        self.nesterov = nesterov

    def init_slots(self) -> dict[str, Any]:
        """Return the momentum m, unless β is 0."""
        return {} if self.is_zero("momentum") else {"momentum": 0.0}

    def update_step(
        self, gradient: Array, slots: Arrays, rate: Any, hyperparameters: StepHyperparameters
    ) -> tuple[Array, Arrays]:
        """Return the change of one parameter, and its slots."""
        if not slots:
            return -rate * gradient, slots
        momentum = hyperparameters.momentum * slots["momentum"] - rate * gradient
        change = hyperparameters.momentum * momentum - rate * gradient if self.nesterov else momentum
        return change, {"momentum": momentum}
