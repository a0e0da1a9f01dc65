"""Activations with settings of their own as layers: ReLU, LeakyReLU, PReLU, RReLU, ELU, Softmax."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell import activations, constraints, initializers, regularizers
from fitwell._call_context import current
from fitwell._deprecation import warn_deprecated
from fitwell._param_validation import Real, validate_param, validate_params
from fitwell._variables import Array
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.argument_rules import AXES, LAYER, canonicalize_axes, to_float
from fitwell.layers.base import Layer, register


@register()
class ReLU(Layer):
    """Rectified linear unit: ``x`` above `threshold`, ``negative_slope (x - threshold)`` below, at most `max_value`.

    Parameters
    ----------
    max_value: where the unit saturates; None (default) for never.
    negative_slope: slope below the threshold, 0. threshold: 0. All three are data.

    Any shape, kept. Source: Nair and Hinton 2010.
    """

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


@register()
class LeakyReLU(Layer):
    """``x`` above 0 and ``negative_slope x`` below: units cannot die.

    Parameters
    ----------
    negative_slope: 0.3 by default; data. Its older spelling is ``alpha=``.

    Any shape, kept. Source: Maas et al. 2013.
    """

    hyperparameters = ("negative_slope",)

    @validate_params(LAYER, negative_slope=Real(0))
    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        if "alpha" in kwargs:
            warn_deprecated("LeakyReLU(alpha=)", "LeakyReLU(negative_slope=)")
            negative_slope = validate_param("LeakyReLU", "alpha", kwargs.pop("alpha"), Real(0))
        super().__init__(**kwargs)
        self.negative_slope = negative_slope

    def call(self, inputs: Array) -> Array:
        return activations.leaky_relu(inputs, self.negative_slope)


@register()
class PReLU(Layer):
    """``x`` above 0 and ``alpha x`` below, with one learned slope `alpha` for each feature.

    Parameters
    ----------
    alpha_initializer: ``"zeros"``. alpha_regularizer, alpha_constraint: none.
    shared_axes: axes along which one slope serves all, such as [1, 2] for one a channel of images.

    Any shape ``[batch, ...]``, kept; `alpha` has the shape of one row, 1 along shared axes. Source: He et al. 2015.
    """

    @validate_params(LAYER, shared_axes=AXES | None)
    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        axes = [shared_axes] if isinstance(shared_axes, int) else shared_axes
        self.shared_axes = None if axes is None else list(axes)

    def build(self, input_shape: Any) -> None:
        shape = list(input_shape[1:])
        if self.shared_axes:
            for axis in canonicalize_axes(self.name, self.shared_axes, input_shape):
                shape[axis - 1] = 1
        if None in shape:
            raise ShapeError(
                f"layer {self.name!r} (PReLU): inputs {tuple(input_shape)} have axes of unknown size; "
                "name them in shared_axes="
            )
        self.alpha = self.add_weight(
            "alpha", tuple(shape), self.alpha_initializer, self.alpha_regularizer, self.alpha_constraint
        )
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        inputs = to_float(inputs, self.dtype)
        alpha = self.alpha.value
        fits = inputs.ndim == alpha.ndim + 1 and all(
            own in (1, size) for own, size in zip(alpha.shape, inputs.shape[1:], strict=True)
        )
        if not fits:
            raise ShapeError(
                f"layer {self.name!r} (PReLU): has slopes of shape {alpha.shape}, got inputs {tuple(inputs.shape)}"
            )
        return jnp.where(inputs > 0, inputs, alpha * inputs)


@register()
class RReLU(Layer):
    """Leaky ReLU with a random slope: drawn uniformly from ``[lower, upper]`` for each element in training.

    At inference the slope is the mean, ``(lower + upper) / 2``.

    Parameters
    ----------
    lower, upper: 1/8 and 1/3; data. seed: draws from a stream of its own instead of the run's.

    Any shape, kept. Source: Xu et al. 2015, whose winning range 1/8 ... 1/3 is PyTorch's default too; not in Keras.
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
            key = current().next_key(self.seed)
            slope = jax.random.uniform(key, inputs.shape, inputs.dtype, lower, upper)
        return jnp.where(inputs > 0, inputs, slope * inputs)


@register()
class ELU(Layer):
    """Exponential linear unit: ``x`` above 0 and ``alpha (exp(x) - 1)`` below.

    Parameters
    ----------
    alpha: minus the limit for large negative inputs, 1 by default; data.

    Any shape, kept. Source: Clevert et al. 2016.
    """

    hyperparameters = ("alpha",)

    @validate_params(LAYER)
    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: Array) -> Array:
        return activations.elu(inputs, self.alpha)


@register()
class Softmax(Layer):
    """Normalised exponentials ``exp(x_k) / sum_j exp(x_j)`` along `axis`.

    Parameters
    ----------
    axis: a number or a list of numbers (one sum over all of them), -1 by default; never the batch axis.

    Called with ``mask=``, a boolean array, it gives 0 where the mask is False. Any shape, kept. As the last
    layer of a classifier it lets the cross-entropy losses work on its inputs, like ``activation="softmax"``.
    """

    @validate_params(LAYER, axis=AXES)
    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, tuple) else axis

    def call(self, inputs: Array, mask: Any = None) -> Array:
        inputs = to_float(inputs, self.dtype)
        axes = canonicalize_axes(self.name, self.axis, inputs.shape)
        if mask is not None:
            # The lowest finite number, not -inf: a row without any True gives equal shares instead of NaN.
            inputs = jnp.where(mask, inputs, jnp.finfo(inputs.dtype).min)
        if len(axes) > 1:
            return jax.nn.softmax(inputs, axis=axes)
        return activations.softmax(inputs, axis=-1 if axes[0] == inputs.ndim - 1 else axes[0])
