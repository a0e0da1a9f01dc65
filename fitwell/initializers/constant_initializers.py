"""Initializers that are not random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fitwell._param_validation import NumericArray, validate_params
from fitwell._typing import NumpyArray
from fitwell.errors import ShapeError
from fitwell.initializers.base import Initializer, registry, to_dtype

__all__ = ["Constant", "Identity", "Ones", "Zeros"]


@registry.register()
class Zeros(Initializer):
    """An initializer that sets all values to 0.

    It is suitable for biases, and for the last kernel of each residual branch, as in Fixup.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.Zeros()((2,)).tolist()
        [0.0, 0.0]

    Source: Keras `Zeros`.
    """

    def __call__(
        self, shape: Sequence[int], dtype: Any = None, rng: np.random.Generator | None = None
    ) -> NumpyArray:
        """Create an array of zeros. See `Initializer`."""
        return to_dtype(np.zeros(tuple(shape)), dtype)


@registry.register()
class Ones(Initializer):
    """An initializer that sets all values to 1, for example for the scales of normalization layers.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.Ones()((2,)).tolist()
        [1.0, 1.0]

    Source: Keras `Ones`.
    """

    def __call__(
        self, shape: Sequence[int], dtype: Any = None, rng: np.random.Generator | None = None
    ) -> NumpyArray:
        """Create an array of ones. See `Initializer`."""
        return to_dtype(np.ones(tuple(shape)), dtype)


@registry.register()
class Constant(Initializer):
    """An initializer that sets all values to a number, or to the values of an array.

    Args:
        value (float | array): The number, or an array that is broadcast to the weight's shape. Default: 0.

    Raises:
        ShapeError: if the array cannot be broadcast to the weight's shape.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.Constant([1.0, 2.0])((2, 2)).tolist()
        [[1.0, 2.0], [1.0, 2.0]]

    Source: Keras `Constant`.
    """

    @validate_params(value=NumericArray())
    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(
        self, shape: Sequence[int], dtype: Any = None, rng: np.random.Generator | None = None
    ) -> NumpyArray:
        """Broadcast the value to the weight's shape. See `Initializer`."""
        try:
            return to_dtype(np.broadcast_to(np.asarray(self.value), tuple(shape)).copy(), dtype)
        except ValueError:
            raise ShapeError(
                f"Constant: a value of shape {np.shape(self.value)} cannot be broadcast to shape {tuple(shape)}"
            ) from None


@registry.register("IdentityInitializer")
class Identity(Initializer):
    """An initializer that creates a multiple of the identity matrix.

    Args:
        gain (float): Value on the diagonal. All other values are 0. Default: 1.

    Raises:
        ShapeError: if the weight is not a matrix.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.Identity()((2, 3)).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]

    Source: Keras `Identity`.
    """

    @validate_params()
    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(
        self, shape: Sequence[int], dtype: Any = None, rng: np.random.Generator | None = None
    ) -> NumpyArray:
        """Create the matrix. See `Initializer`."""
        if len(shape) != 2:
            raise ShapeError(f"Identity requires a matrix, got shape {tuple(shape)}")
        return to_dtype(self.gain * np.eye(shape[0], shape[1]), dtype)
