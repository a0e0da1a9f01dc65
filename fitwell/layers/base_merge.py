"""Base classes of the layers that combine several inputs."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._variables import Array
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.base import Layer

__all__ = ["ElementwiseMerge", "Merge"]


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
