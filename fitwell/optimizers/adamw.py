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
    """Adam with decoupled weight decay: ``θ -= η λ θ`` before each update of Adam.

    Keras, Optax and PyTorch take the same step: the θ of their decay is the one before the update, too.

    Args:
        learning_rate (float | LearningRateSchedule | Callable): η, a number or a schedule of the step. Default: 0.001.
        weight_decay (float | Callable): λ, which is multiplied by η and so follows a schedule of η. Default: 0.004.
        beta_1 (float | Callable): β₁ in [0, 1], decay of the mean. Default: 0.9.
        beta_2 (float | Callable): β₂ in [0, 1], decay of the mean square. Default: 0.999.
        epsilon (float | Callable): ε, as in `Adam`. Default: 1e-7.
        amsgrad (bool): True to use the largest v so far. Default: False.
        **options: Keyword arguments of every `Optimizer`, such as ``weight_decay`` or ``clipnorm``.

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
            raise InvalidArgument("AdamW: weight_decay must be a number; for none, use Adam")
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **options
        )
