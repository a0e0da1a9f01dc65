"""Random initializers whose variance depends on the fans of a weight.

The values differ from those that Keras draws from the same seed (the generators differ); the distributions do not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fitwell._param_validation import Integer, ListOf, Options, Real, validate_params
from fitwell._typing import NumpyArray
from fitwell.initializers.base import SEED_RULE, RandomInitializer, registry
from fitwell.initializers.random_initializers import TRUNCATED_STDDEV, draw_truncated_normal

__all__ = [
    "FixupNormal",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "LecunNormal",
    "LecunUniform",
    "VarianceScaling",
    "compute_fans",
]

_AXES = ListOf(Integer()) | None


def compute_fans(
    shape: Sequence[int], input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """Return the fan in and fan out of a kernel.

    A matrix `[in, out]` has its two sizes, a vector its length twice, a scalar 1 twice. A convolution kernel `[..., in,
    out]` has channels times the receptive field (the product of the leading sizes). If `input_axes` and `output_axes`
    are given, the fans are the products of those sizes.

    Args:
        shape (tuple[int, ...]): Shape of the kernel.
        input_axes (list[int] | None): Default: None.
        output_axes (list[int] | None): Default: None.

    Returns:
        tuple[int, int]: ``(fan_in, fan_out)``.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.compute_fans((3, 3, 16, 32))
        (144, 288)
    """
    shape = tuple(int(size) for size in shape)
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


@registry.register()
class VarianceScaling(RandomInitializer):
    """Mean 0 and variance ``scale / n``, where n is the fan that `mode` names.

    Args:
        scale (float): Above 0. Default: 1.
        mode (str): ``"fan_in"``, ``"fan_out"`` or ``"fan_avg"`` (their mean); see `compute_fans`. Default:
            ``"fan_in"``.
        distribution (str): ``"truncated_normal"`` (or ``"normal"``), truncated at two standard deviations and widened
            by 1/0.8796 to keep the variance; ``"untruncated_normal"``; or ``"uniform"`` within ``±sqrt(3 scale / n)``.
            Default: ``"truncated_normal"``.
        seed (int | None): Seed for the same values at each call; None draws new values each time. Default: None.
        input_axes (list[int] | None): With `output_axes`, the axes whose sizes are the fans, for unusual kernels.
            Default: None.
        output_axes (list[int] | None): See `input_axes`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> kernel = fw.initializers.VarianceScaling(2.0, seed=0)((50, 200))
        >>> round(float(kernel.var()), 2)
        0.04

    Source: Keras `VarianceScaling`.
    """

    @validate_params(
        scale=Real(0, closed="right"),
        mode=Options("fan_in", "fan_out", "fan_avg"),
        distribution=Options("truncated_normal", "untruncated_normal", "uniform", "normal"),
        seed=SEED_RULE,
        input_axes=_AXES,
        output_axes=_AXES,
    )
    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed)
        if distribution == "normal":
            distribution = "truncated_normal"
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NumpyArray:
        """Return a kernel of `shape`."""
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return rng.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return math.sqrt(variance) * rng.standard_normal(shape)
        return math.sqrt(variance) / TRUNCATED_STDDEV * draw_truncated_normal(rng, shape)


class _NamedVarianceScaling(VarianceScaling):
    """Base class of the `VarianceScaling` initializers with a name; only the seed and the axes can be set."""

    _scale = 1.0
    _mode = "fan_in"
    _distribution = "truncated_normal"

    @validate_params(seed=SEED_RULE, input_axes=_AXES, output_axes=_AXES)
    def __init__(
        self,
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(self._scale, self._mode, self._distribution, seed, input_axes, output_axes)


@registry.register("xavier_uniform")
class GlorotUniform(_NamedVarianceScaling):
    """Variance ``2 / (fan_in + fan_out)``, uniform within ``±sqrt(6 / (fan_in + fan_out))``.

    The default of layers, for linear, tanh, logistic and softmax activations. Also called Xavier uniform.

    Args:
        seed (int | None): Seed for the same values at each call; None draws new values each time. Default: None.
        input_axes (list[int] | None): With `output_axes`, the axes whose sizes are the fans, for unusual kernels.
            Default: None.
        output_axes (list[int] | None): See `input_axes`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.GlorotUniform(seed=0)((4, 3)).shape
        (4, 3)

    Source: Keras `GlorotUniform`; Glorot and Bengio (2010).
    """

    _mode, _distribution = "fan_avg", "uniform"


@registry.register("xavier_normal")
class GlorotNormal(_NamedVarianceScaling):
    """Variance ``2 / (fan_in + fan_out)``, truncated normal.

    For linear, tanh, logistic and softmax activations. Also called Xavier normal.

    Args:
        seed (int | None): Seed for the same values at each call; None draws new values each time. Default: None.
        input_axes (list[int] | None): With `output_axes`, the axes whose sizes are the fans, for unusual kernels.
            Default: None.
        output_axes (list[int] | None): See `input_axes`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.GlorotNormal(seed=0)((4, 3)).shape
        (4, 3)

    Source: Keras `GlorotNormal`; Glorot and Bengio (2010).
    """

    _mode = "fan_avg"


@registry.register()
class HeUniform(_NamedVarianceScaling):
    """Variance ``2 / fan_in``, uniform within ``±sqrt(6 / fan_in)``.

    For ReLU, its variants, and ELU.

    Args:
        seed (int | None): Seed for the same values at each call; None draws new values each time. Default: None.
        input_axes (list[int] | None): With `output_axes`, the axes whose sizes are the fans, for unusual kernels.
            Default: None.
        output_axes (list[int] | None): See `input_axes`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.HeUniform(seed=0)((4, 3)).shape
        (4, 3)

    Source: Keras `HeUniform`; He et al. (2015).
    """

    _scale, _distribution = 2.0, "uniform"


@registry.register()
class HeNormal(_NamedVarianceScaling):
    """Variance ``2 / fan_in``, truncated normal.

    For ReLU, its variants, and ELU.

    Args:
        seed (int | None): Seed for the same values at each call; None draws new values each time. Default: None.
        input_axes (list[int] | None): With `output_axes`, the axes whose sizes are the fans, for unusual kernels.
            Default: None.
        output_axes (list[int] | None): See `input_axes`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.HeNormal(seed=0)((4, 3)).shape
        (4, 3)

    Source: Keras `HeNormal`; He et al. (2015).
    """

    _scale = 2.0


@registry.register()
class LecunUniform(_NamedVarianceScaling):
    """Variance ``1 / fan_in``, uniform within ``±sqrt(3 / fan_in)``.

    For SELU.

    Args:
        seed (int | None): Seed for the same values at each call; None draws new values each time. Default: None.
        input_axes (list[int] | None): With `output_axes`, the axes whose sizes are the fans, for unusual kernels.
            Default: None.
        output_axes (list[int] | None): See `input_axes`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.LecunUniform(seed=0)((4, 3)).shape
        (4, 3)

    Source: Keras `LecunUniform`; LeCun et al. (1998).
    """

    _distribution = "uniform"


@registry.register()
class LecunNormal(_NamedVarianceScaling):
    """Variance ``1 / fan_in``, truncated normal.

    For SELU.

    Args:
        seed (int | None): Seed for the same values at each call; None draws new values each time. Default: None.
        input_axes (list[int] | None): With `output_axes`, the axes whose sizes are the fans, for unusual kernels.
            Default: None.
        output_axes (list[int] | None): See `input_axes`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.LecunNormal(seed=0)((4, 3)).shape
        (4, 3)

    Source: Keras `LecunNormal`; LeCun et al. (1998).
    """


@registry.register()
class FixupNormal(RandomInitializer):
    """He's normal values times ``branches^(-1 / (2 layers - 2))``. Not in Keras.

    For residual networks without normalization layers: for every kernel of a branch but the last, which starts at
    `Zeros`.

    Args:
        branches (int): Number of residual branches in the network.
        layers (int): Weight layers in each branch, at least 2. Default: 2.
        seed (int | None): Seed for the same values at each call; None draws new values each time. Default: None.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.FixupNormal(branches=9, seed=0)((3, 3, 8, 8)).shape
        (3, 3, 8, 8)

    Source: Zhang et al. (2019, Fixup).
    """

    @validate_params(branches=Integer(1), layers=Integer(2), seed=SEED_RULE)
    def __init__(self, branches: int, layers: int = 2, seed: int | None = None) -> None:
        super().__init__(seed)
        self.branches = branches
        self.layers = layers

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NumpyArray:
        """Return a kernel of `shape`."""
        shrink = self.branches ** (-1 / (2 * self.layers - 2))
        return shrink * VarianceScaling(2.0).draw(rng, shape)
