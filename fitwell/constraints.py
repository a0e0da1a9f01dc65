"""Constraints: functions that move a weight back to where it may be, applied after every update.

Their bounds are hyperparameters, which are data: changing one recompiles nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fitwell import config as settings
from fitwell.arguments import Each, Integer, Real, checked
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.registry import Configurable, Registry
from fitwell.registry import serialize as _serialize
from fitwell.spellings import older_address

Array = jax.Array
Axis = int | Sequence[int]

_registry = Registry("constraint")
_AXES = Integer() | Each(Integer(), least=1)


def _floats(w: Any) -> Array:
    array = jnp.asarray(w)
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(settings.float_dtype())


def _norms(w: Array, axis: Axis) -> Array:
    axes = axis if isinstance(axis, int) else tuple(axis)
    return jnp.sqrt(jnp.sum(jnp.square(w), axis=axes, keepdims=True))


class Constraint(Configurable):
    """Base of all constraints. A subclass overrides `__call__` and lists its bounds in `hyperparameters`."""

    def __call__(self, w: Any) -> Any:
        """Return the allowed value for the weight `w`, of the same shape."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, w)")


@_registry.register()
class MaxNorm(Constraint):
    """Norm at most r: ``w min(|w|, r) / (ε + |w|)``, ε = 1e-7.

    Args:
        max_value: r, 2 by default.
        axis: axes along which a norm is taken. 0 (default) is the incoming weights of each unit of a Dense
            kernel ``[in, out]``; ``[0, 1, 2]`` those of each filter of a Conv2D kernel.

    Source: Srivastava et al. 2014.
    """

    hyperparameters = ("max_value",)

    @checked(max_value=Real(0), axis=_AXES)
    def __init__(self, max_value: Any = 2.0, axis: Axis = 0) -> None:
        self.max_value = max_value
        self.axis = list(axis) if isinstance(axis, tuple) else axis

    def __call__(self, w: Any) -> Array:
        """Return `w` with no norm above `max_value`."""
        w = _floats(w)
        norms = _norms(w, self.axis)
        return w * (jnp.minimum(norms, jnp.asarray(self.max_value, w.dtype)) / (settings.epsilon() + norms))


@_registry.register()
class MinMaxNorm(Constraint):
    """Norm pulled towards an interval: ``w n / (ε + |w|)``.

    ``n = rate clip(|w|, min, max) + (1 - rate) |w|``, ε = 1e-7.

    Args:
        min_value: lower bound, 0 by default.
        max_value: upper bound, 1 by default.
        rate: 1 (default) enforces the bounds at once, less moves towards them at each update.
        axis: see `MaxNorm`.
    """

    hyperparameters = ("min_value", "max_value", "rate")

    @checked(min_value=Real(0), max_value=Real(0), rate=Real(0, 1), axis=_AXES)
    def __init__(self, min_value: Any = 0.0, max_value: Any = 1.0, rate: Any = 1.0, axis: Axis = 0) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = list(axis) if isinstance(axis, tuple) else axis

    def __call__(self, w: Any) -> Array:
        """Return `w` with norms moved towards the interval."""
        w = _floats(w)
        low, high, rate = (
            jnp.asarray(value, w.dtype) for value in (self.min_value, self.max_value, self.rate)
        )
        norms = _norms(w, self.axis)
        wanted = rate * jnp.clip(norms, low, high) + (1 - rate) * norms
        return w * (wanted / (settings.epsilon() + norms))


@_registry.register()
class UnitNorm(Constraint):
    """Norm 1: ``w / (ε + |w|)``, ε = 1e-7.

    By columns (axis 0), ``[[0, 1], [2, 3], [4, 5]]`` becomes ``[[0, .169], [.447, .507], [.894, .845]]``.

    Args:
        axis: see `MaxNorm`.
    """

    @checked(axis=_AXES)
    def __init__(self, axis: Axis = 0) -> None:
        self.axis = list(axis) if isinstance(axis, tuple) else axis

    def __call__(self, w: Any) -> Array:
        """Return `w` with all norms 1 (zero vectors stay zero)."""
        w = _floats(w)
        return w / (settings.epsilon() + _norms(w, self.axis))


@_registry.register()
class NonNeg(Constraint):
    """No negative weights: ``max(w, 0)``."""

    def __call__(self, w: Any) -> Array:
        """Return `w` with negative values replaced by 0."""
        w = _floats(w)
        return jnp.maximum(w, 0)


@_registry.register("radial")
class RadialConstraint(Constraint):
    """Conv2D kernels that are the same at each distance from their centre.

    Distance is the number of rings around the centre, ``max(|Δrow|, |Δcolumn|)``. Each ring becomes its mean,
    which is the nearest kernel of this kind. The Keras 2 class copied one corner value of each ring instead,
    and for kernels of odd size took the wrong one; Keras 3 has none.
    """

    def __call__(self, w: Any) -> Array:
        """Return the kernel `w`, ``[size, size, in, out]``, with constant rings."""
        w = _floats(w)
        if w.ndim != 4 or w.shape[0] != w.shape[1]:
            raise ShapeError(
                f"RadialConstraint is for square Conv2D kernels [k, k, in, out], got shape {w.shape}"
            )
        # Twice the distance from the centre, so that it is an integer for even sizes too; then numbered from
        # 0.
        offset = jnp.abs(2 * jnp.arange(w.shape[0]) - (w.shape[0] - 1))
        ring = jnp.maximum(offset[:, None], offset[None, :]) // 2
        member = jax.nn.one_hot(ring, w.shape[0] // 2 + 1, dtype=w.dtype)
        means = jnp.einsum("xyr,xyio->rio", member, w) / jnp.maximum(member.sum((0, 1)), 1)[:, None, None]
        return jnp.einsum("xyr,rio->xyio", member, means)


max_norm, min_max_norm, unit_norm, non_neg, radial_constraint = (
    MaxNorm,
    MinMaxNorm,
    UnitNorm,
    NonNeg,
    RadialConstraint,
)
__getattr__ = older_address(
    __name__, __name__, {"maxnorm": "max_norm", "unitnorm": "unit_norm", "nonneg": "non_neg"}
)


def get(identifier: Any) -> Callable[[Any], Any] | None:
    """Return the constraint that `identifier` stands for; None stays None.

    A name, an object, a class, a configuration or a function of an array.
    """
    constraint = _registry.get(identifier)
    if constraint is not None and not callable(constraint):
        raise InvalidArgument(
            f"constraint: expected a name such as 'max_norm', an object such as max_norm(1.0) or a function, "
            f"got {identifier!r}"
        )
    return constraint


def serialize(constraint: Any) -> Any:
    """Write `constraint` as plain data."""
    return _serialize(constraint)


def deserialize(config: Mapping[str, Any] | str | None) -> Callable[[Any], Any] | None:
    """Return the constraint that `serialize` wrote."""
    return get(config)
