"""`Dot` and its function."""

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
    """Dot product of two inputs along one axis of each, row by row.

    Args:
        axes (int | tuple[int, int]): Axis of both inputs, or one axis for each. Their sizes must agree, and 0 (the
            batch) is not allowed.
        normalize (bool): Whether to scale both inputs to length 1 along the axis first, which gives the cosine
            similarity. Default: False.
        **kwargs: `name`, `trainable`, `dtype`, `activity_regularizer` and `input_shape`, as for `Layer`.

    Input shape:
        `[batch, ...a, n, ...]` and `[batch, ...b, n, ...]`.

    Output shape:
        `[batch, ...a, ...b]`, without the axis of both; `[batch, 1]` when no other axes are left.

    Raises:
        InvalidArgument: if there are not two inputs.
        ShapeError: if the sizes of the axes differ.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Dot(axes=1)([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).tolist()
        [[11.0]]

    Source: Keras `Dot`.
    """

    @validate_params(LAYER, axes=Integer() | ListOf(Integer(), 2))
    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axes = list(axes) if isinstance(axes, tuple) else axes
        self.normalize = bool(normalize)

    def merge(self, inputs: list[Array]) -> Array:
        if len(inputs) != 2:
            raise InvalidArgument(f"layer {self.name!r} (Dot): takes exactly two inputs, got {len(inputs)}")
        axes = self.axes if isinstance(self.axes, list) else [self.axes, self.axes]
        shapes = [tuple(item.shape) for item in inputs]
        positions = [
            axis % len(shape) if -len(shape) <= axis < len(shape) else 0
            for axis, shape in zip(axes, shapes, strict=True)
        ]
        if 0 in positions or shapes[0][positions[0]] != shapes[1][positions[1]]:
            raise ShapeError(
                f"layer {self.name!r} (Dot): shapes {shapes[0]} and {shapes[1]} have no common size on axes "
                f"{self.axes}; the batch axis 0 cannot be one of them"
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
    """Return the dot product of two `inputs` along `axes`; see `Dot`.

    Args:
        inputs (list[Array]): Two arrays or KerasTensors.
        axes (int | tuple[int, int]): Default: -1.
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
