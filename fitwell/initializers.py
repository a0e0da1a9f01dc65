"""Initializers: objects that draw the first value of a weight, in NumPy on the host.

Drawing on the host compiles nothing: JAX would compile one program for each shape. Every initializer is
called as ``initializer(shape, dtype=None, rng=None)`` and returns a NumPy array. An integer `seed` gives the
same values on each call, as in Keras; otherwise values come from `rng` or, without one, from a fresh seed of
the current seed stream (`fitwell.random`). Values are drawn in float64 and rounded, so float32 and float64
models start from the same weights.

Initialisation that looks at data, LSUV, needs a model: it is `fitwell.models.lsuv`.

The values differ from those Keras draws from the same seed (another generator); their distributions do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fitwell import config as settings
from fitwell import random
from fitwell._deprecation import deprecated_module_getattr
from fitwell._param_validation import Integer, ListOf, NumericArray, Options, Real, validate_params
from fitwell._registry import Configurable, Registry
from fitwell._registry import serialize as _serialize
from fitwell.errors import InvalidArgument, ShapeError

Values = np.ndarray[Any, np.dtype[Any]]
Shape = Sequence[int]

_registry = Registry("initializer")

_SEED = Integer(0) | None
_AXES = ListOf(Integer()) | None

# Standard deviation of a standard normal variable cut off at two of its standard deviations.
TRUNCATED_STDDEV = 0.87962566103423978


def _cast(values: Any, dtype: Any) -> Values:
    return np.asarray(values, dtype=settings.float_dtype() if dtype is None else np.dtype(dtype))


def compute_fans(
    shape: Shape, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """Return ``(fan_in, fan_out)`` of a kernel.

    A matrix ``[in, out]`` has its two sizes, a vector its length twice, a number 1 twice. A convolution
    kernel ``[..., in, out]`` has channels times the receptive field (the product of the leading sizes). With
    both `input_axes` and `output_axes` given, the fans are the products of those sizes.
    """
    shape = tuple(int(size) for size in shape)
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


def _truncated_normal(rng: np.random.Generator, shape: Shape) -> Values:
    """Draw standard normal values between -2 and 2, exactly: those outside are drawn again."""
    values = rng.standard_normal(tuple(shape))
    flat = values.reshape(-1)
    outside = np.flatnonzero(np.abs(flat) > 2.0)
    while outside.size:
        flat[outside] = rng.standard_normal(outside.size)
        outside = outside[np.abs(flat[outside]) > 2.0]
    return flat.reshape(tuple(shape))


class Initializer(Configurable):
    """Base of all initializers. A subclass overrides `__call__`."""

    def __call__(self, shape: Shape, dtype: Any = None, rng: np.random.Generator | None = None) -> Values:
        """Return the first value of a weight.

        Args:
            shape: its shape; a Dense kernel is ``[in, out]``.
            dtype: its type, `config.floatx` by default.
            rng: where random values come from when the initializer has no seed of its own.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define __call__(self, shape, dtype=None, rng=None)"
        )

    def clone(self) -> Initializer:
        """Return a new initializer with the same configuration."""
        return type(self).from_config(self.get_config())


class RandomInitializer(Initializer):
    """Base of the random ones: a subclass overrides `draw`.

    Args:
        seed: an integer for the same values on each call; None (default) for other values each time.
    """

    @validate_params(seed=_SEED)
    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def __call__(self, shape: Shape, dtype: Any = None, rng: np.random.Generator | None = None) -> Values:
        """Return random values of `shape`, from `seed` if there is one, else from `rng`."""
        if self.seed is not None or rng is None:
            rng = random.make_rng(self.seed)
        return _cast(self.draw(rng, tuple(shape)), dtype)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
        """Return float64 values of `shape` drawn from `rng`."""
        raise NotImplementedError(f"{type(self).__name__} must define draw(self, rng, shape)")


def replace_with_zeros(initializer: Any) -> Any:
    """Return what makes zeros, for a weight that is read from a file, and takes a seed where `initializer` would."""
    if isinstance(initializer, RandomInitializer) and initializer.seed is None:
        random.next_seed()
    return Zeros()


# --- constants ----------------------------------------------------------------------------------------------


@_registry.register()
class Zeros(Initializer):
    """All zeros: biases, and the last kernel of each residual branch ("zero-last", Fixup)."""

    def __call__(self, shape: Shape, dtype: Any = None, rng: np.random.Generator | None = None) -> Values:
        """Return zeros of `shape`."""
        return _cast(np.zeros(tuple(shape)), dtype)


