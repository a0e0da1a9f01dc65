"""Layers that make training harder on purpose: Dropout."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell.context import current
from fitwell.errors import InvalidArgument
from fitwell.layers.base import Layer, register
from fitwell.variables import Array


def check_rate(layer: str, rate: float) -> float:
    """Return `rate` as a float in [0, 1], or say what is wrong with it."""
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise InvalidArgument(f"{layer}: rate is the fraction to drop, a number from 0 to 1, got {rate!r}")
    return float(rate)


@register()
class Dropout(Layer):
    """Set a random fraction of the inputs to zero in training, and scale the rest up (inverted dropout).

    Training: ``x * m / (1 - rate)`` with ``m ~ Bernoulli(1 - rate)``; inference: ``x``.

    Parameters
    ----------
    rate: fraction to drop, 0 to 1. It is data: changing it does not recompile.
    noise_shape: shape of the mask, with 1 (or None for "as the input") where it is shared along an axis.
    seed: draws from a stream of its own instead of the run's.

    Source: Srivastava et al. 2014.
    """

    hyperparameters = ("rate",)

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = check_rate(type(self).__name__, rate)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = seed

    def call(self, inputs: Array, training: bool = False) -> Array:
        if not training:
            return inputs
        keep = 1.0 - jnp.asarray(self.rate, dtype=inputs.dtype)
        mask = jax.random.bernoulli(current().next_key(self.seed), keep, self._mask_shape(inputs))
        scale = jnp.where(keep > 0, 1 / jnp.where(keep > 0, keep, 1), 0)
        return jnp.where(mask, inputs * scale, jnp.zeros((), inputs.dtype))

    def _mask_shape(self, inputs: Array) -> tuple[int, ...]:
        if self.noise_shape is None:
            return tuple(inputs.shape)
        return tuple(
            size if wanted is None else wanted
            for size, wanted in zip(inputs.shape, self.noise_shape, strict=True)
        )
