"""Layers that add noise in training: GaussianNoise, GaussianDropout."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._call_context import current
from fitwell._param_validation import Real, validate_params
from fitwell._variables import Array
from fitwell.layers.argument_rules import LAYER, to_float
from fitwell.layers.base import Layer, register
from fitwell.layers.regularization import AlphaDropout

# `AlphaDropout` lived in this module in Keras 2.
__all__ = ["AlphaDropout", "GaussianDropout", "GaussianNoise"]


@register()
class GaussianNoise(Layer):
    """Add noise in training: ``x + e`` with ``e ~ N(0, stddev²)`` for each element; inference: ``x``.

    Parameters
    ----------
    stddev: standard deviation of the noise, at least 0; data. (Keras allows 0 to 1 only.)
    seed: draws from a stream of its own instead of the run's.

    On inputs it works like an l2 penalty (Bishop 1995). Any shape, kept.
    """

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
        noise = jax.random.normal(current().next_key(self.seed), inputs.shape, inputs.dtype)
        return inputs + jnp.asarray(self.stddev, inputs.dtype) * noise


@register()
class GaussianDropout(Layer):
    """Multiply by noise in training: ``x e`` with ``e ~ N(1, rate / (1 - rate))``; inference: ``x``.

    The noise has the mean and variance of dropout's ``m / (1 - rate)``.

    Parameters
    ----------
    rate: of the dropout imitated, at least 0 and below 1; data. (Keras takes 1 and then divides by 0.)
    seed: draws from a stream of its own instead of the run's.

    Any shape, kept. Source: Srivastava et al. 2014, section 10.
    """

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
        noise = jax.random.normal(current().next_key(self.seed), inputs.shape, inputs.dtype)
        return inputs * (1 + jnp.sqrt(rate / (1 - rate)) * noise)
