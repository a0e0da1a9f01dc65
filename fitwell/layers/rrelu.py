"""The `RReLU` layer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._call_context import current_call_context
from fitwell._param_validation import Real, validate_params
from fitwell._typing import Array
from fitwell.errors import InvalidArgument
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.array_ops import to_float
from fitwell.layers.base import Layer, register

__all__ = ["RReLU"]


@register()
class RReLU(Layer):
    """Leaky ReLU whose slope is drawn at random for each element during training.

    The slope is uniform in ``[lower, upper]``. At inference, it is the mean, ``(lower + upper) / 2``. Keras
    does not have this layer.

    Args:
        lower (float): Smallest slope, which must be at least 0. Changing it does not trigger recompilation.
            Default: 1/8.
        upper (float): Largest slope, which must be at least `lower`. Changing it does not trigger
            recompilation. Default: 1/3.
        seed (int | None): Seed for a separate random stream. Defaults to None, which uses the run's stream.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        Any. The output has the same shape.

    Raises:
        InvalidArgument: if `lower` is above `upper`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.RReLU(0.25, 0.75)(np.array([[-2.0, 3.0]])).tolist()
        [[-1.0, 3.0]]

    Source: Xu et al. (2015), whose best range, 1/8 to 1/3, is also PyTorch's default.
    """

    hyperparameters = ("lower", "upper")

    @validate_params(LAYER, lower=Real(0), upper=Real(0))
    def __init__(
        self, lower: float = 1 / 8, upper: float = 1 / 3, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if lower > upper:
            raise InvalidArgument(
                f"RReLU: expected 0 <= lower <= upper, got lower={lower!r}, upper={upper!r}"
            )
        self.lower = lower
        self.upper = upper
        self.seed = seed

    def call(self, inputs: Array, training: bool = False) -> Array:
        inputs = to_float(inputs, self.dtype)
        lower, upper = (jnp.asarray(bound, inputs.dtype) for bound in (self.lower, self.upper))
        slope = (lower + upper) / 2
        if training:
            key = current_call_context().next_key(self.seed)
            slope = jax.random.uniform(key, inputs.shape, inputs.dtype, lower, upper)
        return jnp.where(inputs > 0, inputs, slope * inputs)
