"""The `ELU` layer."""

from __future__ import annotations

from typing import Any

from fitwell import activations
from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import Layer, register

__all__ = ["ELU"]


@register()
class ELU(Layer):
    """Exponential linear unit, which returns ``x`` above 0 and ``alpha * (exp(x) - 1)`` below 0.

    Args:
        alpha (float): Scale of the negative part. The output approaches ``-alpha`` for large negative inputs.
            Changing it does not trigger recompilation. Default: 1.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        Any. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.ELU(alpha=2.0)(np.array([[-1000.0, 3.0]])).tolist()
        [[-2.0, 3.0]]

    Source: Keras `ELU`; Clevert et al. (2016).
    """

    supports_masking = True

    hyperparameters = ("alpha",)

    @validate_params(LAYER)
    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: Array) -> Array:
        return activations.elu(inputs, self.alpha)
