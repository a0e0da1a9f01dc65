"""Random initializers.

The distributions are the same as in Keras. The values differ for the same seed, because the random generators differ.
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

# Standard deviation of a standard normal variable that is truncated at two standard deviations.
TRUNCATED_STDDEV = 0.87962566103423978


def draw_truncated_normal(rng: np.random.Generator, shape: Sequence[int]) -> NumpyArray:
    """Draw standard normal values, and redraw all values that are not between -2 and 2."""
    values = rng.standard_normal(tuple(shape))
    flat = values.reshape(-1)
    outside = np.flatnonzero(np.abs(flat) > 2.0)
    while outside.size:
        flat[outside] = rng.standard_normal(outside.size)
        outside = outside[np.abs(flat[outside]) > 2.0]
    return flat.reshape(tuple(shape))


@registry.register("normal")
class RandomNormal(RandomInitializer):
    """An initializer that draws values from a normal distribution.

    Args:
        mean (float): Mean of the distribution. Default: 0.
        stddev (float): Standard deviation, at least 0. Default: 0.05.
        seed (int | None): Seed that makes each call return the same values. Default: None, which means that each call
            returns new values.

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
        """Draw values from the normal distribution. See `RandomInitializer.draw`."""
        return self.mean + self.stddev * rng.standard_normal(shape)


@registry.register("uniform")
class RandomUniform(RandomInitializer):
    """An initializer that draws values from a uniform distribution.

    Args:
        minval (float): Lower bound of the values. Default: -0.05.
        maxval (float): Upper bound of the values, which must be at least `minval`. Default: 0.05.
        seed (int | None): Seed that makes each call return the same values. Default: None, which means that each call
            returns new values.

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
        """Draw values between `minval` and `maxval`. See `RandomInitializer.draw`."""
        return rng.uniform(self.minval, self.maxval, shape)


@registry.register()
class TruncatedNormal(RandomInitializer):
    """An initializer that draws values from a truncated normal distribution.

    Values that are more than two standard deviations from the mean are redrawn. This reduces the standard deviation of
    the values to 0.8796 times `stddev`, as in Keras.

    Args:
        mean (float): Mean of the distribution. Default: 0.
        stddev (float): Standard deviation before truncation, at least 0. Default: 0.05.
        seed (int | None): Seed that makes each call return the same values. Default: None, which means that each call
            returns new values.

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
        """Draw values between ``mean - 2 stddev`` and ``mean + 2 stddev``. See `RandomInitializer.draw`."""
        return self.mean + self.stddev * draw_truncated_normal(rng, shape)


@registry.register("OrthogonalInitializer")
class Orthogonal(RandomInitializer):
    """An initializer that creates a random orthogonal matrix and multiplies it by `gain`.

    If the matrix has fewer rows than columns, its rows are orthonormal. Otherwise, its columns are orthonormal. The
    matrix is the factor Q in a QR decomposition of normally distributed values. Its signs are chosen to make the
    distribution uniform over orthogonal matrices. A kernel with more than two axes is treated as a matrix of shape
    ``[product of the leading sizes, last size]``.

    Args:
        gain (float): Factor by which the matrix is multiplied. Default: 1.
        seed (int | None): Seed that makes each call return the same values. Default: None, which means that each call
            returns new values.

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
        """Draw an orthogonal kernel. See `RandomInitializer.draw`."""
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal requires a weight with at least two axes, got shape {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))
        return self.gain * (q.T if rows < columns else q).reshape(shape)
