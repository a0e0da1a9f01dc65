"""Symbolic tensors. A functional model is built by calling layers on them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell import config
from fitwell._deprecation import deprecated_module_getattr
from fitwell._escaping import escape_controls
from fitwell._typing import Shape
from fitwell.errors import InvalidArgument

__all__ = ["KerasTensor", "Node", "find_keras_tensors", "get_batch_shape", "has_same_spec", "is_keras_tensor"]

# Placeholder values for unknown sizes while shapes are inferred. They are unlikely to be real sizes. Shapes
# are inferred twice, with two different values for unknown sizes other than the batch size. An output size
# that differs between the two results, such as ``size - 2`` after a convolution, is also unknown. The two
# values differ by 2520, which is a multiple of every stride up to ten, so both values leave the same remainder
# when they are divided by such a stride.
_BATCH = 10007
_UNKNOWN = (10009, 10009 + 2520)

_counter = itertools.count()
# Functions that apply operators, keyed by operator name. `operation.py` registers them when it is imported.
_operators: dict[str, Callable[..., Any]] = {}


class Node:
    """A record of one symbolic call, which contains the layer, its arguments and its outputs."""

    def __init__(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.layer = layer
        self.args = args
        self.kwargs = kwargs
        self.order = next(_counter)
        self.outputs: Any = None

    @property
    def inputs(self) -> list[KerasTensor]:
        """The KerasTensors among the arguments, in order."""
        return find_keras_tensors((self.args, self.kwargs))


class KerasTensor:
    """A symbolic array with a shape and a dtype but no values.

    The first entry of the shape is None, because the batch size is unknown. Arithmetic (``+ - * / **`` and
    negation), ``@`` and indexing on KerasTensors add layers to the graph.

    Args:
        shape (tuple[int | None, ...]): Shape including the batch axis, with None for each unknown size.
        dtype (str | None): Dtype of the values. Default: `config.floatx`.
        node (Node | None): The symbolic call that returned this tensor. Default: None.
        name (str | None): Name of the tensor. Defaults to ``"tensor_"`` followed by a number.

    Example:
        >>> import fitwell as fw
        >>> x = fw.Input((4,), name="x")
        >>> (x * 2 + 1).shape
        (None, 4)

    Source: Keras `KerasTensor`.
    """

    __array_priority__ = 100.0

    def __init__(
        self, shape: Shape, dtype: Any = None, *, node: Node | None = None, name: str | None = None
    ) -> None:
        self.shape = tuple(shape)
        self.dtype = jnp.dtype(dtype) if dtype is not None else config.float_dtype()
        self.node = node
        self.name = name or f"tensor_{next(_counter)}"

    @property
    def ndim(self) -> int:
        """The number of axes, including the batch axis."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<KerasTensor {escape_controls(str(self.name))} shape={self.shape} dtype={self.dtype}>"

    def __bool__(self) -> bool:
        raise InvalidArgument(
            f"{self!r} has no value while the model is being built, so it cannot be a condition; "
            "branch on a Python value, or choose between arrays with jax.numpy.where in a Lambda layer"
        )

    def __iter__(self) -> Any:
        raise InvalidArgument(f"{self!r} cannot be iterated over; index it with a slice, such as x[:, :5]")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise InvalidArgument(
            f"{self!r} has no value yet, so NumPy cannot use it; use a layer, or jax.numpy in a Lambda layer"
        )

    def __add__(self, other: Any) -> Any:
        return _operators["add"](self, other)

    def __radd__(self, other: Any) -> Any:
        return _operators["add"](other, self)

    def __sub__(self, other: Any) -> Any:
        return _operators["subtract"](self, other)

    def __rsub__(self, other: Any) -> Any:
        return _operators["subtract"](other, self)

    def __mul__(self, other: Any) -> Any:
        return _operators["multiply"](self, other)

    def __rmul__(self, other: Any) -> Any:
        return _operators["multiply"](other, self)

    def __truediv__(self, other: Any) -> Any:
        return _operators["divide"](self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _operators["divide"](other, self)

    def __pow__(self, other: Any) -> Any:
        return _operators["power"](self, other)

    def __matmul__(self, other: Any) -> Any:
        return _operators["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return _operators["matmul"](other, self)

    def __neg__(self) -> Any:
        return _operators["negative"](self)

    def __getitem__(self, index: Any) -> Any:
        return _operators["get_item"](self, index)


def register_operator(name: str, function: Callable[..., Any]) -> None:
    """Register `function` as the KerasTensor operator `name`, such as ``"add"``."""
    _operators[name] = function


def is_keras_tensor(value: Any) -> bool:
    """Return whether `value` is a `KerasTensor`."""
    return isinstance(value, KerasTensor)


def has_same_spec(value: Any, tensor: KerasTensor) -> bool:
    """Return whether `value` is a KerasTensor with the same shape and dtype as `tensor`."""
    return is_keras_tensor(value) and value.shape == tensor.shape and value.dtype == tensor.dtype


def find_keras_tensors(tree: Any) -> list[KerasTensor]:
    """Return the KerasTensors in `tree`, in order."""
    return [leaf for leaf in jax.tree.leaves(tree, is_leaf=is_keras_tensor) if is_keras_tensor(leaf)]


def get_batch_shape(tree: Any) -> Any:
    """Return the shape of an array or KerasTensor, with None as the batch size.

    For a list or dict of arrays, return a list or dict of shapes.
    """
    if isinstance(tree, list | tuple):
        return [get_batch_shape(item) for item in tree]
    if isinstance(tree, Mapping):
        return {key: get_batch_shape(item) for key, item in tree.items()}
    shape = tuple(tree.shape)
    return (None, *shape[1:]) if shape else ()


def to_shape_dtype_struct(tensor: KerasTensor, attempt: int = 0) -> jax.ShapeDtypeStruct:
    """Return an abstract array with placeholder values for unknown sizes.

    Args:
        tensor (KerasTensor): The tensor, which may have unknown sizes.
        attempt (int): Index of the placeholder value to use, 0 or 1. Default: 0.
    """
    sizes = [(_UNKNOWN[attempt] if size is None else size) for size in tensor.shape]
    if tensor.shape and tensor.shape[0] is None:
        sizes[0] = _BATCH
    return jax.ShapeDtypeStruct(tuple(sizes), tensor.dtype)


def from_shape_dtype_structs(
    first: jax.ShapeDtypeStruct, second: jax.ShapeDtypeStruct, node: Node | None, name: str
) -> KerasTensor:
    """Create a KerasTensor from an output that was inferred with each of the two placeholder values.

    `first` and `second` are the results for the first and the second placeholder value. A size that
    differs between them is unknown.
    """
    shape: list[int | None] = [
        size if size == other else None for size, other in zip(first.shape, second.shape, strict=True)
    ]
    if shape and shape[0] == _BATCH:
        shape[0] = None
    return KerasTensor(tuple(shape), first.dtype, node=node, name=name)


def has_unknown_sizes(tensors: list[KerasTensor]) -> bool:
    """Return whether any size other than the batch size is unknown."""
    return any(None in tensor.shape[1:] for tensor in tensors)


__getattr__ = deprecated_module_getattr(__name__, __name__, {"SymbolicTensor": "KerasTensor"})
