"""Layers that normalise each row by itself: Layer-, RMS-, Group- and UnitNormalization."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell import constraints, initializers, regularizers
from fitwell._param_validation import Integer, validate_params
from fitwell._variables import Array, Variable
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.argument_rules import AXES, LAYER, canonicalize_axes, promote_to_float32, to_float
from fitwell.layers.base import Layer, register


class BaseNormalization(Layer):
    """Base of layers with a learned scale and shift over `axis`, computed in float32 at least."""

    gamma: Variable | None = None
    beta: Variable | None = None

    def known_sizes(self, axes: tuple[int, ...], input_shape: Any) -> tuple[int, ...]:
        """Return the sizes of `axes`, all of which must be known."""
        sizes = tuple(input_shape[axis] for axis in axes)
        if None in sizes:
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}): needs known sizes on axes {axes}, "
                f"got inputs {tuple(input_shape)}"
            )
        return sizes

    def check(self, inputs: Array, axes: tuple[int, ...], sizes: tuple[int, ...]) -> None:
        """Compare `inputs` with what the layer was built for."""
        if max(axes) >= inputs.ndim or tuple(inputs.shape[axis] for axis in axes) != sizes:
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}): built for sizes {sizes} on axes {axes}, "
                f"got inputs of shape {tuple(inputs.shape)}"
            )


class AffineNormalization(BaseNormalization):
    """Base of the normalisations with `gamma` and `beta`: their arguments and variables."""

    hyperparameters = ("epsilon",)

    def _keep(
        self,
        epsilon: float,
        center: bool,
        scale: bool,
        initial: tuple[Any, Any],
        penalties: tuple[Any, Any],
        limits: tuple[Any, Any],
    ) -> None:
        self.epsilon = epsilon
        self.center = bool(center)
        self.scale = bool(scale)
        self.beta_initializer, self.gamma_initializer = map(initializers.get, initial)
        self.beta_regularizer, self.gamma_regularizer = map(regularizers.get, penalties)
        self.beta_constraint, self.gamma_constraint = map(constraints.get, limits)

    def _add_scale_and_shift(self, shape: tuple[int, ...]) -> None:
        if self.scale:
            self.gamma = self.add_weight(
                "gamma", shape, self.gamma_initializer, self.gamma_regularizer, self.gamma_constraint
            )
        if self.center:
            self.beta = self.add_weight(
                "beta", shape, self.beta_initializer, self.beta_regularizer, self.beta_constraint
            )

    def _finish(self, inputs: Array, broadcast: tuple[int, ...], dtype: Any) -> Array:
        if self.gamma is not None:
            inputs = inputs * self.gamma.value.reshape(broadcast)
        if self.beta is not None:
            inputs = inputs + self.beta.value.reshape(broadcast)
        return inputs.astype(dtype)


@register()
class LayerNormalization(AffineNormalization):
    """Normalise each row over its features: ``gamma (x - mean) / sqrt(var + epsilon) + beta``.

    Mean and (biased) variance are those of one row along `axis`; nothing depends on the batch.

    Parameters
    ----------
    axis: the axis, or a list of axes, normalised over and with a gamma and beta of their own; -1 by default.
    epsilon: added to the variance, 1e-3; data. center, scale: whether there are `beta` and `gamma`.
    beta_initializer ``"zeros"``, gamma_initializer ``"ones"``, and their regularizers and constraints.

    Any shape ``[batch, ...]``, kept. Source: Ba et al. 2016.
    """

    @validate_params(LAYER, axis=AXES)
    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, tuple) else axis
        self._keep(
            epsilon,
            center,
            scale,
            (beta_initializer, gamma_initializer),
            (beta_regularizer, gamma_regularizer),
            (beta_constraint, gamma_constraint),
        )

    def build(self, input_shape: Any) -> None:
        self.axes = canonicalize_axes(self.name, self.axis, input_shape)
        self.sizes = self.known_sizes(self.axes, input_shape)
        self._add_scale_and_shift(self.sizes)
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        inputs = to_float(inputs, self.dtype)
        self.check(inputs, self.axes, self.sizes)
        values = promote_to_float32(inputs)
        mean = jnp.mean(values, self.axes, keepdims=True)
        variance = jnp.mean(jnp.square(values - mean), self.axes, keepdims=True)
        values = (values - mean) * jax.lax.rsqrt(variance + jnp.asarray(self.epsilon, values.dtype))
        broadcast = tuple(size if axis in self.axes else 1 for axis, size in enumerate(inputs.shape))
        return self._finish(values, broadcast, inputs.dtype)


@register()
class RMSNormalization(BaseNormalization):
    """Divide each row by its root mean square: ``scale x / sqrt(mean(x²) + epsilon)``.

    Parameters
    ----------
    axis: the axis, or a list of axes, of the mean and of the learned `scale`; -1 by default. (Keras 3.15 fails with
        any axis but the last.)
    epsilon: 1e-6; data.

    Any shape ``[batch, ...]``, kept. Source: Zhang and Sennrich 2019.
    """

    hyperparameters = ("epsilon",)

    @validate_params(LAYER, axis=AXES)
    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, tuple) else axis
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        self.axes = canonicalize_axes(self.name, self.axis, input_shape)
        self.sizes = self.known_sizes(self.axes, input_shape)
        self.scale = self.add_weight("scale", self.sizes, "ones")
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        inputs = to_float(inputs, self.dtype)
        self.check(inputs, self.axes, self.sizes)
        values = promote_to_float32(inputs)
        power = jnp.mean(jnp.square(values), self.axes, keepdims=True)
        broadcast = tuple(size if axis in self.axes else 1 for axis, size in enumerate(inputs.shape))
        values = values * jax.lax.rsqrt(power + jnp.asarray(self.epsilon, values.dtype))
        return (values * self.scale.value.reshape(broadcast)).astype(inputs.dtype)


_GROUPS = (Integer(-1, -1) | Integer(1)).described_as("an integer of at least 1, or -1")


@register()
class GroupNormalization(AffineNormalization):
    """Normalise each row over groups of channels: ``gamma (x - mean) / sqrt(var + epsilon) + beta``.

    The channels are cut into `groups` equal parts; mean and (biased) variance are those of one part of one
    row over all other axes. One group resembles `LayerNormalization`, ``groups=-1`` is one group a channel
    (instance normalisation).

    Parameters
    ----------
    groups: number of groups, 32; must divide the number of channels. axis: of the channels, -1.
    epsilon: 1e-3; data. center, scale, and the settings of beta and gamma: as for `LayerNormalization`.

    Any shape ``[batch, ...]``, kept; gamma and beta have one entry a channel. Source: Wu and He 2018.
    """

    @validate_params(LAYER, groups=_GROUPS)
    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.groups = groups
        self.axis = axis
        self._keep(
            epsilon,
            center,
            scale,
            (beta_initializer, gamma_initializer),
            (beta_regularizer, gamma_regularizer),
            (beta_constraint, gamma_constraint),
        )

    def build(self, input_shape: Any) -> None:
        self.axes = canonicalize_axes(self.name, self.axis, input_shape)
        self.sizes = self.known_sizes(self.axes, input_shape)
        channels = self.sizes[0]
        parts = channels if self.groups == -1 else self.groups
        if channels % parts:
            raise InvalidArgument(
                f"layer {self.name!r} (GroupNormalization): {channels} channels of inputs {tuple(input_shape)} "
                f"cannot be cut into {parts} equal groups; pass groups= a divisor of {channels}"
            )
        self._parts = parts
        self._add_scale_and_shift(self.sizes)
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        inputs = to_float(inputs, self.dtype)
        self.check(inputs, self.axes, self.sizes)
        axis, shape = self.axes[0], inputs.shape
        cut = (*shape[:axis], self._parts, shape[axis] // self._parts, *shape[axis + 1 :])
        values = promote_to_float32(inputs).reshape(cut)
        others = tuple(place for place in range(1, len(cut)) if place != axis)
        mean = jnp.mean(values, others, keepdims=True)
        variance = jnp.mean(jnp.square(values - mean), others, keepdims=True)
        values = (values - mean) * jax.lax.rsqrt(variance + jnp.asarray(self.epsilon, values.dtype))
        broadcast = tuple(size if place == axis else 1 for place, size in enumerate(shape))
        return self._finish(values.reshape(shape), broadcast, inputs.dtype)


@register()
class UnitNormalization(Layer):
    """Scale each row to length 1: ``x / max(sqrt(sum(x²)), 1e-12)``; a row of zeros stays zero.

    axis: the axis, or a list of axes, of the sum; -1 by default. Any shape ``[batch, ...]``, kept.
    """

    @validate_params(LAYER, axis=AXES)
    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, tuple) else axis

    def call(self, inputs: Array) -> Array:
        inputs = to_float(inputs, self.dtype)
        return l2_normalize(inputs, canonicalize_axes(self.name, self.axis, inputs.shape))


def l2_normalize(inputs: Array, axes: tuple[int, ...]) -> Array:
    """Return `inputs` divided by their length along `axes`."""
    values = promote_to_float32(inputs)
    square = jnp.sum(jnp.square(values), axes, keepdims=True)
    # The square is limited, not the root: its derivative at a row of zeros is finite.
    return (values * jax.lax.rsqrt(jnp.maximum(square, 1e-24))).astype(inputs.dtype)
