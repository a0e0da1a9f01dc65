"""Random initializers whose variance depends on the fan-in and fan-out of a weight.

The distributions are the same as in Keras. The values differ for the same seed, because the random generators differ.
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
    """Compute the fan-in and fan-out of a kernel.

    For a matrix ``[in, out]``, the fans are its sizes. For a vector, both fans are its length, and for a scalar, both
    fans are 1. For a convolution kernel ``[..., in, out]``, the fans are the numbers of input and output channels, each
    multiplied by the size of the receptive field, which is the product of the leading sizes.

    Args:
        shape (tuple[int, ...]): Shape of the kernel.
        input_axes (list[int] | None): Axes whose sizes are multiplied to get the fan-in. It has an effect only if
            `output_axes` is also set. Default: None.
        output_axes (list[int] | None): Axes whose sizes are multiplied to get the fan-out. It has an effect only if
            `input_axes` is also set. Default: None.

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
    """An initializer that draws values with mean 0 and variance ``scale / n``.

    n is the fan-in, the fan-out, or their mean, depending on `mode`.

    Args:
        scale (float): Scale of the variance, above 0. Default: 1.
        mode (str): ``"fan_in"``, ``"fan_out"`` or ``"fan_avg"``, which is their mean. See `compute_fans`. Default:
            ``"fan_in"``.
        distribution (str): ``"truncated_normal"`` is truncated at two standard deviations, and widened by 1/0.8796 to
            preserve the variance. ``"normal"`` means the same. ``"untruncated_normal"`` is a normal distribution.
            ``"uniform"`` is a uniform distribution within ``±sqrt(3 scale / n)``. Default: ``"truncated_normal"``.
        seed (int | None): Seed that makes each call return the same values. Default: None, which means that each call
            returns new values.
        input_axes (list[int] | None): Input axes of a kernel with an unusual layout; see `compute_fans`. Default: None.
        output_axes (list[int] | None): Output axes of a kernel with an unusual layout; see `compute_fans`. Default:
            None.

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
        """Draw a kernel. See `RandomInitializer.draw`."""
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
    """Base class of `VarianceScaling` initializers with a fixed scale, mode and distribution."""

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
    """The Glorot uniform initializer, also called Xavier uniform, which is the default for most kernels.

    It draws values uniformly within ``±sqrt(6 / (fan_in + fan_out))``, so their variance is
    ``2 / (fan_in + fan_out)``. It is suitable for linear, tanh, logistic and softmax activations.

    Args:
        seed (int | None): Seed that makes each call return the same values. Default: None, which means that each call
            returns new values.
        input_axes (list[int] | None): Input axes of a kernel with an unusual layout; see `compute_fans`. Default: None.
        output_axes (list[int] | None): Output axes of a kernel with an unusual layout; see `compute_fans`. Default:
            None.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.GlorotUniform(seed=0)((4, 3)).shape
        (4, 3)

    Source: Keras `GlorotUniform`; Glorot and Bengio (2010).
    """

    _mode, _distribution = "fan_avg", "uniform"


@registry.register("xavier_normal")
class GlorotNormal(_NamedVarianceScaling):
    """The Glorot normal initializer, also called Xavier normal.

    It draws values from a truncated normal distribution with variance ``2 / (fan_in + fan_out)``. It is suitable
    for linear, tanh, logistic and softmax activations.

    Args:
        seed (int | None): Seed that makes each call return the same values. Default: None, which means that each call
            returns new values.
        input_axes (list[int] | None): Input axes of a kernel with an unusual layout; see `compute_fans`. Default: None.
        output_axes (list[int] | None): Output axes of a kernel with an unusual layout; see `compute_fans`. Default:
            None.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.GlorotNormal(seed=0)((4, 3)).shape
        (4, 3)

    Source: Keras `GlorotNormal`; Glorot and Bengio (2010).
    """

    _mode = "fan_avg"


@registry.register()
class HeUniform(_NamedVarianceScaling):
    """The He uniform initializer.

    It draws values uniformly within ``±sqrt(6 / fan_in)``, so their variance is ``2 / fan_in``. It is suitable for
    ReLU, its variants, and ELU.

    Args:
        seed (int | None): Seed that makes each call return the same values. Default: None, which means that each call
            returns new values.
        input_axes (list[int] | None): Input axes of a kernel with an unusual layout; see `compute_fans`. Default: None.
        output_axes (list[int] | None): Output axes of a kernel with an unusual layout; see `compute_fans`. Default:
            None.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.HeUniform(seed=0)((4, 3)).shape
        (4, 3)

    Source: Keras `HeUniform`; He et al. (2015).
    """

    _scale, _distribution = 2.0, "uniform"


@registry.register()
class HeNormal(_NamedVarianceScaling):
    """The He normal initializer.

    It draws values from a truncated normal distribution with variance ``2 / fan_in``. It is suitable for ReLU, its
    variants, and ELU.

    Args:
        seed (int | None): Seed that makes each call return the same values. Default: None, which means that each call
            returns new values.
        input_axes (list[int] | None): Input axes of a kernel with an unusual layout; see `compute_fans`. Default: None.
        output_axes (list[int] | None): Output axes of a kernel with an unusual layout; see `compute_fans`. Default:
            None.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.HeNormal(seed=0)((4, 3)).shape
        (4, 3)

    Source: Keras `HeNormal`; He et al. (2015).
    """

    _scale = 2.0


@registry.register()
class LecunUniform(_NamedVarianceScaling):
    """The LeCun uniform initializer.

    It draws values uniformly within ``±sqrt(3 / fan_in)``, so their variance is ``1 / fan_in``. It is suitable for
    SELU.

    Args:
        seed (int | None): Seed that makes each call return the same values. Default: None, which means that each call
            returns new values.
        input_axes (list[int] | None): Input axes of a kernel with an unusual layout; see `compute_fans`. Default: None.
        output_axes (list[int] | None): Output axes of a kernel with an unusual layout; see `compute_fans`. Default:
            None.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.LecunUniform(seed=0)((4, 3)).shape
        (4, 3)

    Source: Keras `LecunUniform`; LeCun et al. (1998).
    """

    _distribution = "uniform"


@registry.register()
class LecunNormal(_NamedVarianceScaling):
    """The LeCun normal initializer.

    It draws values from a truncated normal distribution with variance ``1 / fan_in``. It is suitable for SELU.

    Args:
        seed (int | None): Seed that makes each call return the same values. Default: None, which means that each call
            returns new values.
        input_axes (list[int] | None): Input axes of a kernel with an unusual layout; see `compute_fans`. Default: None.
        output_axes (list[int] | None): Output axes of a kernel with an unusual layout; see `compute_fans`. Default:
            None.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.LecunNormal(seed=0)((4, 3)).shape
        (4, 3)

    Source: Keras `LecunNormal`; LeCun et al. (1998).
    """


@registry.register()
class FixupNormal(RandomInitializer):
    """The Fixup initializer, for residual networks without normalization layers. Keras does not have it.

    It draws values as `HeNormal` does, and multiplies them by ``branches^(-1 / (2 layers - 2))``. Use it for all
    kernels of a residual branch except the last one, and use `Zeros` for the last one.

    Args:
        branches (int): Number of residual branches in the network.
        layers (int): Number of layers with weights in each branch, at least 2. Default: 2.
        seed (int | None): Seed that makes each call return the same values. Default: None, which means that each call
            returns new values.

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
        """Draw a kernel. See `RandomInitializer.draw`."""
        shrink = self.branches ** (-1 / (2 * self.layers - 2))
        return shrink * VarianceScaling(2.0).draw(rng, shape)
