"""Initializers that are not random: `Zeros`, `Ones`, `Constant`, `Identity`."""

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
    """All zeros.

    Used for biases, and for the last kernel of each residual branch ("zero-last", Fixup).

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.Zeros()((2,)).tolist()
        [0.0, 0.0]

    Source: Keras `Zeros`.
    """

    def __call__(
        self, shape: Sequence[int], dtype: Any = None, rng: np.random.Generator | None = None
    ) -> NumpyArray:
        """Return zeros of `shape`."""
        return to_dtype(np.zeros(tuple(shape)), dtype)


@registry.register()
class Ones(Initializer):
    """All ones, for the scales of normalization layers.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.Ones()((2,)).tolist()
        [1.0, 1.0]

    Source: Keras `Ones`.
    """

    def __call__(
        self, shape: Sequence[int], dtype: Any = None, rng: np.random.Generator | None = None
    ) -> NumpyArray:
        """Return ones of `shape`."""
        return to_dtype(np.ones(tuple(shape)), dtype)


@registry.register()
class Constant(Initializer):
    """The same value everywhere; an array is broadcast to the shape of the weight.

    Args:
        value (float | array): Default: 0.

    Raises:
        ShapeError: if the value cannot be broadcast to the shape.

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
        """Return `value` repeated to `shape`."""
        try:
            return to_dtype(np.broadcast_to(np.asarray(self.value), tuple(shape)).copy(), dtype)
        except ValueError:
            raise ShapeError(
                f"Constant: a value of shape {np.shape(self.value)} cannot fill shape {tuple(shape)}"
            ) from None


@registry.register("IdentityInitializer")
class Identity(Initializer):
    """`gain` on the diagonal of a matrix, 0 elsewhere.

    Args:
        gain (float): Value on the diagonal. Default: 1.

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
        """Return a matrix of `shape`."""
        if len(shape) != 2:
            raise ShapeError(f"Identity fills matrices only, got shape {tuple(shape)}")
        return to_dtype(self.gain * np.eye(shape[0], shape[1]), dtype)
