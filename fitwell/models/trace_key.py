"""Keys of traced programs, similar to the keys of JAX's jit cache.

A key covers everything that tracing reads, except numbers that are arguments. Models with equal keys may
share one compiled program, so equal keys must imply equal traces. A key is therefore computed from every
attribute of every object. An object that cannot be inspected counts as unequal to every other object. This
may cost a compilation but never gives a wrong result.
"""

from __future__ import annotations

import functools
import hashlib
import types
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._variables import Hyperparameter, Variable
from fitwell.initializers import Initializer
from fitwell.layers.base import Layer
from fitwell.layers.keras_tensor import KerasTensor, Node
from fitwell.metrics.base import Metric
from fitwell.models.compile_config import OutputLoss
from fitwell.optimizers.parameter_filters import ParameterFilters
from fitwell.optimizers.pure_optimizer import PureOptimizer

__all__ = ["TraceKey", "trace_key"]

# Attributes that are not part of the structure, such as generated names and the results of runs.
_IGNORED_ATTRIBUTES: dict[type, frozenset[str]] = {
    # `_inbound_nodes` records the models that use a layer, and models may share layers that are not trained.
    Layer: frozenset(
        {
            "name",
            "history",
            "stop_training",
            "_forward_pass_or_none",
            "_session_or_none",
            "optimizer",
            "_inbound_nodes",
        }
    ),
    KerasTensor: frozenset({"name"}),
    Node: frozenset({"order"}),
    Metric: frozenset({"name"}),
    PureOptimizer: frozenset({"name", "opt_state"}),
    OutputLoss: frozenset({"name"}),
}
_VALUES = (type(None), bool, int, float, complex, str, bytes, type, np.dtype, np.generic, types.CodeType)

# Libraries whose functions do not depend on anything that a user's program changes between two models.
_CONSTANT = frozenset(
    {"fitwell", "jax", "jaxlib", "numpy", "optax", "builtins", "functools", "collections", "types"}
)


class TraceKey(NamedTuple):
    """The key of everything that tracing reads.

    Attributes:
        key: A tuple. Objects with equal keys have equal traces. The key covers classes, shapes, code, the
            constants of functions and all other attributes. It omits initial weights, hyperparameters
            that are arguments (`variables.Hyperparameter`), runs' seeds and automatic names.
        library_code_only: Whether all traced code belongs to fitwell and its libraries. The key does not cover
            global variables that user-defined functions read, and they may change before the next model is built.
    """

    key: tuple[Hashable, ...]
    library_code_only: bool


def trace_key(root: Any, data: Iterable[Hyperparameter]) -> TraceKey:
    """Return the key of everything that is reachable from `root`.

    Args:
        root: The object to start from.
        data: The hyperparameters that are arguments of the program. Other hyperparameters, such as the slope in
            the bound method ``LeakyReLU(0.1).call``, are constants of the program.
    """
    visited: list[Any] = []
    key = tuple(_tokens(root, visited, {id(cell) for cell in data}))
    return TraceKey(key, all(_module_name(value).partition(".")[0] in _CONSTANT for value in visited))


def _module_name(value: Any) -> str:
    code = value if isinstance(value, types.FunctionType) else type(value)
    return str(code.__module__)


def _tokens(root: Any, visited: list[Any], data: set[int]) -> Iterator[Hashable]:
    """Yield a token for everything that is reachable from `root`, in a fixed order.

    An object that was visited before is represented by its index in `visited`.

    Args:
        root: The object to start from.
        visited: A list that collects the objects. They stay alive in it, so that no two of them have the same
            id.
        data: The ids of hyperparameters that are arguments.
    """
    waiting = [root]  # not recursive, because graphs can be deeper than Python's stack
    numbers: dict[int, int] = {}
    while waiting:
        value = waiting.pop()
        if isinstance(value, _VALUES):
            yield type(value), value
            continue
        if id(value) in numbers:
            yield "again", numbers[id(value)]
            continue
        if not isinstance(value, tuple):  # equal tuples may or may not be the same object
            numbers[id(value)] = len(visited)
        visited.append(value)
        token, parts = _node_key(value, data)
        yield token
        waiting.extend(reversed(parts))


def _node_key(value: Any, data: set[int]) -> tuple[Hashable, list[Any]]:
    """Return the token of `value` itself, and the parts of `value` to visit next."""
    if isinstance(value, Variable):
        own = ("variable", value.shape, str(value.dtype), value.trainable)
        return own, [value.regularizer, value.constraint]
    if isinstance(value, Hyperparameter):
        is_data = value.is_number and id(value) in data
        return ("hyperparameter", is_data), [] if is_data else [value.raw_value]
    if isinstance(value, jax.core.Tracer):
        return ("tracer", id(value)), []  # a layer may store a value that it computed while being traced
    if isinstance(value, np.ndarray | jax.Array):
        is_key = isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
        array = np.asarray(jax.random.key_data(value) if is_key else value)
        return ("array", array.shape, str(array.dtype), hashlib.sha256(array.tobytes()).digest()), []
    if isinstance(value, Initializer):
        return "initializer", []  # only used before tracing
    if isinstance(value, ParameterFilters):
        return "reach", _filters_key(value)
    if isinstance(value, types.FunctionType):
        return ("function", id(value.__globals__)), [value.__code__, *_captured_values(value)]
    if isinstance(value, types.MethodType):
        return "method", [value.__func__, value.__self__]
    if isinstance(value, functools.partial):
        return "partial", [value.func, value.args, value.keywords]
    if isinstance(value, Mapping):
        return (type(value), len(value)), [part for item in value.items() for part in item]
    if isinstance(value, list | tuple):
        return (type(value), len(value)), list(value)
    if isinstance(value, set | frozenset):
        return (type(value), len(value)), sorted(value, key=repr)
    if hasattr(value, "__dict__") and not isinstance(value, types.ModuleType):
        return _object_key(value)
    return (type(value), id(value)), []


def _object_key(value: Any) -> tuple[Hashable, list[Any]]:
    kind: type = type(value)
    ignored, hidden = _ignored_attributes(kind)
    attributes = {name: item for name, item in vars(value).items() if name not in ignored}
    return (kind, tuple(attributes), id(value) if hidden else None), list(attributes.values())


@functools.lru_cache(1024)
def _ignored_attributes(kind: type) -> tuple[frozenset[str], bool]:
    """Return the ignored attributes of a class, and whether it has attributes that are not in `__dict__`.

    An object with such attributes is identified by its id, because they cannot be inspected.
    """
    ignored = frozenset[str]().union(
        *(names for known, names in _IGNORED_ATTRIBUTES.items() if issubclass(kind, known))
    )
    return ignored, any(vars(base).get("__slots__") for base in kind.__mro__)


def _captured_values(function: types.FunctionType) -> list[Any]:
    """Return a function's default arguments and the values that it captures from enclosing functions."""
    cells = [cell.cell_contents for cell in function.__closure__ or () if cell != types.CellType()]
    return [function.__defaults__, function.__kwdefaults__, cells]


def _filters_key(reach: ParameterFilters) -> list[Any]:
    """Return, for each variable, which multipliers apply and whether weight decay does.

    The result omits the path prefixes to which the multipliers were assigned.
    """
    rates, decays = list(reach.multipliers), list(reach.decay_multipliers)
    places = []
    for path in reach.variables:
        rate, decay = reach.learning_rate_multiplier(path), reach.weight_decay_multiplier(path)
        places.append(
            (path, reach.uses_weight_decay(path), rate and rates.index(rate), decay and decays.index(decay))
        )
    return [places, len(rates), len(decays)]
