"""Base classes of the normalization layers."""

from __future__ import annotations

from typing import Any

from fitwell import constraints, initializers, regularizers
from fitwell._variables import Array, Variable
from fitwell.errors import ShapeError
from fitwell.layers.base import Layer

__all__ = ["AffineNormalization", "BaseNormalization"]


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
