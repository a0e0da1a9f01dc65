"""The `LayerNormalization` layer."""

from __future__ import annotations

from typing import Any

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import AXES, LAYER
from fitwell.layers.array_ops import canonicalize_axes, promote_to_float32, to_float
from fitwell.layers.base import register
from fitwell.layers.base_normalization import AffineNormalization

__all__ = ["LayerNormalization"]


@register()
class LayerNormalization(AffineNormalization):
    """A layer that normalizes each row over its features: ``gamma (x - mean) / sqrt(var + epsilon) + beta``.

    The mean and (biased) variance are computed along `axis` for each row, independently of the other rows.

    Args:
        axis (int | list[int]): Axes to normalize over. `gamma` and `beta` have the sizes of these axes.
            Default: -1.
        epsilon (float): Small number added to the variance. Changing it does not trigger recompilation.
            Default: 1e-3.
        center (bool): Whether to add a learned `beta`. Default: True.
        scale (bool): Whether to multiply by a learned `gamma`. Default: True.
        beta_initializer (str | Initializer): Initializer for `beta`. Default: ``"zeros"``.
        gamma_initializer (str | Initializer): Initializer for `gamma`. Default: ``"ones"``.
        beta_regularizer (str | Regularizer | None): Penalty on `beta`. Default: None.
        gamma_regularizer (str | Regularizer | None): Penalty on `gamma`. Default: None.
        beta_constraint (str | Constraint | None): Projection applied to `beta` after every update. Default:
            None.
        gamma_constraint (str | Constraint | None): Projection applied to `gamma` after every update. Default:
            None.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, ...]`. The output has the same shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> outputs = fw.layers.LayerNormalization(epsilon=0.0)(np.array([[1.0, 3.0], [10.0, 30.0]]))
        >>> np.asarray(outputs, float).round(5).tolist()
        [[-1.0, 1.0], [-1.0, 1.0]]

    Source: Keras `LayerNormalization`; Ba et al. (2016).
    """

    supports_masking = True

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
        super().__init__(
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        self.axis = list(axis) if isinstance(axis, tuple) else axis

    def build(self, input_shape: Any) -> None:
        self.axes = canonicalize_axes(self.name, self.axis, input_shape)
        self.sizes = self._require_sizes(self.axes, input_shape)
        self._add_gamma_and_beta(self.sizes)
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        inputs = to_float(inputs, self.dtype)
        self._check_sizes(inputs, self.axes, self.sizes)
        values = self._standardize(promote_to_float32(inputs), self.axes)
        return self._scale_and_shift(values, self.axes, inputs.dtype)
