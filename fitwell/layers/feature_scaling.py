"""The `FeatureScaling` layer."""

from __future__ import annotations

from typing import Any

from fitwell import constraints, initializers, regularizers
from fitwell._param_validation import Identifier, validate_params
from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.array_ops import to_float
from fitwell.layers.base import Layer, register

__all__ = ["FeatureScaling"]


@register()
class FeatureScaling(Layer):
    """A layer that multiplies each feature by a learned factor: ``inputs * scale``.

    Before the first dense layer, it lets training strengthen or weaken each feature. If the factors have a
    higher learning rate than the other layers' variables (see the optimizers' argument `learning_rate_multipliers`),
    the layer performs a soft feature selection. Keras does not have this layer.

    Args:
        scale_initializer (str | Initializer): Initializer for the factors. Default: ``"ones"``.
        scale_regularizer (str | Regularizer | None): Penalty on the factors. Default: None.
        scale_constraint (str | Constraint | None): Projection applied to the factors after every update. Default:
            None.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, ..., features]`.

    Output shape:
        The same as the input shape. The factors have the shape `[features]`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> layer = fw.layers.FeatureScaling(scale_initializer=fw.initializers.Constant(2.0))
        >>> layer(np.array([[1.0, -3.0]])).tolist()
        [[2.0, -6.0]]

    Source: Holzmüller et al. (2024), *Better by default: strong pre-tuned MLPs and boosted trees on tabular data*.
    """

    @validate_params(
        LAYER,
        scale_initializer=Identifier(initializers.get),
        scale_regularizer=Identifier(regularizers.get),
        scale_constraint=Identifier(constraints.get),
    )
    def __init__(
        self,
        scale_initializer: Any = "ones",
        scale_regularizer: Any = None,
        scale_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.scale_initializer = initializers.get(scale_initializer)
        self.scale_regularizer = regularizers.get(scale_regularizer)
        self.scale_constraint = constraints.get(scale_constraint)

    def build(self, input_shape: Any) -> None:
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ShapeError(
                f"layer {self.name!r} (FeatureScaling): expected inputs of shape (batch, ..., features) with a known "
                f"number of features, got {tuple(input_shape)}"
            )
        self.scale = self.add_weight(
            "scale", (input_shape[-1],), self.scale_initializer, self.scale_regularizer, self.scale_constraint
        )
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        if inputs.shape[-1] != self.scale.shape[0]:
            raise ShapeError(
                f"layer {self.name!r} (FeatureScaling): expected inputs with {self.scale.shape[0]} features, "
                f"got {tuple(inputs.shape)}"
            )
        return to_float(inputs, self.dtype) * self.scale.value
