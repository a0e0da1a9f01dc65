"""Layers that join several inputs into one: Concatenate, Add, Subtract, Multiply, Average, Maximum, Minimum, Dot."""

from __future__ import annotations

import functools
import operator
from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import Integer, ListOf, validate_params
from fitwell._variables import Array
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.argument_rules import LAYER, to_float
from fitwell.layers.base import Layer, register
from fitwell.layers.row_normalization import l2_normalize


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

    @validate_params(LAYER)
    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

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


@register()
class Subtract(ElementwiseMerge):
    """Difference of two inputs, the first minus the second, element by element."""

    def merge(self, inputs: list[Array]) -> Array:
        if len(inputs) != 2:
            raise InvalidArgument(
                f"layer {self.name!r} (Subtract): takes exactly two inputs, got {len(inputs)}"
            )
        return inputs[0] - inputs[1]


@register()
class Multiply(ElementwiseMerge):
    """Product of the inputs, element by element."""

    def merge(self, inputs: list[Array]) -> Array:
        return functools.reduce(operator.mul, inputs)


@register()
class Average(ElementwiseMerge):
    """Mean of the inputs, element by element."""

    def merge(self, inputs: list[Array]) -> Array:
        return functools.reduce(operator.add, [to_float(item, self.dtype) for item in inputs]) / len(inputs)


@register()
class Maximum(ElementwiseMerge):
    """Largest of the inputs, element by element."""

    def merge(self, inputs: list[Array]) -> Array:
        return functools.reduce(jnp.maximum, inputs)


@register()
class Minimum(ElementwiseMerge):
    """Smallest of the inputs, element by element."""

    def merge(self, inputs: list[Array]) -> Array:
        return functools.reduce(jnp.minimum, inputs)


@register()
class Dot(Merge):
    """Dot product of two inputs along one axis of each, row by row.

    Parameters
    ----------
    axes: the axis of both inputs, or one for each; their sizes must agree, and 0 (the batch) is refused.
    normalize: whether to scale both to length 1 along the axis first, which makes it the cosine similarity.

    Inputs ``[batch, ...a..., n, ...]`` and ``[batch, ...b..., n, ...]``, output ``[batch, ...a, ...b]`` with the
    axis left out of both; ``[batch, 1]`` when nothing else is left.
    """

    @validate_params(LAYER, axes=Integer() | ListOf(Integer(), 2))
    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axes = list(axes) if isinstance(axes, tuple) else axes
        self.normalize = bool(normalize)

    def merge(self, inputs: list[Array]) -> Array:
        if len(inputs) != 2:
            raise InvalidArgument(f"layer {self.name!r} (Dot): takes exactly two inputs, got {len(inputs)}")
        axes = self.axes if isinstance(self.axes, list) else [self.axes, self.axes]
        shapes = [tuple(item.shape) for item in inputs]
        places = [
            axis % len(shape) if -len(shape) <= axis < len(shape) else 0
            for axis, shape in zip(axes, shapes, strict=True)
        ]
        if 0 in places or shapes[0][places[0]] != shapes[1][places[1]]:
            raise ShapeError(
                f"layer {self.name!r} (Dot): shapes {shapes[0]} and {shapes[1]} have no common size on axes "
                f"{self.axes}; the batch axis 0 cannot be one of them"
            )
        left, right = inputs
        if self.normalize:
            left, right = (
                l2_normalize(to_float(item, self.dtype), (place,))
                for item, place in zip(inputs, places, strict=True)
            )
        common = jnp.promote_types(left.dtype, right.dtype)
        numbers = (((places[0],), (places[1],)), ((0,), (0,)))
        outputs = jax.lax.dot_general(left.astype(common), right.astype(common), numbers)
        return outputs[:, None] if outputs.ndim == 1 else outputs


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """Join `inputs` along `axis`; see `Concatenate`."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def add(inputs: Any, **kwargs: Any) -> Any:
    """Sum `inputs`; see `Add`."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """Subtract the second of `inputs` from the first; see `Subtract`."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """Multiply `inputs`; see `Multiply`."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """Average `inputs`; see `Average`."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """Take the largest of `inputs`, element by element; see `Maximum`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """Take the smallest of `inputs`, element by element; see `Minimum`."""
    return Minimum(**kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Multiply and sum two inputs along `axes`; see `Dot`."""
    return Dot(axes=axes, **kwargs)(inputs)
