"""Regularizers, which compute penalties on weights or activities. The penalties are added to the loss.

A regularizer is called with an array and returns a scalar. Its strengths are hyperparameters that are passed to the
compiled program as arguments. You can change them without recompilation, and each member of a population can have
different strengths. `Layer` computes the penalties on activities when it is called. `ModelProgram.forward` adds all
penalties to the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import jax.numpy as jnp

from fitwell._deprecation import warn_deprecated
from fitwell._param_validation import Options, Real, validate_param, validate_params
from fitwell._reductions import l2_normalize, vectorized_sum
from fitwell._registry import Configurable, Registry
from fitwell._registry import serialize as _serialize
from fitwell._typing import Array
from fitwell.errors import InvalidArgument, ShapeError

__all__ = [
    "ElasticNet",
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "elastic_net",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]


_registry = Registry("regularizer")


def _to_float(w: Any) -> Array:
    array = jnp.asarray(w)
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(jnp.float32)


# None means 0, as in Keras.
_STRENGTH = Real(0) | None


def _read_deprecated_l(kind: str, where: str, value: Any, deprecated: dict[str, Any]) -> Any:
    """Return a penalty's strength. As in Keras 2.0, it may be passed under the deprecated name ``l``.

    Args:
        kind (str): The name of the class, ``"L1"`` or ``"L2"``, for errors about the value of ``l``.
        where (str): The name of the function, ``"l1"`` or ``"l2"``, for all other messages.
        value (float | None): The strength under its current name. If ``l`` is passed, it is used instead.
        deprecated (dict[str, Any]): Additional keyword arguments of the class.

    Returns:
        float: The strength.

    Raises:
        InvalidArgument: if there is an unknown keyword argument.
    """
    if "l" in deprecated:
        warn_deprecated(f"{where}(l=...)", f"{where}(...)")
        value = validate_param(kind, "l", deprecated.pop("l"), _STRENGTH)
    if deprecated:
        raise InvalidArgument(f"{where}: unknown argument {next(iter(deprecated))!r}")
    return 0.0 if value is None else value


class Regularizer(Configurable):
    """Base class of all regularizers.

    A subclass overrides `__call__`, and lists the names of its strength parameters in `hyperparameters`. If rows of
    zeros do not change the penalty, the subclass should set ``supports_padding = True``. This allows fitwell to pad
    batches when the regularizer is applied to a layer's outputs. The attribute is not inherited, so each subclass must
    set it.

    Example:
        >>> import fitwell as fw
        >>> import jax.numpy as jnp
        >>> class MaxAbs(fw.regularizers.Regularizer):
        ...     def __call__(self, w):
        ...         return 0.5 * jnp.max(jnp.abs(w))
        >>> float(MaxAbs()(jnp.asarray([1.0, -4.0])))
        2.0
    """

    supports_padding: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "row_wise" in cls.__dict__:
            warn_deprecated("Regularizer.row_wise", "Regularizer.supports_padding")
        cls.supports_padding = cls.__dict__.get("supports_padding", cls.__dict__.get("row_wise", False))

    def __call__(self, w: Any) -> Any:
        """Compute the penalty for an array.

        Args:
            w (array): Weights or activities of any shape.

        Returns:
            Array: The penalty, a scalar.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, w)")


@_registry.register()
class L1(Regularizer):
    """A regularizer with the penalty ``l1 Σ|w|``, which drives many weights to exactly 0.

    Args:
        l1 (float | None): Strength of the penalty, at least 0. None means 0. The deprecated name is ``l``.
            Default: 0.01.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.regularizers.L1(0.5)([1.0, -3.0])), 6)
        2.0

    Source: Keras `L1`; Tibshirani (1996).
    """

    hyperparameters = ("l1",)
    supports_padding = True

    @validate_params(l1=_STRENGTH)
    def __init__(self, l1: Any = 0.01, **deprecated: Any) -> None:
        self.l1 = _read_deprecated_l("L1", "l1", l1, deprecated)

    def __call__(self, w: Any) -> Array:
        """Compute the penalty for the array `w`."""
        w = _to_float(w)
        return jnp.asarray(self.l1, w.dtype) * vectorized_sum(jnp.abs, w)


