"""Constraints, which project a weight onto a set of allowed values after every update.

Their bounds are hyperparameters that are passed to the compiled program as arguments. Therefore, you can change them
without recompilation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fitwell import config as settings
from fitwell._deprecation import deprecated_module_getattr
from fitwell._param_validation import Integer, ListOf, Real, validate_params
from fitwell._registry import Configurable, Registry
from fitwell._registry import serialize as _serialize
from fitwell._typing import Array
from fitwell.errors import InvalidArgument, ShapeError

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "RadialConstraint",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "radial_constraint",
    "serialize",
    "unit_norm",
]

Axis = int | Sequence[int]

_registry = Registry("constraint")
_AXES = Integer() | ListOf(Integer(), least=1)


def _to_float(w: Any) -> Array:
    array = jnp.asarray(w)
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(settings.float_dtype())


def _norms(w: Array, axis: Axis) -> Array:
    axes = axis if isinstance(axis, int) else tuple(axis)
    return jnp.sqrt(jnp.sum(jnp.square(w), axis=axes, keepdims=True))


class Constraint(Configurable):
    """Base class of all constraints.

    A subclass overrides `__call__`, and lists the names of its bounds in `hyperparameters`.

    Example:
        >>> import fitwell as fw
        >>> import jax.numpy as jnp
        >>> class Clip(fw.constraints.Constraint):
        ...     def __call__(self, w):
        ...         return jnp.clip(w, -1, 1)
        >>> Clip()(jnp.asarray([0.5, 3.0])).tolist()
        [0.5, 1.0]
    """

    def __call__(self, w: Any) -> Any:
        """Project a weight onto the set of allowed values.

        Args:
            w (array): A weight of any shape.

        Returns:
            Array: The projected weight, which has the same shape.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, w)")


@_registry.register()
class MaxNorm(Constraint):
    """A constraint that limits the norms of weight vectors to a maximum r.

    It replaces each vector w along `axis` with ``w min(|w|, r) / (ε + |w|)``, where ε is `config.epsilon`, 1e-7 by
    default.

    Args:
        max_value (float): The maximum r, at least 0. Default: 2.
        axis (int | list[int]): Axes along which norms are computed. For a Dense kernel ``[in, out]``, 0 constrains the
            incoming weights of each unit. For a Conv2D kernel, ``[0, 1, 2]`` constrains the weights of each filter.
            Default: 0.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> np.asarray(fw.constraints.MaxNorm(1.0)([[3.0], [4.0]]), float).round(3).tolist()
        [[0.6], [0.8]]

    Source: Keras `MaxNorm`; Srivastava et al. (2014).
    """

    hyperparameters = ("max_value",)

    @validate_params(max_value=Real(0), axis=_AXES)
    def __init__(self, max_value: Any = 2.0, axis: Axis = 0) -> None:
        self.max_value = max_value
        self.axis = list(axis) if isinstance(axis, tuple) else axis

    def __call__(self, w: Any) -> Array:
        """Scale the weight so that no norm exceeds `max_value`. See `Constraint`."""
        w = _to_float(w)
        norms = _norms(w, self.axis)
        return w * (jnp.minimum(norms, jnp.asarray(self.max_value, w.dtype)) / (settings.epsilon() + norms))


@_registry.register()
class MinMaxNorm(Constraint):
    """A constraint that moves the norms of weight vectors into an interval.

    It replaces each vector w along `axis` with ``w n / (ε + |w|)``, where ε is `config.epsilon`, 1e-7 by default. The
    new norm is ``n = rate clip(|w|, min_value, max_value) + (1 - rate) |w|``.

    Args:
        min_value (float): Lower bound, at least 0. Default: 0.
        max_value (float): Upper bound, at least 0. Default: 1.
        rate (float): A number from 0 to 1. With 1, norms are within the bounds after each update. With a smaller
            number, each update only moves the norms toward the bounds. Default: 1.
        axis (int | list[int]): Axes along which norms are computed; see `MaxNorm`. Default: 0.

    Example:
        >>> import fitwell as fw
        >>> fw.constraints.MinMaxNorm(1.0, 2.0)([[0.0], [0.5]]).round(3).tolist()
        [[0.0], [1.0]]

    Source: Keras `MinMaxNorm`.
    """

    hyperparameters = ("min_value", "max_value", "rate")

    @validate_params(min_value=Real(0), max_value=Real(0), rate=Real(0, 1), axis=_AXES)
    def __init__(self, min_value: Any = 0.0, max_value: Any = 1.0, rate: Any = 1.0, axis: Axis = 0) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = list(axis) if isinstance(axis, tuple) else axis

    def __call__(self, w: Any) -> Array:
        """Scale the weight so that norms move into the interval. See `Constraint`."""
        w = _to_float(w)
        low, high, rate = (
            jnp.asarray(value, w.dtype) for value in (self.min_value, self.max_value, self.rate)
        )
        norms = _norms(w, self.axis)
        wanted = rate * jnp.clip(norms, low, high) + (1 - rate) * norms
        return w * (wanted / (settings.epsilon() + norms))


