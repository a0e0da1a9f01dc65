"""The `GaussianNoise` layer."""

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

__all__ = ["GaussianNoise"]


@register()
class GaussianNoise(Layer):
    """A layer that adds Gaussian noise to its inputs during training.

    Training computes ``x + e`` with ``e ~ N(0, stddev²)`` for each element. Inference returns ``x``. Noise on
    a model's inputs acts like an L2 penalty (Bishop 1995).

    Args:
        stddev (float): Standard deviation of the noise, which must be at least 0. Changing it does not
            trigger recompilation. (Keras accepts only values from 0 to 1.)
        seed (int | None): Seed for a separate random stream. Defaults to None, which uses the run's stream.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        Any. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> layer = fw.layers.GaussianNoise(0.1)
        >>> layer(np.ones((1, 2))).tolist()
        [[1.0, 1.0]]
        >>> bool((layer(np.ones((1, 2)), training=True) != 1).all())
        True

    Source: Keras `GaussianNoise`.
    """

    supports_masking = True

    hyperparameters = ("stddev",)

    @validate_params(LAYER, stddev=Real(0))
    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev = stddev
        self.seed = seed

    def call(self, inputs: Array, training: bool = False) -> Array:
        inputs = to_float(inputs, self.dtype)
        if not training:
            return inputs
        noise = jax.random.normal(current_call_context().next_key(self.seed), inputs.shape, inputs.dtype)
        return inputs + jnp.asarray(self.stddev, inputs.dtype) * noise
