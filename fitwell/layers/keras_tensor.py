"""Symbolic tensors: what a layer is called on while a functional model is being drawn."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell import config
from fitwell._escaping import escape_controls
from fitwell.errors import InvalidArgument

if TYPE_CHECKING:
    from fitwell.layers.base import Layer

Shape = tuple[int | None, ...]

# Stand-ins for unknown sizes while shapes are inferred: primes no real layer is likely to have. Sizes other than
# the batch are tried at two values: what differs in the outputs is unknown there too, such as ``size - 2``
# after a convolution. The second differs by a multiple of every stride up to ten.
_BATCH = 10007
_UNKNOWN = (10009, 10009 + 2520)

_counter = itertools.count()


class Node:
    """One call of a layer: the layer, what it was called on, what came out."""

    def __init__(self, layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.layer = layer
        self.args = args
        self.kwargs = kwargs
        self.order = next(_counter)
        self.outputs: Any = None

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic tensors among the arguments, in order."""
        return find_keras_tensors((self.args, self.kwargs))


class KerasTensor:
    """The promise of an array: a shape whose first entry is the unknown batch size, and a dtype.

    Arithmetic (``+ - * / **``, negation), comparison-free indexing and ``@`` between symbolic tensors
    become layers of the graph.
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
        """The number of axes, the batch axis included."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<KerasTensor {escape_controls(str(self.name))} shape={self.shape} dtype={self.dtype}>"

    def __bool__(self) -> bool:
        raise InvalidArgument(
            f"{self!r} has no value while the model is being drawn; branch on static values, "
            "or write the model as a subclass of Model"
        )

    def __iter__(self) -> Any:
        raise InvalidArgument(f"{self!r} cannot be iterated over; index it with a slice, such as x[:, :5]")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise InvalidArgument(
            f"{self!r} has no value yet; call layers on it, or use a Lambda layer for NumPy-like code"
        )

    def __add__(self, other: Any) -> Any:
        return _operation("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return _operation("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return _operation("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return _operation("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return _operation("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return _operation("multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return _operation("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _operation("divide", other, self)

    def __pow__(self, other: Any) -> Any:
        return _operation("power", self, other)

    def __matmul__(self, other: Any) -> Any:
        return _operation("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return _operation("matmul", other, self)

    def __neg__(self) -> Any:
        return _operation("negative", self)

    def __getitem__(self, index: Any) -> Any:
        from fitwell.layers.core import GetItem

        return GetItem(index)(self)


def _operation(name: str, *operands: Any) -> Any:
    from fitwell.layers.core import Operation

    return Operation(name)(*operands)


def is_keras_tensor(value: Any) -> bool:
    """Return whether `value` is a `KerasTensor`."""
    return isinstance(value, KerasTensor)


def has_same_spec(value: Any, symbol: KerasTensor) -> bool:
    """Return whether `value` is a symbol of the same shape and type as `symbol`."""
    return is_keras_tensor(value) and value.shape == symbol.shape and value.dtype == symbol.dtype


def find_keras_tensors(tree: Any) -> list[KerasTensor]:
    """Return the symbolic tensors anywhere in `tree`, in order."""
    return [leaf for leaf in jax.tree.leaves(tree, is_leaf=is_keras_tensor) if is_keras_tensor(leaf)]


def to_shape_dtype_struct(symbol: KerasTensor, attempt: int = 0) -> jax.ShapeDtypeStruct:
    """Return an abstract array with stand-in sizes where `symbol` has None; `attempt` 0 or 1 chooses them."""
    sizes = [(_UNKNOWN[attempt] if size is None else size) for size in symbol.shape]
    if symbol.shape and symbol.shape[0] is None:
        sizes[0] = _BATCH
    return jax.ShapeDtypeStruct(tuple(sizes), symbol.dtype)


def from_shape_dtype_structs(
    struct: jax.ShapeDtypeStruct, again: jax.ShapeDtypeStruct, node: Node | None, name: str
) -> KerasTensor:
    """Return the symbol for an abstract array inferred with either stand-in: sizes that differ become None."""
    shape: list[int | None] = [
        size if size == other else None for size, other in zip(struct.shape, again.shape, strict=True)
    ]
    if shape and shape[0] == _BATCH:
        shape[0] = None
    return KerasTensor(tuple(shape), struct.dtype, node=node, name=name)


def has_unknown_sizes(symbols: list[KerasTensor]) -> bool:
    """Return whether a size other than the batch is unknown."""
    return any(None in symbol.shape[1:] for symbol in symbols)
