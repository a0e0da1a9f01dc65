"""AdamW."""

from __future__ import annotations

from typing import Any

from fitwell._param_validation import validate_params
from fitwell.errors import InvalidArgument
from fitwell.optimizers.adam import Adam
from fitwell.optimizers.base import optimizer_registry
from fitwell.optimizers.pure_optimizer import ScalarOrSchedule


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
