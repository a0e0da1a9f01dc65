"""Layers for operators and indexing on `KerasTensor` objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from fitwell.errors import InvalidArgument, unknown_name_error
from fitwell.layers.auto_name import auto_name
from fitwell.layers.base import Layer, register
from fitwell.layers.keras_tensor import register_operator

__all__ = ["GetItem", "Operation", "register_operation"]


_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": jnp.add,
    "subtract": jnp.subtract,
    "multiply": jnp.multiply,
    "divide": jnp.divide,
    "power": jnp.power,
    "matmul": jnp.matmul,
    "negative": jnp.negative,
}


@register()
class Operation(Layer):
    """A layer that applies an arithmetic operator to `KerasTensor` objects, as in ``x + y``."""

    def __init__(self, operation: str, **kwargs: Any) -> None:
        super().__init__(name=kwargs.pop("name", None) or auto_name(operation), **kwargs)
        if operation not in _OPERATORS:
            raise unknown_name_error("operation", operation, _OPERATORS)
        self.operation = operation

    def call(self, *operands: Any, **options: Any) -> Any:
        return _OPERATORS[self.operation](*operands, **options)


@register()
class GetItem(Layer):
    """A layer that indexes a `KerasTensor`, as in ``x[:, :5]``. The index must keep the whole batch axis."""

    def __init__(self, index: Any, **kwargs: Any) -> None:
        super().__init__(name=kwargs.pop("name", None) or auto_name("get_item"), **kwargs)
        self.index = [
            _index_from_config(item) for item in (index if isinstance(index, list | tuple) else (index,))
        ]
        if self.index[0] not in (slice(None), Ellipsis):
            raise InvalidArgument(
                f"the index of a KerasTensor must keep the whole batch axis, as in x[:, 0]; got x[{index!r}]"
            )

    def call(self, inputs: Any) -> Any:
        return inputs[tuple(self.index)]

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "index": [_index_to_config(item) for item in self.index]}


def _index_to_config(item: Any) -> Any:
    if isinstance(item, slice):
        return {"slice": [item.start, item.stop, item.step]}
    return "..." if item is Ellipsis else item


def _index_from_config(item: Any) -> Any:
    if isinstance(item, dict) and "slice" in item:
        return slice(*item["slice"])
    return Ellipsis if isinstance(item, str) and item == "..." else item


def register_operation(name: str, function: Callable[..., Any]) -> None:
    """Register a function of `fitwell.ops`, so that `Operation` can call it."""
    _OPERATORS[name] = function


def _make_operator(name: str) -> Callable[..., Any]:
    return lambda *operands: Operation(name)(*operands)


for _name in list(_OPERATORS):
    register_operator(_name, _make_operator(_name))
register_operator("get_item", lambda tensor, index: GetItem(index)(tensor))
