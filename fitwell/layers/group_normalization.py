"""The `GroupNormalization` layer."""

from __future__ import annotations

from typing import Any

from fitwell._param_validation import Integer, validate_params
from fitwell._typing import Array
from fitwell.errors import InvalidArgument
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.array_ops import canonicalize_axes, promote_to_float32, to_float
from fitwell.layers.base import register
from fitwell.layers.base_normalization import AffineNormalization

__all__ = ["GroupNormalization"]


_GROUPS = (Integer(-1, -1) | Integer(1)).described_as("an integer of at least 1, or -1")


@register()
class GroupNormalization(AffineNormalization):
    """A layer that normalizes groups of channels: ``gamma (x - mean) / sqrt(var + epsilon) + beta``.

    The channels are split into `groups` equal groups. The mean and (biased) variance are computed for each
    row and group, over all other axes. With one group, the layer is similar to `LayerNormalization`. With
    ``groups=-1``, each channel is a separate group (instance normalization).

    Args:
        groups (int): Number of groups, which must divide the number of channels, or -1 for one group per
            channel. Default: 32.
        axis (int): Axis of the channels. Default: -1.
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
        `[batch, ...]`. The output has the same shape. `gamma` and `beta` have one entry per channel.

    Raises:
        InvalidArgument: if the number of channels is not a multiple of `groups`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> outputs = fw.layers.GroupNormalization(2, epsilon=0.0)(np.array([[1.0, 3.0, 10.0, 30.0]]))
        >>> np.asarray(outputs, float).round(5).tolist()
        [[-1.0, 1.0, -1.0, 1.0]]

    Source: Keras `GroupNormalization`; Wu and He (2018).
    """

    supports_masking = True

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
        self.groups = groups
        self.axis = axis

    def build(self, input_shape: Any) -> None:
        self.axes = canonicalize_axes(self.name, self.axis, input_shape)
        self.sizes = self._require_sizes(self.axes, input_shape)
        channels = self.sizes[0]
        groups = channels if self.groups == -1 else self.groups
        if channels % groups:
            raise InvalidArgument(
                f"layer {self.name!r} (GroupNormalization): the number of channels must be a multiple of "
                f"groups={groups}, got {channels} for inputs of shape {tuple(input_shape)}"
            )
        self._group_count = groups
        self._add_gamma_and_beta(self.sizes)
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        inputs = to_float(inputs, self.dtype)
        self._check_sizes(inputs, self.axes, self.sizes)
        axis, shape = self.axes[0], inputs.shape
        split = (*shape[:axis], self._group_count, shape[axis] // self._group_count, *shape[axis + 1 :])
        values = promote_to_float32(inputs).reshape(split)
        values = self._standardize(values, tuple(i for i in range(1, len(split)) if i != axis))
        return self._scale_and_shift(values.reshape(shape), self.axes, inputs.dtype)
