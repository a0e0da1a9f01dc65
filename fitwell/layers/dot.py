"""The `Dot` layer and the `dot` function."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import Integer, ListOf, validate_params
from fitwell._typing import Array
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.array_ops import to_float
from fitwell.layers.base import register
from fitwell.layers.base_merge import Merge
from fitwell.layers.unit_normalization import l2_normalize_in_float32

__all__ = ["Dot", "dot"]


@register()
class Dot(Merge):
    """A layer that computes the dot product of two inputs for each row, along one axis of each input.

    Args:
        axes (int | tuple[int, int]): One axis for both inputs, or one axis for each. The two axes must have
            the same size, and the batch axis 0 is not allowed.
        normalize (bool): Whether to first scale both inputs to length 1 along the axis, which gives the
            cosine similarity. Default: False.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, *a, n]` and `[batch, *b, n]`. The axes of size n can be at any position after the batch axis.

    Output shape:
        `[batch, *a, *b]`, or `[batch, 1]` if both `a` and `b` are empty.

    Raises:
        InvalidArgument: if there are not two inputs.
        ShapeError: if the two axes have different sizes, or one of them is the batch axis or does not exist.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Dot(axes=1)([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).tolist()
        [[11.0]]

    Source: Keras `Dot`.
    """

    supports_masking = True

    @validate_params(LAYER, axes=Integer() | ListOf(Integer(), 2))
    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axes = list(axes) if isinstance(axes, tuple) else axes
        self.normalize = bool(normalize)

    def merge(self, inputs: list[Array]) -> Array:
        if len(inputs) != 2:
            raise InvalidArgument(f"layer {self.name!r} (Dot) takes exactly two inputs, got {len(inputs)}")
        axes = self.axes if isinstance(self.axes, list) else [self.axes, self.axes]
        shapes = [tuple(item.shape) for item in inputs]
        positions = [
            axis % len(shape) if -len(shape) <= axis < len(shape) else 0
            for axis, shape in zip(axes, shapes, strict=True)
        ]
        if 0 in positions or shapes[0][positions[0]] != shapes[1][positions[1]]:
            raise ShapeError(
                f"layer {self.name!r} (Dot): axes={self.axes} is not valid for inputs of shapes {shapes[0]} "
                f"and {shapes[1]}; both axes must exist, have the same size, and not be the batch axis (0)"
            )
        left, right = inputs
        if self.normalize:
            left, right = (
                l2_normalize_in_float32(to_float(item, self.dtype), (position,))
                for item, position in zip(inputs, positions, strict=True)
            )
        common = jnp.promote_types(left.dtype, right.dtype)
        dimension_numbers = (((positions[0],), (positions[1],)), ((0,), (0,)))
        outputs = jax.lax.dot_general(left.astype(common), right.astype(common), dimension_numbers)
        return outputs[:, None] if outputs.ndim == 1 else outputs


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Return the dot product of two `inputs` along `axes`. See `Dot`.

    Args:
        inputs (list[Array]): Two arrays or KerasTensors.
        axes (int | tuple[int, int]): One axis for both inputs, or one axis for each. Default: -1.
        **kwargs: Arguments of `Dot`.

    Returns:
        Array: The product.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.dot([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).tolist()
        [[11.0]]
    """
    return Dot(axes=axes, **kwargs)(inputs)
