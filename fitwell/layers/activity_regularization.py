"""The `ActivityRegularization` layer."""

from __future__ import annotations

from typing import Any

from fitwell import regularizers
from fitwell._param_validation import Real, validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import Layer, register

__all__ = ["ActivityRegularization"]


@register()
class ActivityRegularization(Layer):
    """A layer that adds ``l1 sum(|x|) + l2 sum(x²)``, divided by the batch size, to the loss, and returns its inputs.

    Args:
        l1 (float): Factor of the absolute values. Default: 0.
        l2 (float): Factor of the squares. Default: 0.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        Any. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.ActivityRegularization(l2=0.1)(np.array([[1.0, 2.0]])).tolist()
        [[1.0, 2.0]]

    Source: Keras `ActivityRegularization`.
    """

    supports_masking = True

    @validate_params(LAYER, l1=Real(0), l2=Real(0))
    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **kwargs)
        self.l1 = l1
        self.l2 = l2

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON-compatible data."""
        config = super().get_config()
        del config["activity_regularizer"]
        return config

    def call(self, inputs: Array) -> Array:
        return inputs
