"""Initializers: objects that create the initial values of weights.

An initializer is called as ``initializer(shape, dtype=None, rng=None)``, and returns a NumPy array. Initializers run
on the host with NumPy, because JAX would compile one program for each shape.

A random initializer with an integer `seed` returns the same values at each call, as in Keras. Without a seed, it draws
values from `rng`. Without `rng`, it uses the next seed from the current seed generator (see `fitwell.random`). Values
are drawn in float64 and then rounded, so float32 and float64 models start with the same weights up to rounding.

Data-dependent initialization (LSUV) requires a model. See `fitwell.models.lsuv`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fitwell import random
from fitwell._deprecation import deprecated_module_getattr
from fitwell._registry import serialize as _serialize
from fitwell.errors import InvalidArgument
from fitwell.initializers.base import Initializer, RandomInitializer
from fitwell.initializers.base import registry as _registry
from fitwell.initializers.constant_initializers import Constant, Identity, Ones, Zeros
from fitwell.initializers.random_initializers import (
    TRUNCATED_STDDEV,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
)
from fitwell.initializers.variance_scaling import (
    FixupNormal,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
    compute_fans,
)

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
    """Return the initializer that an identifier specifies.

    Args:
        identifier (str | Initializer | type | dict | Callable | array | float | None): A name, an `Initializer` object,
            an initializer class, a configuration, a function ``fn(shape, dtype=None)``, or an array or number that is
            the initial value.

    Returns:
        Callable | None: The initializer, or None if `identifier` is None.

    Raises:
        InvalidArgument: if no initializer matches the identifier.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.get("he_normal")
        HeNormal(seed=None, input_axes=None, output_axes=None)
    """
    if isinstance(identifier, np.ndarray | int | float) and not isinstance(identifier, bool):
        return Constant(identifier)
    initializer = _registry.get(identifier)
    if initializer is not None and not callable(initializer):
        raise InvalidArgument(
            "expected a name such as 'he_normal', an Initializer or a function as the initializer, "
            f"got {identifier!r}"
        )
    return initializer


def serialize(initializer: Any) -> Any:
    """Return the configuration of an initializer as JSON-compatible data.

    Args:
        initializer (Initializer | Callable): The initializer.

    Returns:
        str | dict: The name of a function, or the configuration of an object. You can pass it to `deserialize`.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.serialize(fw.initializers.Constant(2.0))["class_name"]
        'Constant'
    """
    return _serialize(initializer)


def deserialize(config: Mapping[str, Any] | str | None) -> Callable[..., Any] | None:
    """Create an initializer from a configuration that `serialize` or Keras returned.

    Args:
        config (str | dict): The configuration, or the name of an initializer.

    Returns:
        Initializer | Callable: The initializer.

    Raises:
        InvalidArgument: if no initializer matches the configuration.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.deserialize(fw.initializers.serialize(fw.initializers.Constant(2.0)))
        Constant(value=2.0)
    """
    return get(config)


def replace_with_zeros(initializer: Any) -> Any:
    """Return a `Zeros` initializer for a weight that will be read from a file.

    If `initializer` would take the next seed from the current seed generator, this function takes and discards that
    seed. The weights that are initialized later therefore get the same values as without the replacement.
    """
    if isinstance(initializer, RandomInitializer) and initializer.seed is None:
        random.next_seed()
    return Zeros()


__all__ = [
    "Constant",
    "FixupNormal",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomInitializer",
    "RandomNormal",
    "RandomUniform",
    "TRUNCATED_STDDEV",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "compute_fans",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]


def __dir__() -> list[str]:
    return sorted(__all__)
