"""The `LeakyReLU` layer."""

from __future__ import annotations

from typing import Any

from fitwell import activations
from fitwell._deprecation import warn_deprecated
from fitwell._param_validation import Real, validate_param, validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import Layer, register

__all__ = ["LeakyReLU"]


@register()
class LeakyReLU(Layer):
    """Leaky ReLU, which returns ``x`` above 0 and ``negative_slope * x`` below 0.

    Unlike the gradient of ReLU, its gradient for negative inputs is not zero, so units with negative inputs
    continue to learn.

    Args:
        negative_slope (float): Slope for negative inputs, which must be at least 0. Changing it does not
            trigger recompilation. Default: 0.3. The deprecated name is `alpha`.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        Any. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.LeakyReLU(0.5)(np.array([[-2.0, 3.0]])).tolist()
        [[-1.0, 3.0]]

    Source: Keras `LeakyReLU`; Maas et al. (2013).
    """

    supports_masking = True

    hyperparameters = ("negative_slope",)

    @validate_params(LAYER, negative_slope=Real(0))
    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        if "alpha" in kwargs:
            warn_deprecated("LeakyReLU(alpha=)", "LeakyReLU(negative_slope=)")
            negative_slope = validate_param("LeakyReLU", "alpha", kwargs.pop("alpha"), Real(0))
        super().__init__(**kwargs)
        self.negative_slope = negative_slope

    def call(self, inputs: Array) -> Array:
        return activations.leaky_relu(inputs, self.negative_slope)
