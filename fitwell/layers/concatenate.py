"""The `Concatenate` layer and the `concatenate` function."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import register
from fitwell.layers.base_merge import Merge

__all__ = ["Concatenate", "concatenate"]


@register()
class Concatenate(Merge):
    """A layer that joins arrays along an axis.

    Args:
        axis (int): Axis along which to join. It cannot be the batch axis. The sizes along all other
            axes must match. Default: -1.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        A list of at least two arrays.

    Raises:
        ShapeError: if the shapes do not match, or `axis` is the batch axis or does not exist.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Concatenate()([np.ones((2, 3)), np.ones((2, 4))]).shape
        (2, 7)

    Source: Keras `Concatenate`.
    """

    supports_masking = True

    @validate_params(LAYER)
    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the joined masks. Inputs without a mask count entirely."""
        if mask is None or all(item is None for item in mask):
            return None
        masks = []
        for array, item in zip(inputs, mask, strict=True):
            if item is None:
                masks.append(jnp.ones(array.shape, bool))
            else:
                masks.append(
                    jnp.broadcast_to(item.reshape(item.shape + (1,) * (array.ndim - item.ndim)), array.shape)
                )
        return jnp.all(jnp.concatenate(masks, axis=self.axis), axis=-1)

    def merge(self, inputs: list[Array]) -> Array:
        shapes = [list(item.shape) for item in inputs]
        ranks = {len(shape) for shape in shapes}
        axis = self.axis % len(shapes[0]) if -len(shapes[0]) <= self.axis < len(shapes[0]) else None
        others = {tuple(size for i, size in enumerate(shape) if i != axis) for shape in shapes}
        if len(ranks) > 1 or axis is None or axis == 0 or len(others) > 1:
            listed = ", ".join(str(tuple(shape)) for shape in shapes)
            raise ShapeError(
                f"layer {self.name!r} (Concatenate): shapes {listed} cannot be joined along axis {self.axis}; "
                "the axis must exist and not be the batch axis (0), and all other sizes must match"
            )
        return jnp.concatenate(inputs, axis=axis)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """Join `inputs` along `axis`. See `Concatenate`.

    Args:
        inputs (list[Array]): At least two arrays or KerasTensors.
        axis (int): Axis along which to join. Default: -1.
        **kwargs: Arguments of `Concatenate`.

    Returns:
        Array: The joined array.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.concatenate([np.ones((2, 3)), np.ones((2, 4))]).shape
        (2, 7)
    """
    return Concatenate(axis=axis, **kwargs)(inputs)
