"""SGD."""

from __future__ import annotations

from typing import Any, Unpack

from fitwell._param_validation import Boolean, validate_params
from fitwell._typing import Array, Arrays
from fitwell.optimizers.base import Optimizer, optimizer_registry
from fitwell.optimizers.optimizer_options import OptimizerOptions, ScalarOrSchedule
from fitwell.optimizers.scheduled_hyperparameters import StepHyperparameters

__all__ = [
    "SGD",
]

# In Keras 1, `decay` was the argument in this position.
_NESTEROV = Boolean().described_as(
    "True or False (for a decay, pass learning_rate=InverseTimeDecay(rate, decay_steps=1, decay_rate=decay))"
)


@optimizer_registry.register()
class SGD(Optimizer):
    """Gradient descent with optional momentum.

    Without momentum, the update is ``θ -= η g``. With momentum, it is ``m = β m - η g; θ += m``. With
    `nesterov`, it is ``θ += β m - η g``, where m is the new momentum.

    Args:
        learning_rate (float | LearningRateSchedule | Callable): η, which is a number or a schedule. Default: 0.01.
        momentum (float | Callable): β in [0, 1]. If it is 0, no momentum slot is created. Default: 0.0.
        nesterov (bool): True to use Nesterov momentum, which has no effect if `momentum` is 0. Default:
            False.
        **options: Keyword arguments that every `Optimizer` accepts, such as ``weight_decay`` or ``clipnorm``.

    Example:
        >>> import fitwell as fw
        >>> optimizer = fw.optimizers.SGD(0.1, momentum=0.9)
        >>> optimizer.learning_rate
        0.1

    Source: Robbins and Monro, 1951; Polyak, 1964; Nesterov, 1983; Sutskever et al., 2013; Keras `SGD`.
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
        """Return the initial value of m if there is momentum, or no slots otherwise."""
        return {} if self.is_zero("momentum") else {"momentum": 0.0}

    def update_step(
        self, gradient: Array, slots: Arrays, learning_rate: Any, hyperparameters: StepHyperparameters
    ) -> tuple[Array, Arrays]:
        """Compute the change to one parameter. See `Optimizer.update_step`."""
        if not slots:
            return -learning_rate * gradient, slots
        momentum = hyperparameters.momentum * slots["momentum"] - learning_rate * gradient
        change = hyperparameters.momentum * momentum - learning_rate * gradient if self.nesterov else momentum
        return change, {"momentum": momentum}
