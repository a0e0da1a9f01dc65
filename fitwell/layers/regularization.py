"""Layers that make training harder on purpose: Dropout and its relatives."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._call_context import current
from fitwell._param_validation import Integer, ListOf, Real, validate_params
from fitwell._variables import Array
from fitwell.errors import ShapeError
from fitwell.layers.argument_rules import LAYER, to_float
from fitwell.layers.base import Layer, register

# Minus the limit of SELU for large negative inputs: scale times alpha of Klambauer et al. 2017.
SELU_FLOOR = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


_NOISE_SHAPE = ListOf(Integer(1) | None) | None
# A layer that drops everything is of use when it is compared with others; the one of SELU would divide by 0.
_RATE, _RATE_BELOW_1 = Real(0, 1), Real(0, 1, closed="left")


class BaseDropout(Layer):
    """Base of layers that drop a random part of their inputs: the shape of the mask, and drawing it."""

    noise_shape: tuple[int | None, ...] | None = None
    seed: int | None = None

    def sample_mask(self, inputs: Array, keep: Array) -> Array:
        """Return a mask that is True with probability `keep`."""
        return jax.random.bernoulli(current().next_key(self.seed), keep, self.mask_shape(inputs))

    def mask_shape(self, inputs: Array) -> tuple[int, ...]:
        """Return the shape of the mask for `inputs`."""
        if self.noise_shape is None:
            return tuple(inputs.shape)
        fits = len(self.noise_shape) == inputs.ndim and all(
            wanted in (None, 1, size) for wanted, size in zip(self.noise_shape, inputs.shape, strict=True)
        )
        if not fits:
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}): noise_shape {self.noise_shape} does not fit inputs "
                f"of shape {tuple(inputs.shape)}; write 1 where the mask is shared and None elsewhere"
            )
        return tuple(
            size if wanted is None else wanted
            for size, wanted in zip(inputs.shape, self.noise_shape, strict=True)
        )


@register()
class Dropout(BaseDropout):
    """Set a random fraction of the inputs to zero in training, and scale the rest up (inverted dropout).

    Training: ``x * m / (1 - rate)`` with ``m ~ Bernoulli(1 - rate)``; inference: ``x``.

    Parameters
    ----------
    rate: fraction to drop, 0 to 1. It is data: changing it does not recompile.
    noise_shape: shape of the mask, with 1 (or None for "as the input") where it is shared along an axis.
    seed: draws from a stream of its own instead of the run's.

    Any shape, kept. Source: Srivastava et al. 2014.
    """

    hyperparameters = ("rate",)

    @validate_params(LAYER, rate=_RATE, noise_shape=_NOISE_SHAPE)
    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.noise_shape = noise_shape
        self.seed = seed

    def call(self, inputs: Array, training: bool = False) -> Array:
        inputs = to_float(inputs, self.dtype)
        if not training:
            return inputs
        keep = 1.0 - jnp.asarray(self.rate, dtype=inputs.dtype)
        mask = self.sample_mask(inputs, keep)
        scale = jnp.where(keep > 0, 1 / jnp.where(keep > 0, keep, 1), 0)
        return jnp.where(mask, inputs * scale, jnp.zeros((), inputs.dtype))


@register()
class MCDropout(Dropout):
    """Dropout that stays on at inference, for Monte-Carlo estimates of uncertainty.

    The mean of many predictions is better calibrated than one without noise, and their spread says how sure
    the model is. Arguments as for `Dropout`. Source: Gal and Ghahramani 2016; not in Keras, whose texts write
    it as a subclass of Dropout (which works here too).
    """

    def call(self, inputs: Array) -> Array:  # type: ignore[override]
        return super().call(inputs, training=True)


@register()
class AlphaDropout(BaseDropout):
    """Dropout that keeps mean 0 and variance 1 under SELU: dropped units take SELU's lowest value.

    Training, with ``f = -scale alpha = -1.7581`` and ``q = 1 - rate``: ``a (x m + f (1 - m)) + b`` where
    ``m ~ Bernoulli(q)``, ``a = (q (1 + rate f²))^(-1/2)`` and ``b = -a f rate``. Inference: ``x``.

    Parameters
    ----------
    rate: fraction to drop, at least 0 and below 1; data. (Keras takes 1 and then divides by 0.)
    noise_shape, seed: as for `Dropout`.

    Any shape, kept. Source: Klambauer et al. 2017.
    """

    hyperparameters = ("rate",)

    @validate_params(LAYER, rate=_RATE_BELOW_1, noise_shape=_NOISE_SHAPE)
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
    """Alpha dropout that stays on at inference: `MCDropout` for self-normalising networks.

    Arguments as for `AlphaDropout`. Not in Keras.
    """

    def call(self, inputs: Array) -> Array:  # type: ignore[override]
        return super().call(inputs, training=True)


class BaseSpatialDropout(Dropout):
    """Base of dropouts that drop whole channels: the mask is shared along the spatial axes."""

    data_format = "channels_last"
    rank = 1

    def mask_shape(self, inputs: Array) -> tuple[int, ...]:
        """Return the shape of a mask with one entry for each row and channel."""
        if inputs.ndim != self.rank + 2:
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}): expected inputs with {self.rank + 2} axes, "
                f"got shape {tuple(inputs.shape)}"
            )
        ones = (1,) * self.rank
        if self.data_format == "channels_last":
            return (inputs.shape[0], *ones, inputs.shape[-1])
        return (inputs.shape[0], inputs.shape[1], *ones)


@register()
class SpatialDropout1D(BaseSpatialDropout):
    """Dropout of whole channels of sequences ``[batch, length, channels]``, whose neighbours are correlated.

    rate: fraction of the channels to drop, data. seed: as for `Dropout`. Source: Tompson et al. 2015.
    """

    @validate_params(LAYER)
    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed=seed, **kwargs)


@register()
class SpatialDropout2D(BaseSpatialDropout):
    """Dropout of whole channels of images ``[batch, height, width, channels]``, whose pixels are correlated.

    rate: fraction of the channels to drop, data. data_format: ``"channels_last"`` (default) or
    ``"channels_first"``. seed: as for `Dropout`. Source: Tompson et al. 2015.
    """

    rank = 2

    @validate_params(LAYER)
    def __init__(
        self, rate: float, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, seed=seed, **kwargs)
        self.data_format = data_format or "channels_last"
