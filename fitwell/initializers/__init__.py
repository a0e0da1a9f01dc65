"""Initializers: objects that create the initial value of a weight, in NumPy on the host.

Initializing on the host avoids compilation: JAX would compile one program for each shape. Every initializer is called
as ``initializer(shape, dtype=None, rng=None)`` and returns a NumPy array. An integer `seed` gives the same values at
each call, as in Keras; otherwise values come from `rng` or, without one, from a new seed of the current seed stream
(`fitwell.random`). Values are drawn in float64 and rounded, so that float32 and float64 models start from the same
weights.

Initialization from data (LSUV) needs a model; see `fitwell.models.lsuv`.
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
    """Return the initializer for `identifier`.

    Args:
        identifier (str | Initializer | type | dict | Callable | array | float | None): A name, an object, a class, a
            configuration, a function ``fn(shape, dtype=None)``, or an array or number to start from.

    Returns:
        Callable | None: The initializer; None for None.

    Raises:
        InvalidArgument: if there is no such initializer.

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
            f"initializer: expected a name such as 'he_normal', an object or a function, got {identifier!r}"
        )
    return initializer


def serialize(initializer: Any) -> Any:
    """Return the configuration of `initializer` as JSON-compatible data, which `deserialize` reads.

    Args:
        initializer (Initializer | Callable): The initializer.

    Returns:
        str | dict: The name of a function, or the configuration of an object.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.serialize(fw.initializers.Constant(2.0))["class_name"]
        'Constant'
    """
    return _serialize(initializer)


def deserialize(config: Mapping[str, Any] | str | None) -> Callable[..., Any] | None:
    """Return the initializer for a configuration written by `serialize` or by Keras.

    Args:
        config (str | dict): A name or configuration.

    Returns:
        Initializer | Callable: The initializer.

    Raises:
        InvalidArgument: if there is no such initializer.

    Example:
        >>> import fitwell as fw
        >>> fw.initializers.deserialize(fw.initializers.serialize(fw.initializers.Constant(2.0)))
        Constant(value=2.0)
    """
    return get(config)


def replace_with_zeros(initializer: Any) -> Any:
    """Return an initializer of zeros, for a weight that is read from a file.

    It takes a seed from the seed stream if `initializer` would, so that later weights do not change.
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