@_registry.register()
class L2(Regularizer):
    """A regularizer with the penalty ``l2 Σ w²`` (without a factor ½). It keeps weights small.

    Args:
        l2 (float | None): Strength of the penalty, at least 0. None means 0. The deprecated name is ``l``.
            Default: 0.01.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.regularizers.L2(0.5)([1.0, -3.0])), 6)
        5.0

    Source: Keras `L2`; Hoerl and Kennard (1970).
    """

    hyperparameters = ("l2",)
    supports_padding = True

    @validate_params(l2=_STRENGTH)
    def __init__(self, l2: Any = 0.01, **deprecated: Any) -> None:
        self.l2 = _read_deprecated_l("L2", "l2", l2, deprecated)

    def __call__(self, w: Any) -> Array:
        """Compute the penalty for the array `w`."""
        w = _to_float(w)
        return jnp.asarray(self.l2, w.dtype) * vectorized_sum(jnp.square, w)


@_registry.register()
class L1L2(Regularizer):
    """A regularizer with the sum of an L1 penalty and an L2 penalty, ``l1 Σ|w| + l2 Σ w²``.

    Args:
        l1 (float | None): Strength of the L1 penalty, at least 0. None means 0. Default: 0.
        l2 (float | None): Strength of the L2 penalty, at least 0. None means 0. Default: 0.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.regularizers.L1L2(l1=0.5, l2=0.25)([1.0, -3.0])), 6)
        4.5

    Source: Keras `L1L2`.
    """

    hyperparameters = ("l1", "l2")
    supports_padding = True

    @validate_params(l1=_STRENGTH, l2=_STRENGTH)
    def __init__(self, l1: Any = 0.0, l2: Any = 0.0) -> None:
        self.l1 = 0.0 if l1 is None else l1
        self.l2 = 0.0 if l2 is None else l2

    def __call__(self, w: Any) -> Array:
        """Compute the penalty for the array `w`."""
        w = _to_float(w)
        l1, l2 = jnp.asarray(self.l1, w.dtype), jnp.asarray(self.l2, w.dtype)
        return l1 * vectorized_sum(jnp.abs, w) + l2 * vectorized_sum(jnp.square, w)


@_registry.register()
class ElasticNet(Regularizer):
    """A regularizer with a mix of an L1 and an L2 penalty, ``β λ Σ|w| + (1 - β)/2 λ Σ w²``.

    Keras does not have this class.

    Args:
        strength (float | None): The strength λ, at least 0. None means 0. Default: 0.01.
        l1_ratio (float | None): The share β of the L1 penalty, from 0 to 1. With 0, only squares are penalized, and
            with 1, only absolute values. None means 0. Default: 0.5.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.regularizers.ElasticNet(1.0, l1_ratio=0.5)([1.0, -3.0])), 6)
        4.5

    Source: Zou and Hastie (2005); scikit-learn `ElasticNet`.
    """

    hyperparameters = ("strength", "l1_ratio")
    supports_padding = True

    @validate_params(strength=_STRENGTH, l1_ratio=Real(0, 1) | None)
    def __init__(self, strength: Any = 0.01, l1_ratio: Any = 0.5) -> None:
        self.strength = 0.0 if strength is None else strength
        self.l1_ratio = 0.0 if l1_ratio is None else l1_ratio

    def __call__(self, w: Any) -> Array:
        """Compute the penalty for the array `w`."""
        w = _to_float(w)
        strength, ratio = jnp.asarray(self.strength, w.dtype), jnp.asarray(self.l1_ratio, w.dtype)
        return strength * (
            ratio * vectorized_sum(jnp.abs, w) + (1 - ratio) / 2 * vectorized_sum(jnp.square, w)
        )


