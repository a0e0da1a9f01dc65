"""Layers that join several inputs into one: Concatenate, Add."""

from __future__ import annotations

import functools
import operator
from typing import Any

import jax.numpy as jnp

from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.base import Layer, register
from fitwell.variables import Array


class Merge(Layer):
    """Base of layers over a list of inputs: checks that it is one, and leaves the joining to `merge`."""

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, list | tuple) or len(inputs) < 2:
            raise InvalidArgument(
                f"layer {self.name!r} ({type(self).__name__}) joins a list of at least two inputs"
            )
        return self.merge(list(inputs))

    def merge(self, inputs: list[Array]) -> Array:
        """Join the inputs; subclasses override."""
        raise NotImplementedError


class ElementwiseMerge(Merge):
    """Base of merges that need shapes which broadcast over each other."""

    def call(self, inputs: Any) -> Any:
        if isinstance(inputs, list | tuple):
            try:
                jnp.broadcast_shapes(*(item.shape for item in inputs))
            except ValueError:
                shapes = ", ".join(str(tuple(item.shape)) for item in inputs)
                raise ShapeError(
                    f"layer {self.name!r} ({type(self).__name__}): shapes {shapes} do not fit"
                ) from None
        return super().call(inputs)


@register()
class Concatenate(Merge):
    """Join arrays along `axis` (the last by default); the other sizes must agree."""

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = int(axis)

    def merge(self, inputs: list[Array]) -> Array:
        shapes = [list(item.shape) for item in inputs]
        ranks = {len(shape) for shape in shapes}
        axis = self.axis % len(shapes[0]) if -len(shapes[0]) <= self.axis < len(shapes[0]) else None
        others = {tuple(size for i, size in enumerate(shape) if i != axis) for shape in shapes}
        if len(ranks) > 1 or axis is None or axis == 0 or len(others) > 1:
            listed = ", ".join(str(tuple(shape)) for shape in shapes)
            raise ShapeError(
                f"layer {self.name!r} (Concatenate): shapes {listed} cannot be joined along axis {self.axis}"
            )
        return jnp.concatenate(inputs, axis=axis)


@register()
class Add(ElementwiseMerge):
    """Sum of the inputs, element by element."""

    def merge(self, inputs: list[Array]) -> Array:
        return functools.reduce(operator.add, inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """Join `inputs` along `axis`; see `Concatenate`."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def add(inputs: Any, **kwargs: Any) -> Any:
    """Sum `inputs`; see `Add`."""
    return Add(**kwargs)(inputs)
