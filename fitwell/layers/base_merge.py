"""Base classes of the layers that combine several inputs."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._typing import Array
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.base import Layer

__all__ = ["ElementwiseMerge", "Merge"]


class Merge(Layer):
    """Base class of layers that combine a list of inputs; `merge` combines them."""

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, list | tuple) or len(inputs) < 2:
            raise InvalidArgument(
                f"layer {self.name!r} ({type(self).__name__}) needs a list of at least two inputs"
            )
        return self.merge(list(inputs))

    def merge(self, inputs: list[Array]) -> Array:
        """Combine the inputs. Subclasses override it."""
        raise NotImplementedError


class ElementwiseMerge(Merge):
    """Base class of elementwise merges, whose inputs must have shapes that broadcast."""

    def call(self, inputs: Any) -> Any:
        if isinstance(inputs, list | tuple):
            try:
                jnp.broadcast_shapes(*(item.shape for item in inputs))
            except ValueError:
                shapes = ", ".join(str(tuple(item.shape)) for item in inputs)
                raise ShapeError(
                    f"layer {self.name!r} ({type(self).__name__}): shapes {shapes} do not broadcast"
                ) from None
        return super().call(inputs)
