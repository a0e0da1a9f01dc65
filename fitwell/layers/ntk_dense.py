"""The `NTKDense` layer."""

from __future__ import annotations

import math
from typing import Any

from fitwell import initializers
from fitwell._param_validation import Identifier, validate_params
from fitwell._typing import Array
from fitwell.layers.base import register
from fitwell.layers.dense import Dense

__all__ = ["NTKDense"]


@register()
class NTKDense(Dense):
    """Fully connected layer with the neural tangent kernel (NTK) parametrization.

    The layer computes ``activation(inputs @ kernel / √width + bias)``, where `width` is the width of the inputs. The
    kernel's initial entries are drawn from N(0, 1). The layer can represent the same functions as `Dense`, but its best
    learning rate does not depend on the width, and weight decay acts on kernel entries of order 1. Keras does not
    have this layer.

    Args:
        units (int): Number of neurons, which is the width of the output.
        activation (str | Callable | None): Activation function. Defaults to None, which means linear.
        use_bias (bool): Whether to add the bias. Default: True.
        kernel_initializer (str | Initializer | None): Initializer for the kernel. Defaults to None, which means
            ``RandomNormal(stddev=1.0)``.
        bias_initializer (str | Initializer): Initializer for the bias. Default: ``"zeros"``.
        **kwargs: Other arguments of `Dense`, such as `kernel_regularizer`, and arguments of `Layer`.

    Input shape:
        `[batch, ..., width]`.

    Output shape:
        `[batch, ..., units]`. The kernel has the shape `[width, units]`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> layer = fw.layers.NTKDense(1, kernel_initializer="ones")
        >>> layer(np.ones((1, 4))).tolist()
        [[2.0]]

    Source: Jacot et al. (2018), *Neural tangent kernel*; Holzmüller et al. (2024), *Better by default*.
    """

    supports_masking = True

    @validate_params(kernel_initializer=Identifier(initializers.get) | None)
    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = None,
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        if kernel_initializer is None:
            kernel_initializer = initializers.RandomNormal(stddev=1.0)
        super().__init__(units, activation, use_bias, kernel_initializer, bias_initializer, **kwargs)

    def _multiply(self, inputs: Array) -> Array:
        return super()._multiply(inputs) / math.sqrt(self.kernel.shape[0])
