"""AdamW."""

from __future__ import annotations

from typing import Any

from fitwell._param_validation import validate_params
from fitwell.errors import InvalidArgument
from fitwell.optimizers.adam import Adam
from fitwell.optimizers.base import optimizer_registry
from fitwell.optimizers.optimizer_options import ScalarOrSchedule

__all__ = [
    "AdamW",
]


@optimizer_registry.register()
class AdamW(Adam):
    """Adam with decoupled weight decay: ``θ -= η λ θ`` before each Adam update.

    Keras, Optax and PyTorch take the same step, because their decay also uses the value of θ before the
    update.

    Args:
        learning_rate (float | LearningRateSchedule | Callable): η, which is a number or a schedule. Default: 0.001.
        weight_decay (float | Callable): λ. It is multiplied by η, so it follows η's schedule. Default: 0.004.
        beta_1 (float | Callable): β₁ in [0, 1], the decay rate for the mean. Default: 0.9.
        beta_2 (float | Callable): β₂ in [0, 1], the decay rate for the mean square. Default: 0.999.
        epsilon (float | Callable): ε, as in `Adam`. Default: 1e-7.
        amsgrad (bool): True to use the largest v so far. Default: False.
        **options: Keyword arguments that every `Optimizer` accepts, such as ``clipnorm``.

    Raises:
        InvalidArgument: if `weight_decay` is None.

    Example:
        >>> import fitwell as fw
        >>> optimizer = fw.optimizers.AdamW(0.01, weight_decay=0.1)
        >>> optimizer.learning_rate
        0.01

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2017; Keras `AdamW`.
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
            raise InvalidArgument("AdamW: weight_decay must be a number, got None; use Adam instead")
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **options
        )