@_registry.register()
class UnitNorm(Constraint):
    """A constraint that scales weight vectors to norm 1.

    It replaces each vector w along `axis` with ``w / (ε + |w|)``, where ε is `config.epsilon`, 1e-7 by default.

    Args:
        axis (int | list[int]): Axes along which norms are computed; see `MaxNorm`. Default: 0.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> np.asarray(fw.constraints.UnitNorm()([[0, 1], [2, 3], [4, 5]]), float).round(3).tolist()
        [[0.0, 0.169], [0.447, 0.507], [0.894, 0.845]]

    Source: Keras `UnitNorm`.
    """

    @validate_params(axis=_AXES)
    def __init__(self, axis: Axis = 0) -> None:
        self.axis = list(axis) if isinstance(axis, tuple) else axis

    def __call__(self, w: Any) -> Array:
        """Scale the weight so that all norms are 1. Vectors of zeros do not change. See `Constraint`."""
        w = _to_float(w)
        return w / (settings.epsilon() + _norms(w, self.axis))


@_registry.register()
class NonNeg(Constraint):
    """A constraint that replaces negative weights with 0, ``max(w, 0)``.

    Example:
        >>> import fitwell as fw
        >>> fw.constraints.NonNeg()([-1.0, 2.0]).tolist()
        [0.0, 2.0]

    Source: Keras `NonNeg`.
    """

    def __call__(self, w: Any) -> Array:
        """Replace negative values with 0. See `Constraint`."""
        w = _to_float(w)
        return jnp.maximum(w, 0)


@_registry.register("radial")
class RadialConstraint(Constraint):
    """A constraint that makes Conv2D kernels constant at each distance from their center.

    The distance is ``max(|Δrow|, |Δcolumn|)``, so kernels consist of square rings around their center. All values in a
    ring are replaced with their mean, which gives the nearest kernel with constant rings. In Keras 2, this class copied
    one corner value of each ring instead, and copied the wrong one if the kernel size was odd. Keras 3 does not have
    this class.

    Raises:
        ShapeError: if the weight is not a square kernel ``[k, k, in, out]``.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> kernel = np.arange(9.0).reshape(3, 3, 1, 1)
        >>> fw.constraints.RadialConstraint()(kernel)[..., 0, 0].tolist()
        [[4.0, 4.0, 4.0], [4.0, 4.0, 4.0], [4.0, 4.0, 4.0]]
    """

    def __call__(self, w: Any) -> Array:
        """Replace each ring of the kernel ``[size, size, in, out]`` with its mean. See `Constraint`."""
        w = _to_float(w)
        if w.ndim != 4 or w.shape[0] != w.shape[1]:
            raise ShapeError(
                f"RadialConstraint requires a square Conv2D kernel [k, k, in, out], got shape {w.shape}"
            )
        # Twice the distance from the center is an integer even if the size is even. Ring indices are 0-based.
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
__getattr__ = deprecated_module_getattr(
    __name__, __name__, {"maxnorm": "max_norm", "unitnorm": "unit_norm", "nonneg": "non_neg"}
)


def get(identifier: Any) -> Callable[[Any], Any] | None:
    """Return the constraint that an identifier specifies.

    Args:
        identifier (str | Constraint | type | dict | Callable | None): A name, a `Constraint` object, a constraint
            class, a configuration, or a function that takes and returns an array.

    Returns:
        Callable | None: The constraint, or None if `identifier` is None.

    Raises:
        InvalidArgument: if no constraint matches the identifier.

    Example:
        >>> import fitwell as fw
        >>> fw.constraints.get("max_norm")
        MaxNorm(max_value=2.0, axis=0)
    """
    constraint = _registry.get(identifier)
    if constraint is not None and not callable(constraint):
        raise InvalidArgument(
            f"expected a name such as 'max_norm', an object such as max_norm(1.0) or a function as the constraint, "
            f"got {identifier!r}"
        )
    return constraint


def serialize(constraint: Any) -> Any:
    """Return the configuration of a constraint as JSON-compatible data.

    Args:
        constraint (Constraint | Callable): The constraint.

    Returns:
        str | dict: The name of a function, or the configuration of an object. You can pass it to `deserialize`.

    Example:
        >>> import fitwell as fw
        >>> fw.constraints.serialize(fw.constraints.UnitNorm())["class_name"]
        'UnitNorm'
    """
    return _serialize(constraint)


def deserialize(config: Mapping[str, Any] | str | None) -> Callable[[Any], Any] | None:
    """Create a constraint from a configuration that `serialize` or Keras returned.

    Args:
        config (str | dict): The configuration, or the name of a constraint.

    Returns:
        Constraint | Callable: The constraint.

    Raises:
        InvalidArgument: if no constraint matches the configuration.

    Example:
        >>> import fitwell as fw
        >>> fw.constraints.deserialize(fw.constraints.serialize(fw.constraints.UnitNorm()))
        UnitNorm(axis=0)
    """
    return get(config)


def __dir__() -> list[str]:
    return sorted(__all__)