@_registry.register("orthogonal")
class OrthogonalRegularizer(Regularizer):
    """A regularizer that makes the rows or columns of a matrix orthogonal.

    The penalty is `factor` times the mean of ``|cos|`` over the angles between all pairs of rows or columns.

    Args:
        factor (float | None): Strength of the penalty, at least 0. None means 0. Default: 0.01.
        mode (str): The vectors that should be orthogonal, ``"rows"`` or ``"columns"``. Default: ``"rows"``.

    Raises:
        ShapeError: if the penalized array is not a matrix.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.regularizers.OrthogonalRegularizer(1.0)([[1.0, 0.0], [0.0, 2.0]])), 6)
        0.0

    Source: Keras `OrthogonalRegularizer`.
    """

    hyperparameters = ("factor",)

    @validate_params(factor=_STRENGTH, mode=Options("rows", "columns"))
    def __init__(self, factor: Any = 0.01, mode: str = "rows") -> None:
        self.factor = 0.0 if factor is None else factor
        self.mode = mode

    def __call__(self, w: Any) -> Array:
        """Compute the penalty for the matrix `w`."""
        w = _to_float(w)
        if w.ndim != 2:
            raise ShapeError(f"OrthogonalRegularizer requires a matrix, got an array of shape {w.shape}")
        vectors = l2_normalize(w if self.mode == "rows" else w.T, axis=1)
        count = vectors.shape[0]
        cosines = jnp.abs(vectors @ vectors.T) * (1 - jnp.eye(count, dtype=w.dtype))
        pairs = max(count * (count - 1), 1)
        return jnp.asarray(self.factor, w.dtype) * jnp.sum(cosines) / pairs


l1, l2 = L1, L2
elastic_net = ElasticNet
orthogonal_regularizer = OrthogonalRegularizer


@validate_params(l1=_STRENGTH, l2=_STRENGTH)
def l1_l2(l1: Any = 0.01, l2: Any = 0.01) -> L1L2:
    """Create an `L1L2` regularizer with the defaults of Keras 2's function ``l1_l2``.

    Args:
        l1 (float | None): Strength of the L1 penalty. Default: 0.01.
        l2 (float | None): Strength of the L2 penalty. Default: 0.01.

    Returns:
        L1L2: The regularizer.

    Example:
        >>> import fitwell as fw
        >>> fw.regularizers.l1_l2(l2=0.1)
        L1L2(l1=0.01, l2=0.1)
    """
    return L1L2(l1, l2)


def get(identifier: Any) -> Callable[[Any], Any] | None:
    """Return the regularizer that an identifier specifies.

    Args:
        identifier (str | Regularizer | type | dict | Callable | None): A name, a `Regularizer` object, a regularizer
            class, a configuration, or a function that takes an array and returns a scalar. If you pass a name, the
            strengths are 0.01. In contrast, ``"l1l2"`` has no effect in Keras 3, because its strengths default to 0.

    Returns:
        Callable | None: The regularizer, or None if `identifier` is None.

    Raises:
        InvalidArgument: if no regularizer matches the identifier.

    Example:
        >>> import fitwell as fw
        >>> fw.regularizers.get("l2")
        L2(l2=0.01)
    """
    if isinstance(identifier, str) and _registry.lookup(identifier) is L1L2:
        return l1_l2()
    regularizer = _registry.get(identifier)
    if regularizer is not None and not callable(regularizer):
        raise InvalidArgument(
            "expected a name such as 'l2', an object such as l2(0.01) or a function as the regularizer, "
            f"got {identifier!r}"
        )
    return regularizer


def serialize(regularizer: Any) -> Any:
    """Return the configuration of a regularizer as JSON-compatible data.

    Args:
        regularizer (Regularizer | Callable): The regularizer.

    Returns:
        str | dict: The name of a function, or the configuration of an object. You can pass it to `deserialize`.

    Example:
        >>> import fitwell as fw
        >>> fw.regularizers.serialize(fw.regularizers.L2(0.1))["class_name"]
        'L2'
    """
    return _serialize(regularizer)


def deserialize(config: Mapping[str, Any] | str | None) -> Callable[[Any], Any] | None:
    """Create a regularizer from a configuration that `serialize` or Keras returned.

    Args:
        config (str | dict): The configuration, or the name of a regularizer.

    Returns:
        Regularizer | Callable: The regularizer.

    Raises:
        InvalidArgument: if no regularizer matches the configuration.

    Example:
        >>> import fitwell as fw
        >>> fw.regularizers.deserialize(fw.regularizers.serialize(fw.regularizers.L2(0.1)))
        L2(l2=0.1)
    """
    return get(config)


def __dir__() -> list[str]:
    return sorted(__all__)