@_registry.register()
class Ones(Initializer):
    """All ones: scales of normalisation layers."""

    def __call__(self, shape: Shape, dtype: Any = None, rng: np.random.Generator | None = None) -> Values:
        """Return ones of `shape`."""
        return _cast(np.ones(tuple(shape)), dtype)


@_registry.register()
class Constant(Initializer):
    """The same `value` everywhere; an array is repeated along the leading axes where it has fewer.

    Args:
        value: a number or an array, 0 by default.
    """

    @validate_params(value=NumericArray())
    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Shape, dtype: Any = None, rng: np.random.Generator | None = None) -> Values:
        """Return `value` repeated to `shape`."""
        try:
            return _cast(np.broadcast_to(np.asarray(self.value), tuple(shape)).copy(), dtype)
        except ValueError:
            raise ShapeError(
                f"Constant: a value of shape {np.shape(self.value)} cannot fill shape {tuple(shape)}"
            ) from None


@_registry.register("IdentityInitializer")
class Identity(Initializer):
    """``gain`` on the diagonal of a matrix, 0 elsewhere; only for two axes.

    Args:
        gain: value on the diagonal, 1 by default.
    """

    @validate_params()
    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Shape, dtype: Any = None, rng: np.random.Generator | None = None) -> Values:
        """Return a matrix of `shape`."""
        if len(shape) != 2:
            raise ShapeError(f"Identity fills matrices only, got shape {tuple(shape)}")
        return _cast(self.gain * np.eye(shape[0], shape[1]), dtype)


# --- plain distributions ------------------------------------------------------------------------------------


@_registry.register("normal")
class RandomNormal(RandomInitializer):
    """Normal distribution.

    Args:
        mean: 0 by default.
        stddev: standard deviation, 0.05 by default.
        seed: see `RandomInitializer`.
    """

    @validate_params(stddev=Real(0), seed=_SEED)
    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
        """Return ``mean + stddev N(0, 1)``."""
        return self.mean + self.stddev * rng.standard_normal(shape)


@_registry.register("uniform")
class RandomUniform(RandomInitializer):
    """Uniform distribution between `minval` and `maxval`.

    Args:
        minval: lower limit, -0.05 by default.
        maxval: upper limit, 0.05 by default.
        seed: see `RandomInitializer`.
    """

    @validate_params(seed=_SEED)
    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        if minval > maxval:
            raise InvalidArgument(f"RandomUniform: minval={minval!r} must not be above maxval={maxval!r}")
        self.minval = minval
        self.maxval = maxval

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
        """Return ``U(minval, maxval)``."""
        return rng.uniform(self.minval, self.maxval, shape)


@_registry.register()
class TruncatedNormal(RandomInitializer):
    """Normal distribution without values more than two `stddev` from the mean; those are drawn again.

    The standard deviation of the result is 0.8796 times `stddev`, as in Keras.

    Args:
        mean: 0 by default.
        stddev: standard deviation before the cut, 0.05 by default.
        seed: see `RandomInitializer`.
    """

    @validate_params(stddev=Real(0), seed=_SEED)
    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
        """Return values between ``mean - 2 stddev`` and ``mean + 2 stddev``."""
        return self.mean + self.stddev * _truncated_normal(rng, shape)


@_registry.register("OrthogonalInitializer")
class Orthogonal(RandomInitializer):
    """Random matrix with orthonormal rows or columns, whichever are fewer, times `gain`.

    The Q of a QR decomposition of normal values, with signs that make it uniform over orthogonal matrices.
    Kernels of more axes are treated as ``[product of the leading sizes, last]``. Source: Saxe et al. 2014.

    Args:
        gain: factor, 1 by default.
        seed: see `RandomInitializer`.
    """

    @validate_params(seed=_SEED)
    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
        """Return a kernel of `shape`, which needs at least two axes."""
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal needs at least two axes, got shape {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))
        return self.gain * (q.T if rows < columns else q).reshape(shape)


# --- scaled to the fans -------------------------------------------------------------------------------------


