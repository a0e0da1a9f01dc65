"""Layers that move numbers without changing them: Reshape, Permute, RepeatVector."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from fitwell._param_validation import Integer, ListOf, validate_params
from fitwell._variables import Array
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import Layer, register


@register()
class Reshape(Layer):
    """Give every row the shape `target_shape`; one entry may be -1, "what is left".

    Input ``[batch, ...]``, output ``[batch, *target_shape]`` with the same number of elements in each row.
    """

    @validate_params(LAYER, target_shape=Integer(-1) | ListOf(Integer(-1)))
    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes = target_shape if isinstance(target_shape, tuple) else (target_shape,)
        if sizes.count(-1) > 1:
            raise InvalidArgument(
                f"Reshape: target_shape is the shape of one row, with at most one -1, got {target_shape!r}"
            )
        self.target_shape = sizes

    def call(self, inputs: Array) -> Array:
        count = math.prod(inputs.shape[1:])
        known = math.prod(size for size in self.target_shape if size != -1)
        if count % known if (-1 in self.target_shape and known) else count != known:
            raise ShapeError(
                f"layer {self.name!r} (Reshape): rows of shape {tuple(inputs.shape[1:])} have {count} elements, "
                f"which do not fit target_shape {self.target_shape}"
            )
        return inputs.reshape((inputs.shape[0], *self.target_shape))


@register()
class Permute(Layer):
    """Reorder the axes of every row: output axis i is input axis ``dims[i]``; axes count from 1, the batch is 0.

    ``Permute((2, 1))`` turns ``[batch, a, b]`` into ``[batch, b, a]``.
    """

    @validate_params(LAYER, dims=Integer(1) | ListOf(Integer(1), least=1))
    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = dims if isinstance(dims, tuple) else (dims,)
        if sorted(given) != list(range(1, len(given) + 1)):
            raise InvalidArgument(f"Permute: dims must be an order of 1 ... {len(given)}, got {dims!r}")
        self.dims = given

    def call(self, inputs: Array) -> Array:
        if inputs.ndim != len(self.dims) + 1:
            raise ShapeError(
                f"layer {self.name!r} (Permute): dims {self.dims} order {len(self.dims)} axes, got inputs of shape "
                f"{tuple(inputs.shape)}"
            )
        return jnp.transpose(inputs, (0, *self.dims))


@register()
class RepeatVector(Layer):
    """Repeat every row n times: ``[batch, width]`` becomes ``[batch, n, width]``."""

    @validate_params(LAYER, n=Integer(1))
    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = n

    def call(self, inputs: Array) -> Array:
        if inputs.ndim != 2:
            raise ShapeError(
                f"layer {self.name!r} (RepeatVector): expected inputs of shape (batch, width), "
                f"got {tuple(inputs.shape)}"
            )
        return jnp.repeat(inputs[:, None], self.n, axis=1)
