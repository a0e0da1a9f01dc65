"""Variables, hyperparameters and `stateless_scope`, which let the same code run eagerly and inside compiled programs.

A `Variable` contains an array, and a `Hyperparameter` contains a float. Layers and optimizers read them through
`Variable.value` and through plain attributes (``self.rate``). Inside ``stateless_scope({variable: value, ...})``,
reads return the bound values (usually JAX tracers), and assignments replace them. A run can therefore call a layer
as a pure function of its weights and rates, without changing the layer's state.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from fitwell import config
from fitwell._escaping import escape_controls
from fitwell._param_validation import validate_param
from fitwell._typing import Array
from fitwell.errors import InvalidArgument, ShapeError

__all__ = [
    "Bindable",
    "Bindings",
    "Hyperparameter",
    "HyperparameterMixin",
    "Variable",
    "named_hyperparameters",
    "same_variables",
    "stateless_scope",
]

Bindings = dict["Bindable", Any]


class Bindable:
    """An object whose value `stateless_scope` can replace temporarily."""

    __slots__ = ()


class _Scope(threading.local):
    def __init__(self) -> None:
        self.stack: list[Bindings] = []

    def find(self, key: Bindable) -> Bindings | None:
        """Return the innermost bindings that contain `key`, or None."""
        for bindings in reversed(self.stack):
            if key in bindings:
                return bindings
        return None


_scope = _Scope()


@contextmanager
def stateless_scope(values: Mapping[Bindable, Any]) -> Iterator[Bindings]:
    """Replace the values of variables and hyperparameters inside the block and only in this thread.

    The context manager yields the live bindings. After the block, they contain the values that were assigned in it.
    """
    bindings = dict(values)
    _scope.stack.append(bindings)
    try:
        yield bindings
    finally:
        _scope.stack.pop()


def _operator(name: str) -> Callable[..., Any]:
    def apply(self: Variable, *others: Any) -> Any:
        values = (other.value if isinstance(other, Variable) else other for other in others)
        return getattr(self.value, name)(*values)

    apply.__name__ = name
    return apply


def same_variables(one: Mapping[str, Variable], other: Mapping[str, Variable]) -> bool:
    """Return whether two models share the same variable objects under the same paths."""
    return one.keys() == other.keys() and all(variable is other[path] for path, variable in one.items())


class Variable(Bindable):
    """A named array that training may change.

    In formulas, a variable acts like its value, as in ``x @ self.kernel`` or
    ``jnp.where(self.count == 0, 0, 1)``. `regularizer` and `constraint` are set by `Layer.add_weight` and
    applied by the training step.

    Args:
        value (ArrayLike): The initial array, of any shape.
        name (str): The last part of the path, such as ``"kernel"``. Default: ``"variable"``.
        trainable (bool): Whether gradients update the variable. Default: True.
        dtype (str | dtype | None): The dtype, which assignments preserve. Default: None, which means the
            dtype of `value`.

    Example:
        >>> import fitwell as fw
        >>> variable = fw.Variable([1.0, 2.0], name="scale")
        >>> variable.assign_add(1.0)
        >>> variable.numpy()
        array([2., 3.], dtype=float32)

    Source: Keras `keras.Variable`.
    """

    __slots__ = ("_value", "constraint", "dtype", "name", "path", "regularizer", "trainable")

    def __init__(
        self,
        value: Any,
        *,
        name: str = "variable",
        trainable: bool = True,
        dtype: Any = None,
    ) -> None:
        self.dtype = jnp.dtype(dtype if dtype is not None else jnp.result_type(np.asarray(value)))
        # The value is a NumPy array until its first use on a device, so building a model compiles and
        # transfers nothing.
        self._value: Any = np.array(value, dtype=self.dtype)
        self.name = name
        self.path = name
        self.trainable = trainable
        self.regularizer: Any = None
        self.constraint: Any = None

    @property
    def value(self) -> Array:
        """The current array, or the array bound by `stateless_scope`."""
        bindings = _scope.find(self)
        if bindings is not None:
            return bindings[self]
        if not isinstance(self._value, jax.Array):
            # The first read may happen inside a trace, but the stored array must not be a tracer.
            with jax.ensure_compile_time_eval():
                # `jnp.asarray` would compile a program for every new shape.
                self._value = jax.device_put(self._value)
        return self._value

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, which is fixed at creation."""
        return tuple(self._value.shape)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    def numpy(self) -> np.ndarray:
        """Return a copy of the value as a NumPy array."""
        return np.array(self._value if _scope.find(self) is None else self.value)

    def assign(self, value: Any) -> None:
        """Replace the value with a copy of `value`, which must have the same shape.

        Args:
            value (ArrayLike): The new array.

        Raises:
            ShapeError: if the shapes differ.
        """
        shape = np.shape(value)
        if tuple(shape) != self.shape:
            raise ShapeError(
                f"variable {self.path!r} has shape {self.shape} and cannot be assigned a value with shape {shape}"
            )
        bindings = _scope.find(self)
        if bindings is not None:
            bindings[self] = jnp.asarray(value, dtype=self.dtype)
            return
        if isinstance(value, jax.core.Tracer):
            raise InvalidArgument(
                f"variable {self.path!r} cannot be assigned in a function that you trace yourself, for example "
                "with jax.jit; return the value instead, or assign it in `Layer.call` during fit"
            )
        self._value = np.array(value, dtype=self.dtype)

    def assign_add(self, value: Any) -> None:
        """Add `value` to the current value."""
        self.assign(self.value + value)

    def assign_sub(self, value: Any) -> None:
        """Subtract `value` from the current value."""
        self.assign(self.value - value)

    @property
    def raw_value(self) -> Any:
        """The stored array, regardless of `stateless_scope`. It is a NumPy array until the first use on a device."""
        return self._value

    def set_raw_value(self, array: Array) -> None:
        """Store `array`, which is the result of a dispatch, without copying it."""
        self._value = array

    def __jax_array__(self) -> Array:
        return self.value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.value, dtype=dtype)

    def __int__(self) -> int:
        return int(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __getattr__(self, name: str) -> Any:
        # Variables have all methods of JAX arrays, such as ``variable.sum()``, ``variable.at[0].set(1)`` and
        # ``variable.T``.
        if name.startswith("_") or not hasattr(jax.Array, name):
            raise AttributeError(f"'Variable' object has no attribute {name!r}")
        return getattr(self.value, name)

    # Comparison is elementwise, as for arrays, so that a metric can write ``jnp.where(self.count == 0, ...)``. Use `is`
    # to compare the identity of variables.
    __add__ = _operator("__add__")
    __radd__ = _operator("__radd__")
    __sub__ = _operator("__sub__")
    __rsub__ = _operator("__rsub__")
    __mul__ = _operator("__mul__")
    __rmul__ = _operator("__rmul__")
    __truediv__ = _operator("__truediv__")
    __rtruediv__ = _operator("__rtruediv__")
    __floordiv__ = _operator("__floordiv__")
    __rfloordiv__ = _operator("__rfloordiv__")
    __mod__ = _operator("__mod__")
    __rmod__ = _operator("__rmod__")
    __pow__ = _operator("__pow__")
    __rpow__ = _operator("__rpow__")
    __matmul__ = _operator("__matmul__")
    __rmatmul__ = _operator("__rmatmul__")
    __lt__ = _operator("__lt__")
    __le__ = _operator("__le__")
    __gt__ = _operator("__gt__")
    __ge__ = _operator("__ge__")
    __neg__ = _operator("__neg__")
    __abs__ = _operator("__abs__")
    __len__ = _operator("__len__")
    __iter__ = _operator("__iter__")
    __bool__ = _operator("__bool__")
    __getitem__ = _operator("__getitem__")
    __eq__ = _operator("__eq__")
    __ne__ = _operator("__ne__")
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<Variable {escape_controls(self.path)} shape={self.shape} dtype={self.dtype}>"


# Functions that JAX compiles, such as most functions in `jax.numpy`, receive a variable's current value.
jax.tree_util.register_pytree_node(
    Variable, lambda variable: ((variable.value,), None), lambda _, children: children[0]
)


class Hyperparameter(Bindable):
    """A float attribute that is an input of the compiled program, so changing it does not trigger recompilation.

    Args:
        raw_value: The value that was set.
        owner: The class of the object that has the attribute.
        name: The name of the constructor's argument, whose rule also checks later assignments.
    """

    __slots__ = ("name", "owner", "raw_value")

    def __init__(self, raw_value: Any, owner: type, name: str) -> None:
        self.raw_value = raw_value
        self.owner = owner
        self.name = name

    def validate(self, value: Any) -> Any:
        """Check and convert a new value with the rule for the constructor's argument, and return it."""
        rule = getattr(self.owner.__init__, "rules", {}).get(self.name)  # type: ignore[misc]
        if rule is None and value is not None:
            rule = getattr(self.owner, "limits", {}).get(self.name)  # the rules for optimizers
        return (
            value
            if rule is None
            else validate_param(self.owner.__name__, self.name, value, rule.for_class(self.owner))
        )

    @property
    def is_number(self) -> bool:
        """Whether the value is a number, rather than None or an object that computes a number."""
        return isinstance(self.raw_value, int | float | np.number | np.ndarray | jax.Array)

    def as_array(self) -> np.ndarray:
        """Return the number as an array with the default float type."""
        return np.asarray(self.raw_value, dtype=config.float_dtype())


class _HyperparameterAttribute:
    """The descriptor for a name that `HyperparameterMixin.hyperparameters` lists."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        try:
            hyperparameter: Hyperparameter = instance.__dict__["_hyperparameters"][self.name]
        except KeyError:
            raise AttributeError(
                f"{type(instance).__name__!r} object has no attribute {self.name!r} yet"
            ) from None
        bindings = _scope.find(hyperparameter)
        return hyperparameter.raw_value if bindings is None else bindings[hyperparameter]

    def __set__(self, instance: Any, value: Any) -> None:
        if isinstance(value, (bool, str)):
            raise InvalidArgument(f"{type(instance).__name__}: {self.name} must be a number, got {value!r}")
        if isinstance(value, int | float | np.number) or (
            isinstance(value, np.ndarray | jax.Array) and value.ndim == 0
        ):
            value = float(value)
        hyperparameters_by_name = instance.__dict__.setdefault("_hyperparameters", {})
        if self.name in hyperparameters_by_name:
            hyperparameters_by_name[self.name].raw_value = hyperparameters_by_name[self.name].validate(value)
        else:
            hyperparameters_by_name[self.name] = Hyperparameter(value, type(instance), self.name)


class HyperparameterMixin:
    """A mixin for objects whose float attributes are inputs, not constants, in compiled programs.

    A subclass lists the names, as in ``hyperparameters = ("rate",)``, and then sets and reads ``self.rate``
    like any other attribute. None (no value) and schedule objects are also allowed, but changing to or from
    them triggers recompilation.
    """

    hyperparameters: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in cls.__dict__.get("hyperparameters", ()):
            setattr(cls, name, _HyperparameterAttribute(name))


def named_hyperparameters(
    root: Any, path: str = "", seen: set[int] | None = None
) -> dict[str, Hyperparameter]:
    """Return a dict that maps paths to all numeric hyperparameters in `root` and in its attributes.

    Attributes are visited in the order in which they were set, and each object is visited once. `seen`
    contains the ids of objects to skip. The ids of visited objects are added to it.
    """
    return dict(_visit(root, path, set() if seen is None else seen))


def _visit(node: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Hyperparameter]]:
    if isinstance(node, list | tuple):
        for index, item in enumerate(node):
            yield from _visit(item, f"{path}.{index}" if path else str(index), seen)
        return
    if not isinstance(node, HyperparameterMixin) or id(node) in seen:
        return
    seen.add(id(node))
    prefix = f"{path}." if path else ""
    for name, hyperparameter in node.__dict__.get("_hyperparameters", {}).items():
        if hyperparameter.is_number:
            yield prefix + name, hyperparameter
        else:
            yield from _visit(hyperparameter.raw_value, prefix + name, seen)
    for name, attribute in list(node.__dict__.items()):
        if name != "_hyperparameters":
            yield from _visit(attribute, prefix + name, seen)
