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
    """Return `values` as `dtype`, `config.floatx` by default."""
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
        """Return the initial value of a weight.

        Args:
            shape (tuple[int, ...]): Shape of the weight; a Dense kernel is `[in, out]`.
            dtype (str | None): Default: `config.floatx`.
            rng (np.random.Generator | None): Source of random values for an initializer without a seed; None uses a
                new seed of the current seed stream. Default: None.

        Returns:
            np.ndarray: The value.
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
        seed (int | None): Seed for the same values at each call; None draws new values each time. Default: None.

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
        """Return random values of `shape`, from `seed` if it is set, else from `rng`; see `Initializer`."""
        if self.seed is not None or rng is None:
            rng = random.make_rng(self.seed)
        return to_dtype(self.draw(rng, tuple(shape)), dtype)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NumpyArray:
        """Draw the values. Subclasses override it.

        Args:
            rng (np.random.Generator): Source of random values.
            shape (tuple[int, ...]): Shape of the weight.

        Returns:
            np.ndarray: float64 values.
        """
        raise NotImplementedError(f"{type(self).__name__} must define draw(self, rng, shape)")