@_registry.register()
class VarianceScaling(RandomInitializer):
    """Mean 0 and variance ``scale / n``, where n is the fan that `mode` names.

    Args:
        scale: positive factor, 1 by default.
        mode: ``"fan_in"`` (default), ``"fan_out"`` or ``"fan_avg"`` (their mean); see `compute_fans`.
        distribution: ``"truncated_normal"`` (default; also ``"normal"``), cut at two standard deviations and
            widened by 1/0.8796 so that the variance holds; ``"untruncated_normal"``; or ``"uniform"`` within
            ``±sqrt(3 scale / n)``.
        seed: see `RandomInitializer`.
        input_axes: with `output_axes`, the axes whose sizes make the fans, for unusual kernels.
        output_axes: see `input_axes`.
    """

    @validate_params(
        scale=Real(0, closed="right"),
        mode=Options("fan_in", "fan_out", "fan_avg"),
        distribution=Options("truncated_normal", "untruncated_normal", "uniform", "normal"),
        seed=_SEED,
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

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
        """Return a kernel of `shape`."""
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return rng.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return math.sqrt(variance) * rng.standard_normal(shape)
        return math.sqrt(variance) / TRUNCATED_STDDEV * _truncated_normal(rng, shape)


class _NamedVarianceScaling(VarianceScaling):
    """A `VarianceScaling` with a name of its own: only the seed and the axes are free."""

    _scale = 1.0
    _mode = "fan_in"
    _distribution = "truncated_normal"

    @validate_params(seed=_SEED, input_axes=_AXES, output_axes=_AXES)
    def __init__(
        self,
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(self._scale, self._mode, self._distribution, seed, input_axes, output_axes)


@_registry.register("xavier_uniform")
class GlorotUniform(_NamedVarianceScaling):
    """Variance ``2 / (fan_in + fan_out)``, uniform within ``±sqrt(6 / (fan_in + fan_out))``.

    The default of layers, for none, tanh, logistic and softmax. Also called Xavier's. Source: Glorot and
    Bengio 2010.
    """

    _mode, _distribution = "fan_avg", "uniform"


@_registry.register("xavier_normal")
class GlorotNormal(_NamedVarianceScaling):
    """Variance ``2 / (fan_in + fan_out)``, truncated normal. Source: Glorot and Bengio 2010."""

    _mode = "fan_avg"


@_registry.register()
class HeUniform(_NamedVarianceScaling):
    """Variance ``2 / fan_in``, uniform within ``±sqrt(6 / fan_in)``: ReLU family, ELU.

    Source: He et al. 2015.
    """

    _scale, _distribution = 2.0, "uniform"


@_registry.register()
class HeNormal(_NamedVarianceScaling):
    """Variance ``2 / fan_in``, truncated normal: ReLU family, ELU. Source: He et al. 2015."""

    _scale = 2.0


@_registry.register()
class LecunUniform(_NamedVarianceScaling):
    """Variance ``1 / fan_in``, uniform within ``±sqrt(3 / fan_in)``: SELU. Source: LeCun et al. 1998."""

    _distribution = "uniform"


@_registry.register()
class LecunNormal(_NamedVarianceScaling):
    """Variance ``1 / fan_in``, truncated normal: SELU. Source: LeCun et al. 1998."""


@_registry.register()
class FixupNormal(RandomInitializer):
    """He's normal values times ``branches^(-1 / (2 layers - 2))``.

    For residual stacks without normalisation layers: every kernel of a branch but the last, which starts at
    `Zeros`. Source: Zhang et al. 2019 (Fixup). Not in Keras.

    Args:
        branches: number of residual branches in the network.
        layers: weight layers in each branch, at least 2 (default).
        seed: see `RandomInitializer`.
    """

    @validate_params(branches=Integer(1), layers=Integer(2), seed=_SEED)
    def __init__(self, branches: int, layers: int = 2, seed: int | None = None) -> None:
        super().__init__(seed)
        self.branches = branches
        self.layers = layers

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
        """Return a kernel of `shape`."""
        shrink = self.branches ** (-1 / (2 * self.layers - 2))
        return shrink * VarianceScaling(2.0).draw(rng, shape)


zeros, ones, constant, identity, orthogonal = Zeros, Ones, Constant, Identity, Orthogonal
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling = VarianceScaling
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform = HeNormal, HeUniform
lecun_normal, lecun_uniform = LecunNormal, LecunUniform
__getattr__ = deprecated_module_getattr(
    __name__, __name__, {"uniform": "RandomUniform", "normal": "RandomNormal", "zero": "Zeros", "one": "Ones"}
)


def get(identifier: Any) -> Callable[..., Any] | None:
    """Return the initializer that `identifier` stands for.

    A name, a class, an object, a configuration, a function ``fn(shape, dtype=None)``, or an array to start
    from; None stays None.
    """
    if isinstance(identifier, np.ndarray | int | float) and not isinstance(identifier, bool):
        return Constant(identifier)
    initializer = _registry.get(identifier)
    if initializer is not None and not callable(initializer):
        raise InvalidArgument(
            f"initializer: expected a name such as 'he_normal', an object or a function, got {identifier!r}"
        )
    return initializer


def serialize(initializer: Any) -> Any:
    """Write `initializer` as plain data."""
    return _serialize(initializer)


def deserialize(config: Mapping[str, Any] | str | None) -> Callable[..., Any] | None:
    """Return the initializer that `serialize` wrote."""
    return get(config)
