"""Base classes of initializers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fitwell import config, random
from fitwell._param_validation import Integer, validate_params
from fitwell._registry import Configurable, Registry
from fitwell._typing import NumpyArray

__all__ = ["Initializer", "RandomInitializer", "registry"]

registry = Registry("initializer")
SEED_RULE = Integer(0) | None


def to_dtype(values: Any, dtype: Any) -> NumpyArray:
    """Convert values to a NumPy array of type `dtype`, or of type `config.floatx` if `dtype` is None."""
    return np.asarray(values, dtype=config.float_dtype() if dtype is None else np.dtype(dtype))


class Initializer(Configurable):
    """Base class of all initializers. A subclass overrides `__call__`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> class Ramp(fw.initializers.Initializer):
        ...     def __call__(self, shape, dtype=None, rng=None):
        ...         return np.arange(np.prod(shape), dtype=dtype).reshape(shape)
        >>> Ramp()((2, 2)).tolist()
        [[0, 1], [2, 3]]
    """

    def __call__(
        self, shape: Sequence[int], dtype: Any = None, rng: np.random.Generator | None = None
    ) -> NumpyArray:
        """Create the initial value of a weight.

        Args:
            shape (tuple[int, ...]): Shape of the weight, for example ``[in, out]`` for a Dense kernel.
            dtype (str | None): Type of the weight. Default: None, which means `config.floatx`.
            rng (np.random.Generator | None): Random generator for an initializer without a seed. Default: None, which
                means a new generator with the next seed from the current seed generator.

        Returns:
            np.ndarray: The initial value.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define __call__(self, shape, dtype=None, rng=None)"
        )

    def clone(self) -> Initializer:
        """Return a new initializer with the same configuration."""
        return type(self).from_config(self.get_config())


class RandomInitializer(Initializer):
    """Base class of random initializers. A subclass overrides `draw`.

    Args:
        seed (int | None): Seed that makes each call return the same values. Default: None, which means that each call
            returns new values.

    Example:
        >>> import fitwell as fw
        >>> class Exponential(fw.initializers.RandomInitializer):
        ...     def draw(self, rng, shape):
        ...         return rng.exponential(size=shape)
        >>> bool((Exponential(seed=0)((100,)) > 0).all())
        True
    """

    @validate_params(seed=SEED_RULE)
    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def __call__(
        self, shape: Sequence[int], dtype: Any = None, rng: np.random.Generator | None = None
    ) -> NumpyArray:
        """Create random values with the initializer's seed, or with `rng` if there is no seed. See `Initializer`."""
        if self.seed is not None or rng is None:
            rng = random.make_rng(self.seed)
        return to_dtype(self.draw(rng, tuple(shape)), dtype)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NumpyArray:
        """Draw random values. Subclasses override this method.

        Args:
            rng (np.random.Generator): Random generator.
            shape (tuple[int, ...]): Shape of the weight.

        Returns:
            np.ndarray: float64 values.
        """
        raise NotImplementedError(f"{type(self).__name__} must define draw(self, rng, shape)")
