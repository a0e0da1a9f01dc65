"""The `GaussianDropout` layer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._call_context import current_call_context
from fitwell._param_validation import Real, validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.array_ops import to_float
from fitwell.layers.base import Layer, register

__all__ = ["GaussianDropout"]


@register()
class GaussianDropout(Layer):
    """A layer that multiplies its inputs by Gaussian noise during training.

    Training computes ``x e`` with ``e ~ N(1, rate / (1 - rate))``. Inference returns ``x``. The noise has the
    same mean and variance as dropout's factor ``m / (1 - rate)``, where m is the random mask.

    Args:
        rate (float): Rate of the equivalent dropout, in [0, 1). Changing it does not trigger recompilation.
            (Keras accepts 1 and divides by 0.)
        seed (int | None): Seed for a separate random stream. Defaults to None, which uses the run's stream.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        Any. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.GaussianDropout(0.5)(np.ones((1, 2))).tolist()
        [[1.0, 1.0]]

    Source: Keras `GaussianDropout`; Srivastava et al. (2014), section 10.
    """

    supports_masking = True

    hyperparameters = ("rate",)

    @validate_params(LAYER, rate=Real(0, 1, closed="left"))
    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed

    def call(self, inputs: Array, training: bool = False) -> Array:
        inputs = to_float(inputs, self.dtype)
        if not training:
            return inputs
        rate = jnp.asarray(self.rate, inputs.dtype)
        noise = jax.random.normal(current_call_context().next_key(self.seed), inputs.shape, inputs.dtype)
        return inputs * (1 + jnp.sqrt(rate / (1 - rate)) * noise)
