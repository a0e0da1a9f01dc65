"""Which models are the same program: everything that tracing looks at, with the numbers that are data left out.

Models whose structures are equal may share one compiled program, so what is equal here must trace alike. The
walk therefore sees every attribute of every object, and whatever it cannot look into it takes for
different: that costs a compilation, never a wrong result.
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

# What a model knows beside its architecture: names made by counting, what a run leaves behind.
_IGNORED_ATTRIBUTES: dict[type, frozenset[str]] = {
    # `_inbound_nodes`: in which models it was called. A model has its own graph; others share layers that do not learn.
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

# Libraries whose functions do not depend on what a user's program changes between one model and the next.
_CONSTANT = frozenset(
    {"fitwell", "jax", "jaxlib", "numpy", "optax", "builtins", "functools", "collections", "types"}
)


class TraceKey(NamedTuple):
    """What tracing looks at, told from what is data.

    key: equal for what traces alike. Initial weights, hyperparameters that are data
        (`variables.Hyperparameter`), seeds of the run and automatic names do not count; classes, shapes, other
        attributes, code and constants of functions do.
    known_code_only: whether no code but fitwell's and its libraries' is traced. A function of the user may read
        a global that has another value when the next model is built, which its structure does not show.
    """

    key: tuple[Hashable, ...]
    library_code_only: bool


def trace_key(root: Any, data: Iterable[Hyperparameter]) -> TraceKey:
    """Return the structure of everything reachable from `root`.

    data: the hyperparameters that are arguments of the program. Others, such as the slope in the bound method
        ``LeakyReLU(0.1).call``, are constants of it, however numeric they are.
    """
    met: list[Any] = []
    key = tuple(_tokens(root, met, {id(cell) for cell in data}))
    return TraceKey(key, all(_module(value).partition(".")[0] in _CONSTANT for value in met))


def _module(value: Any) -> str:
    code = value if isinstance(value, types.FunctionType) else type(value)
    return str(code.__module__)


def _tokens(root: Any, met: list[Any], data: set[int]) -> Iterator[Hashable]:
    """Walk everything reachable from `root` in a fixed order; objects met again are named by their number.

    met: gathers the objects, so that no two of them have one id. data: the ids of hyperparameters that are data.
    """
    waiting = [root]  # a stack of its own: graphs of layers can be deeper than Python's
    numbers: dict[int, int] = {}
    while waiting:
        value = waiting.pop()
        if isinstance(value, _VALUES):
            yield type(value), value
            continue
        if id(value) in numbers:
            yield "again", numbers[id(value)]
            continue
        if not isinstance(value, tuple):  # equal tuples may be one object or several
            numbers[id(value)] = len(met)
        met.append(value)
        token, parts = _node_key(value, data)
        yield token
        waiting.extend(reversed(parts))


def _node_key(value: Any, data: set[int]) -> tuple[Hashable, list[Any]]:
    """Return what `value` itself is, and what it is made of."""
    if isinstance(value, Variable):
        own = ("variable", value.shape, str(value.dtype), value.trainable)
        return own, [value.regularizer, value.constraint]
    if isinstance(value, Hyperparameter):
        is_data = value.is_number and id(value) in data
        return ("hyperparameter", is_data), [] if is_data else [value.raw_value]
    if isinstance(value, jax.core.Tracer):
        return ("tracer", id(value)), []  # left behind by a layer that keeps what it computed
    if isinstance(value, np.ndarray | jax.Array):
        is_key = isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
        array = np.asarray(jax.random.key_data(value) if is_key else value)
        return ("array", array.shape, str(array.dtype), hashlib.sha256(array.tobytes()).digest()), []
    if isinstance(value, Initializer):
        return "initializer", []  # it has done its work
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
    left_out, hidden = _seen_of(kind)
    attributes = {name: item for name, item in vars(value).items() if name not in left_out}
    return (kind, tuple(attributes), id(value) if hidden else None), list(attributes.values())


@functools.lru_cache(1024)
def _seen_of(kind: type) -> tuple[frozenset[str], bool]:
    """Return which attributes of a class are no structure, and whether others cannot be seen.

    Those live elsewhere than in `__dict__`: then the object stands for itself.
    """
    left_out = frozenset[str]().union(
        *(names for known, names in _IGNORED_ATTRIBUTES.items() if issubclass(kind, known))
    )
    return left_out, any(vars(base).get("__slots__") for base in kind.__mro__)


def _captured_values(function: types.FunctionType) -> list[Any]:
    """Return the values a function carries along: defaults, and the variables of the function around it."""
    cells = [cell.cell_contents for cell in function.__closure__ or () if cell != types.CellType()]
    return [function.__defaults__, function.__kwdefaults__, cells]


def _filters_key(reach: ParameterFilters) -> list[Any]:
    """Return which multiplier and whether weight decay applies to each parameter, whatever it is called."""
    multipliers = list(reach.multipliers)
    places = []
    for path in reach.variables:
        multiplier = reach.multiplier(path)
        places.append((path, reach.uses_weight_decay(path), multiplier and multipliers.index(multiplier)))
    return [places, len(multipliers)]
