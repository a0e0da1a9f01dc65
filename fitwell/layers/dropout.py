"""The `Dropout` and `MCDropout` layers."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from fitwell import schedules
from fitwell._call_context import current_call_context
from fitwell._param_validation import ByClass, Instance, Integer, ListOf, Real, Rule, validate_params
from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.array_ops import to_float
from fitwell.layers.base import Layer, register

__all__ = ["BaseDropout", "Dropout", "MCDropout"]


NOISE_SHAPE = ListOf(Integer(1) | None) | None


class BaseDropout(Layer):
    """Base class that draws the masks for layers that drop a random part of their inputs."""

    noise_shape: tuple[int | None, ...] | None = None
    seed: int | None = None

    def sample_mask(self, inputs: Array, keep: Array) -> Array:
        """Draw a mask whose entries are True with probability `keep`."""
        return jax.random.bernoulli(current_call_context().next_key(self.seed), keep, self.mask_shape(inputs))

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
                f"of shape {tuple(inputs.shape)}; use 1 for each axis along which the mask is constant, and None "
                "for the other axes"
            )
        return tuple(
            size if wanted is None else wanted
            for size, wanted in zip(inputs.shape, self.noise_shape, strict=True)
        )


@register()
class Dropout(BaseDropout):
    """A layer that sets a random fraction of the inputs to zero during training, and scales up the rest.

    Training computes ``x m / (1 - rate)`` with ``m ~ Bernoulli(1 - rate)`` (inverted dropout). Inference
    returns ``x``.

    Args:
        rate (float | LearningRateSchedule): Fraction of the inputs to drop, in [0, 1]. Changing it does not trigger
            recompilation. A schedule, which Keras does not accept, is evaluated at the number of updates so far and
            clipped to [0, 1].
        noise_shape (tuple[int | None, ...] | None): Shape of the mask, with 1 for each axis along which the
            mask is constant, and None for each axis with the same size as the inputs. Defaults to None, which
            means the inputs' shape.
        seed (int | None): Seed for a separate random stream. Defaults to None, which uses the run's stream.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        Any. The output has the same shape.

    Raises:
        ShapeError: if `noise_shape` does not fit the inputs.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> layer = fw.layers.Dropout(0.5)
        >>> layer(np.ones((1, 3))).tolist()
        [[1.0, 1.0, 1.0]]
        >>> set(np.asarray(layer(np.ones((1, 100)), training=True)).ravel().tolist()) == {0.0, 2.0}
        True

    Source: Keras `Dropout`; Srivastava et al. (2014).
    """

    supports_masking = True

    hyperparameters = ("rate",)
    rate_rule: ClassVar[Rule] = Real(0, 1) | Instance(schedules.LearningRateSchedule, "a schedule")

    @validate_params(LAYER, rate=ByClass(lambda kind: kind.rate_rule), noise_shape=NOISE_SHAPE)
    def __init__(self, rate: Any, noise_shape: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.noise_shape = noise_shape
        self.seed = seed

    def call(self, inputs: Array, training: bool = False) -> Array:
        inputs = to_float(inputs, self.dtype)
        if not training:
            return inputs
        rate = self.rate
        if callable(rate):
            rate = jnp.clip(rate(current_call_context().step), 0, 1)
        keep = 1.0 - jnp.asarray(rate, dtype=inputs.dtype)
        mask = self.sample_mask(inputs, keep)
        scale = jnp.where(keep > 0, 1 / jnp.where(keep > 0, keep, 1), 0)
        return jnp.where(mask, inputs * scale, jnp.zeros((), inputs.dtype))


@register()
class MCDropout(Dropout):
    """Dropout that is also active at inference, for Monte Carlo estimates of uncertainty.

    Keras does not have this layer. In Keras, you would write a subclass of `Dropout` instead, which also
    works in fitwell.

    Args:
        rate (float): Fraction of the inputs to drop, in [0, 1].
        noise_shape (tuple[int | None, ...] | None): See `Dropout`. Default: None.
        seed (int | None): Seed for a separate random stream. Defaults to None, which uses the run's stream.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        Any. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> outputs = fw.layers.MCDropout(0.5)(np.ones((1, 100)))
        >>> set(np.asarray(outputs).ravel().tolist()) == {0.0, 2.0}
        True

    Source: Gal and Ghahramani (2016).
    """

    # Predictions do not know the number of updates that a schedule needs.
    rate_rule = Real(0, 1)

    def call(self, inputs: Array) -> Array:  # type: ignore[override]
        return super().call(inputs, training=True)
