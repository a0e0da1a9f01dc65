"""The `BatchNormalization` layer."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell import initializers
from fitwell._call_context import current_call_context, num_valid_rows
from fitwell._param_validation import Identifier, Real, validate_params
from fitwell._typing import Array
from fitwell.layers.argument_rules import AXES, LAYER
from fitwell.layers.array_ops import canonicalize_axes, get_broadcast_shape, promote_to_float32, to_float
from fitwell.layers.base import register
from fitwell.layers.base_normalization import AffineNormalization

__all__ = ["BatchNormalization"]


@register()
class BatchNormalization(AffineNormalization):
    """A layer that normalizes each feature over the batch: ``gamma (x - mean) / sqrt(var + epsilon) + beta``.

    Training uses the batch's mean and (biased) variance, and updates the moving statistics with
    ``moving = moving * momentum + batch * (1 - momentum)``. Inference and frozen layers use the moving
    statistics. Padding rows in a short batch are never counted.

    Args:
        axis (int | list[int]): Feature axes. Each index along these axes has separate statistics. Default:
            -1. (Keras 3 accepts only one axis.)
        momentum (float): Momentum of the moving statistics, in [0, 1]. Changing it does not trigger
            recompilation. Default: 0.99.
        epsilon (float): Small number added to the variance. Changing it does not trigger recompilation.
            Default: 1e-3.
        center (bool): Whether to add a learned `beta`. Default: True.
        scale (bool): Whether to multiply by a learned `gamma`. Default: True.
        beta_initializer (str | Initializer): Initializer for `beta`. Default: ``"zeros"``.
        gamma_initializer (str | Initializer): Initializer for `gamma`. Default: ``"ones"``.
        moving_mean_initializer (str | Initializer): Initializer for the moving mean. Default: ``"zeros"``.
        moving_variance_initializer (str | Initializer): Initializer for the moving variance. Default:
            ``"ones"``.
        beta_regularizer (str | Regularizer | None): Penalty on `beta`. Default: None.
        gamma_regularizer (str | Regularizer | None): Penalty on `gamma`. Default: None.
        beta_constraint (str | Constraint | None): Projection applied to `beta` after every update. Default:
            None.
        gamma_constraint (str | Constraint | None): Projection applied to `gamma` after every update. Default:
            None.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, ...]`. The output has the same shape.

    Raises:
        InvalidArgument: if `axis` contains the batch axis, or an axis that is repeated or does not exist.
        ShapeError: if the size of a feature axis is unknown, or differs from the size the layer was built
            for.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> layer = fw.layers.BatchNormalization(epsilon=0.0)
        >>> layer(np.array([[1.0], [3.0]]), training=True).tolist()
        [[-1.0], [1.0]]
        >>> np.asarray(layer.moving_mean.value, float).round(5).tolist()
        [0.02]

    Source: Keras `BatchNormalization`; Ioffe and Szegedy (2015).
    """

    supports_masking = True

    hyperparameters = ("momentum", "epsilon")

    @validate_params(
        LAYER,
        axis=AXES,
        momentum=Real(0, 1),
        moving_mean_initializer=Identifier(initializers.get),
        moving_variance_initializer=Identifier(initializers.get),
    )
    def __init__(
        self,
        axis: Any = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
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
        self.momentum = momentum
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)

    def build(self, input_shape: Any) -> None:
        self.kept_axes = canonicalize_axes(self.name, self.axis, input_shape)
        shape = self._require_sizes(self.kept_axes, input_shape)
        self._add_gamma_and_beta(shape)
        self.moving_mean = self.add_weight(
            "moving_mean", shape, self.moving_mean_initializer, trainable=False
        )
        self.moving_variance = self.add_weight(
            "moving_variance", shape, self.moving_variance_initializer, trainable=False
        )
        super().build(input_shape)

    def call(self, inputs: Array, training: bool = False, mask: Array | None = None) -> Array:
        """Standardize the inputs. Masked time steps do not count in the batch's statistics."""
        self._check_sizes(inputs, self.kept_axes, self.moving_mean.shape)
        inputs = to_float(inputs, self.dtype)
        # Statistics of half-precision inputs are computed in float32, because sums of squares overflow
        # float16.
        exact = promote_to_float32(inputs)
        broadcast = get_broadcast_shape(inputs, self.kept_axes)
        if training and self.trainable:
            mean, variance = self._moments(exact, mask)
            momentum = jnp.asarray(self.momentum, mean.dtype)
            self.moving_mean.assign(self.moving_mean.value * momentum + mean * (1 - momentum))
            self.moving_variance.assign(self.moving_variance.value * momentum + variance * (1 - momentum))
        else:
            mean, variance = self.moving_mean.value, self.moving_variance.value
        scale = 1 / jnp.sqrt(variance + jnp.asarray(self.epsilon, variance.dtype))
        if self.gamma is not None:
            scale = scale * self.gamma.value
        outputs = (exact - mean.reshape(broadcast)) * scale.reshape(broadcast)
        if self.beta is not None:
            outputs = outputs + self.beta.value.reshape(broadcast)
        return outputs.astype(inputs.dtype)

    def _moments(self, inputs: Array, mask: Array | None) -> tuple[Array, Array]:
        """Return the mean and biased variance over all axes except the feature axes. Ignore padding rows."""
        axes = tuple(axis for axis in range(inputs.ndim) if axis not in self.kept_axes)
        sample_mask = current_call_context().sample_mask
        if sample_mask is None and mask is None:
            return jnp.mean(inputs, axes), jnp.var(inputs, axes)
        rows = jnp.ones(len(inputs)) if sample_mask is None else sample_mask
        weights = rows.astype(inputs.dtype).reshape((-1,) + (1,) * (inputs.ndim - 1))
        if mask is None:
            count = num_valid_rows(inputs.dtype) * (inputs.size / inputs.shape[0] / self.moving_mean.size)
        else:
            weights = weights * mask.astype(inputs.dtype).reshape(
                mask.shape + (1,) * (inputs.ndim - mask.ndim)
            )
            count = jnp.sum(jnp.broadcast_to(weights, inputs.shape)) / self.moving_mean.size
        mean = jnp.sum(inputs * weights, axes, keepdims=True) / count
        variance = jnp.sum(jnp.square(inputs - mean) * weights, axes) / count
        return mean.reshape(variance.shape), variance
