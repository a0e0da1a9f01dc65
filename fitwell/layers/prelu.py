"""The `PReLU` layer."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell import constraints, initializers, regularizers
from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.layers.argument_rules import AXES, LAYER
from fitwell.layers.array_ops import canonicalize_axes, to_float
from fitwell.layers.base import Layer, register

__all__ = ["PReLU"]


@register()
class PReLU(Layer):
    """Leaky ReLU with learned slopes, which returns ``x`` above 0 and ``alpha * x`` below 0.

    By default, each feature has a separate `alpha`.

    Args:
        alpha_initializer (str | Initializer): Initializer for `alpha`. Default: ``"zeros"``.
        alpha_regularizer (str | Regularizer | None): Penalty on `alpha`. Default: None.
        alpha_constraint (str | Constraint | None): Projection applied to `alpha` after every update. Default:
            None.
        shared_axes (int | list[int] | None): Axes along which the slope is shared, such as [1, 2] for one
            slope per image channel. Default: None.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, ...]`. The output has the same shape. `alpha` has the shape of one row, with size 1 along
        shared axes.

    Raises:
        ShapeError: if an axis that is not shared has an unknown size.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> layer = fw.layers.PReLU(alpha_initializer=fw.initializers.Constant(0.5))
        >>> layer(np.array([[-2.0, 3.0]])).tolist()
        [[-1.0, 3.0]]

    Source: Keras `PReLU`; He et al. (2015).
    """

    supports_masking = True

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
                f"layer {self.name!r} (PReLU): inputs of shape {tuple(input_shape)} have axes of unknown "
                "size; list these axes in shared_axes, except the batch axis (0)"
            )
        self.alpha = self.add_weight(
            "alpha", tuple(shape), self.alpha_initializer, self.alpha_regularizer, self.alpha_constraint
        )
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        inputs = to_float(inputs, self.dtype)
        alpha = self.alpha.value
        fits = inputs.ndim == alpha.ndim + 1 and all(
            slopes in (1, size) for slopes, size in zip(alpha.shape, inputs.shape[1:], strict=True)
        )
        if not fits:
            raise ShapeError(
                f"layer {self.name!r} (PReLU) has slopes of shape {alpha.shape}, but got inputs of shape "
                f"{tuple(inputs.shape)}"
            )
        return jnp.where(inputs > 0, inputs, alpha * inputs)
