"""Base classes of the normalization layers."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from fitwell import constraints, initializers, regularizers
from fitwell._typing import Array
from fitwell._variables import Variable
from fitwell.errors import ShapeError
from fitwell.layers.array_ops import get_broadcast_shape
from fitwell.layers.base import Layer

__all__ = ["AffineNormalization", "BaseNormalization"]


class BaseNormalization(Layer):
    """Base class of the normalization layers. It checks the sizes of the feature axes."""

    def _require_sizes(self, axes: tuple[int, ...], input_shape: Any) -> tuple[int, ...]:
        """Return the sizes of `axes`. Raise `ShapeError` if one of them is unknown."""
        sizes = tuple(input_shape[axis] for axis in axes)
        if None in sizes:
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}) needs known sizes on axes {axes}, "
                f"got inputs of shape {tuple(input_shape)}"
            )
        return sizes

    def _check_sizes(self, inputs: Array, axes: tuple[int, ...], sizes: tuple[int, ...]) -> None:
        """Check that the sizes of `inputs` along `axes` are the sizes that the layer was built for."""
        if max(axes, default=-1) >= inputs.ndim or tuple(inputs.shape[axis] for axis in axes) != sizes:
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}) was built for sizes {sizes} on axes {axes}, "
                f"but got inputs of shape {tuple(inputs.shape)}"
            )


class AffineNormalization(BaseNormalization):
    """Base class of normalization layers with a learned scale `gamma` and offset `beta`."""

    hyperparameters: ClassVar[tuple[str, ...]] = ("epsilon",)
    gamma: Variable | None = None
    beta: Variable | None = None

    def __init__(
        self,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        beta_regularizer: Any,
        gamma_regularizer: Any,
        beta_constraint: Any,
        gamma_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.center = bool(center)
        self.scale = bool(scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)

    def _add_gamma_and_beta(self, shape: tuple[int, ...]) -> None:
        if self.scale:
            self.gamma = self.add_weight(
                "gamma", shape, self.gamma_initializer, self.gamma_regularizer, self.gamma_constraint
            )
        if self.center:
            self.beta = self.add_weight(
                "beta", shape, self.beta_initializer, self.beta_regularizer, self.beta_constraint
            )

    def _standardize(self, values: Array, axes: tuple[int, ...]) -> Array:
        """Return ``(values - mean) / sqrt(var + epsilon)``, with the mean and variance over `axes`."""
        mean = jnp.mean(values, axes, keepdims=True)
        variance = jnp.mean(jnp.square(values - mean), axes, keepdims=True)
        return (values - mean) * jax.lax.rsqrt(variance + jnp.asarray(self.epsilon, values.dtype))

    def _scale_and_shift(self, inputs: Array, axes: tuple[int, ...], dtype: Any) -> Array:
        """Return ``gamma * inputs + beta``, converted to `dtype`. `gamma` and `beta` vary along `axes`."""
        broadcast = get_broadcast_shape(inputs, axes)
        if self.gamma is not None:
            inputs = inputs * self.gamma.value.reshape(broadcast)
        if self.beta is not None:
            inputs = inputs + self.beta.value.reshape(broadcast)
        return inputs.astype(dtype)
