"""The `AlphaDropout` and `MCAlphaDropout` layers for self-normalizing networks."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._param_validation import Real, validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.array_ops import to_float
from fitwell.layers.base import register
from fitwell.layers.dropout import NOISE_SHAPE, BaseDropout

__all__ = ["AlphaDropout", "MCAlphaDropout", "SELU_FLOOR"]


# SELU's limit for large negative inputs, -scale * alpha, with the constants of Klambauer et al. (2017).
SELU_FLOOR = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


@register()
class AlphaDropout(BaseDropout):
    """Dropout for SELU networks that keeps the mean at 0 and the variance at 1.

    Dropped units are set to SELU's lower limit, ``f = -1.7581``. Training computes
    ``a (x m + f (1 - m)) + b`` with the mask ``m ~ Bernoulli(q)``, ``q = 1 - rate``,
    ``a = (q (1 + rate f²))^(-1/2)`` and ``b = -a f rate``. Inference returns ``x``.

    Args:
        rate (float): Fraction of the inputs to drop, in [0, 1). Changing it does not trigger recompilation.
            (Keras accepts 1 and divides by 0.)
        noise_shape (tuple[int | None, ...] | None): See `Dropout`. Default: None.
        seed (int | None): Seed for a separate random stream. Defaults to None, which uses the run's stream.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        Any. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.AlphaDropout(0.1)(np.ones((1, 2))).tolist()
        [[1.0, 1.0]]

    Source: Keras `AlphaDropout`; Klambauer et al. (2017).
    """

    supports_masking = True

    hyperparameters = ("rate",)

    @validate_params(LAYER, rate=Real(0, 1, closed="left"), noise_shape=NOISE_SHAPE)
    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.noise_shape = noise_shape
        self.seed = seed

    def call(self, inputs: Array, training: bool = False) -> Array:
        inputs = to_float(inputs, self.dtype)
        if not training:
            return inputs
        rate = jnp.asarray(self.rate, jnp.promote_types(inputs.dtype, jnp.float32))
        stretch = ((1 - rate) * (1 + rate * SELU_FLOOR**2)) ** -0.5
        shift = -stretch * SELU_FLOOR * rate
        kept = jnp.where(self.sample_mask(inputs, 1 - rate), inputs, jnp.asarray(SELU_FLOOR, inputs.dtype))
        return stretch.astype(inputs.dtype) * kept + shift.astype(inputs.dtype)


@register()
class MCAlphaDropout(AlphaDropout):
    """Alpha dropout that is also active at inference, for Monte Carlo estimates of uncertainty.

    This is `MCDropout` for self-normalizing networks. Keras does not have this layer.

    Args:
        rate (float): See `AlphaDropout`.
        noise_shape (tuple[int | None, ...] | None): See `Dropout`. Default: None.
        seed (int | None): Seed for a separate random stream. Defaults to None, which uses the run's stream.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        Any. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> bool((fw.layers.MCAlphaDropout(0.5)(np.ones((1, 100))) != 1).any())
        True
    """

    def call(self, inputs: Array) -> Array:  # type: ignore[override]
        return super().call(inputs, training=True)
