"""The `PeriodicEmbedding` layer."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from fitwell import activations, initializers
from fitwell._param_validation import Boolean, Integer, Real, validate_params
from fitwell._typing import Array
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.array_ops import to_float
from fitwell.layers.base import Layer, register

__all__ = ["PeriodicEmbedding"]


@register()
class PeriodicEmbedding(Layer):
    """A layer that maps each numerical feature to a learned vector, which is computed from cosines of the feature.

    A feature x becomes the vector ``[x, f(A cos(2π w x + b) + c)]``. The frequencies w, the phases b, the matrix A and
    the bias c are learned separately for each feature. With these vectors as inputs, small networks fit rapidly
    oscillating functions much better than with the features themselves. Keras does not have this layer.

    Standardize the features first, because the frequencies are in cycles per unit of the feature.

    Args:
        output_dim (int): Length of the vector for one feature. It includes the entry for the feature itself if
            `include_input` is True. Default: 4.
        num_frequencies (int): Number of cosines for each feature. Default: 16.
        frequency_stddev (float): Standard deviation of the initial frequencies, above 0. With larger values, the layer
            can fit functions that oscillate faster, but needs more training data. Default: 0.1.
        activation (str | Callable | None): The function f. Defaults to None, which means linear.
        include_input (bool): Whether the first entry of the vector is the feature itself. Default: True.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, features]`.

    Output shape:
        `[batch, features, output_dim]`. Add a `Flatten` layer before a dense layer.

    Raises:
        InvalidArgument: if `output_dim` is 1 and `include_input` is True, which leaves no entry for the cosines.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> embedding = fw.layers.PeriodicEmbedding()
        >>> embedding(np.zeros((2, 5))).shape
        (2, 5, 4)

    Source: Gorishniy et al. (2022), *On embeddings for numerical features in tabular deep learning*; Holzmüller et al.
    (2024), *Better by default*, where the default form is called PBLD.
    """

    @validate_params(
        LAYER,
        output_dim=Integer(1),
        num_frequencies=Integer(1),
        frequency_stddev=Real(0, closed="right"),
        include_input=Boolean(),
    )
    def __init__(
        self,
        output_dim: int = 4,
        num_frequencies: int = 16,
        frequency_stddev: float = 0.1,
        activation: Any = None,
        include_input: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if include_input and output_dim == 1:
            raise InvalidArgument(
                "PeriodicEmbedding: output_dim=1 with include_input=True has no room for the cosines; "
                "use output_dim=2 or more, or include_input=False"
            )
        self.output_dim = output_dim
        self.num_frequencies = num_frequencies
        self.frequency_stddev = frequency_stddev
        self.activation = activations.get(activation)
        self.include_input = bool(include_input)

    def build(self, input_shape: Any) -> None:
        if len(input_shape) != 2 or input_shape[-1] is None:
            raise ShapeError(
                f"layer {self.name!r} (PeriodicEmbedding): expected inputs of shape (batch, features) with a known "
                f"number of features, got {tuple(input_shape)}"
            )
        features, width = input_shape[-1], self.output_dim - self.include_input
        normal = initializers.RandomNormal(stddev=self.frequency_stddev)
        phase = initializers.RandomUniform(-math.pi, math.pi)
        bound = 1 / math.sqrt(self.num_frequencies)
        uniform = initializers.RandomUniform(-bound, bound)
        self.frequencies = self.add_weight("frequencies", (features, self.num_frequencies), normal)
        self.phases = self.add_weight("phases", (features, self.num_frequencies), phase)
        self.kernel = self.add_weight("kernel", (features, self.num_frequencies, width), uniform)
        self.bias = self.add_weight("bias", (features, width), uniform)
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        features = self.frequencies.shape[0]
        if inputs.ndim != 2 or inputs.shape[1] != features:
            raise ShapeError(
                f"layer {self.name!r} (PeriodicEmbedding): expected inputs of shape (batch, {features}), "
                f"got {tuple(inputs.shape)}"
            )
        inputs = to_float(inputs, self.dtype)
        angles = 2 * math.pi * inputs[:, :, None] * self.frequencies.value + self.phases.value
        embedded = jnp.einsum("bfk,fkd->bfd", jnp.cos(angles), self.kernel.value) + self.bias.value
        embedded = self.activation(embedded)
        return jnp.concatenate([inputs[:, :, None], embedded], axis=-1) if self.include_input else embedded
