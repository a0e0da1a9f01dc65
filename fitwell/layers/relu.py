"""The `ReLU` layer."""

from __future__ import annotations

from typing import Any

from fitwell import activations
from fitwell._param_validation import Real, validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import Layer, register

__all__ = ["ReLU"]


@register()
class ReLU(Layer):
    """Rectified linear unit, which returns ``x`` above `threshold`.

    Below the threshold, it returns ``negative_slope * (x - threshold)``. The output is at most `max_value`.
    Changing an argument to a different number does not trigger recompilation.

    Args:
        max_value (float | None): Upper limit for the output. Defaults to None, which means no limit.
        negative_slope (float): Slope below the threshold, which must be at least 0. Default: 0.
        threshold (float): Input value above which the unit is active. It must be at least 0. Default: 0.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        Any. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.ReLU(max_value=1.0)(np.array([[-2.0, 0.5, 3.0]])).tolist()
        [[0.0, 0.5, 1.0]]

    Source: Keras `ReLU`; Nair and Hinton (2010).
    """

    supports_masking = True

    hyperparameters = ("max_value", "negative_slope", "threshold")

    @validate_params(LAYER, max_value=Real(0) | None, negative_slope=Real(0), threshold=Real(0))
    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold

    def call(self, inputs: Array) -> Array:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)
