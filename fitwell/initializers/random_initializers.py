"""Random initializers.

The values differ from those that Keras draws from the same seed (the generators differ); the distributions do not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fitwell._param_validation import Real, validate_params
from fitwell._typing import NumpyArray
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.initializers.base import SEED_RULE, RandomInitializer, registry

__all__ = ["TRUNCATED_STDDEV", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal"]

# Standard deviation of a standard normal variable truncated at two standard deviations.
TRUNCATED_STDDEV = 0.87962566103423978


def draw_truncated_normal(rng: np.random.Generator, shape: Sequence[int]) -> NumpyArray:
    """Draw standard normal values between -2 and 2 by redrawing those outside."""
    values = rng.standard_normal(tuple(shape))
    flat = values.reshape(-1)
    outside = np.flatnonzero(np.abs(flat) > 2.0)
    while outside.size:
        flat[outside] = rng.standard_normal(outside.size)
        outside = outside[np.abs(flat[outside]) > 2.0]
    return flat.reshape(tuple(shape))


@registry.register("normal")
class RandomNormal(RandomInitializer):
    """Normal distribution.

    Args:
        mean (float): Default: 0.
        stddev (float): Standard deviation, at least 0. Default: 0.05.
        seed (int | None): Seed for the same values at each call; None draws new values each time. Default: None.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.RandomNormal(seed=0)((2, 3)).shape
        (2, 3)

    Source: Keras `RandomNormal`.
    """

    @validate_params(stddev=Real(0), seed=SEED_RULE)
    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NumpyArray:
        """Return ``mean + stddev N(0, 1)``."""
        return self.mean + self.stddev * rng.standard_normal(shape)


@registry.register("uniform")
class RandomUniform(RandomInitializer):
    """Uniform distribution between `minval` and `maxval`.

    Args:
        minval (float): Default: -0.05.
        maxval (float): At least `minval`. Default: 0.05.
        seed (int | None): Seed for the same values at each call; None draws new values each time. Default: None.

    Raises:
        InvalidArgument: if `minval` is above `maxval`.

    Example:
        >>> import fitwell as fw
        >>> bool((abs(fw.initializers.RandomUniform(seed=0)((100,))) <= 0.05).all())
        True

    Source: Keras `RandomUniform`.
    """

    @validate_params(seed=SEED_RULE)
    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        if minval > maxval:
            raise InvalidArgument(f"RandomUniform: minval={minval!r} must not be above maxval={maxval!r}")
        self.minval = minval
        self.maxval = maxval

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NumpyArray:
        """Return ``U(minval, maxval)``."""
        return rng.uniform(self.minval, self.maxval, shape)


@registry.register()
class TruncatedNormal(RandomInitializer):
    """Normal distribution truncated at two standard deviations from the mean; values outside are redrawn.

    The standard deviation of the result is 0.8796 times `stddev`, as in Keras.

    Args:
        mean (float): Default: 0.
        stddev (float): Standard deviation before truncation, at least 0. Default: 0.05.
        seed (int | None): Seed for the same values at each call; None draws new values each time. Default: None.

    Example:
        >>> import fitwell as fw
        >>> bool((abs(fw.initializers.TruncatedNormal(stddev=1.0, seed=0)((1000,))) <= 2).all())
        True

    Source: Keras `TruncatedNormal`.
    """

    @validate_params(stddev=Real(0), seed=SEED_RULE)
    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NumpyArray:
        """Return values between ``mean - 2 stddev`` and ``mean + 2 stddev``."""
        return self.mean + self.stddev * draw_truncated_normal(rng, shape)


@registry.register("OrthogonalInitializer")
class Orthogonal(RandomInitializer):
    """Random matrix with orthonormal rows or columns, whichever are fewer, times `gain`.

    It is the Q of a QR decomposition of normal values, with signs that make it uniform over orthogonal matrices. A
    kernel with more axes is treated as the matrix `[product of the leading sizes, last size]`.

    Args:
        gain (float): Default: 1.
        seed (int | None): Seed for the same values at each call; None draws new values each time. Default: None.

    Raises:
        ShapeError: if the weight has fewer than two axes.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> q = fw.initializers.Orthogonal(seed=0)((3, 3))
        >>> bool(np.allclose(q @ q.T, np.eye(3), atol=1e-6))
        True

    Source: Keras `Orthogonal`; Saxe et al. (2014).
    """

    @validate_params(seed=SEED_RULE)
    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NumpyArray:
        """Return a kernel of `shape`, which needs at least two axes."""
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal needs at least two axes, got shape {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))
        return self.gain * (q.T if rows < columns else q).reshape(shape)
