"""Base classes of the layers that combine multiple inputs."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._typing import Array
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.base import Layer

__all__ = ["ElementwiseMerge", "Merge"]


class Merge(Layer):
    """Base class of layers that combine a list of inputs. Subclasses define `merge`."""

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, list | tuple) or len(inputs) < 2:
            raise InvalidArgument(
                f"layer {self.name!r} ({type(self).__name__}) needs a list of at least two inputs"
            )
        return self.merge(list(inputs))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return where the mask of any input is True, or None if an input has no mask."""
        if mask is None or any(item is None for item in mask):
            return None
        return jnp.any(jnp.stack([jnp.asarray(item, bool) for item in mask]), axis=0)

    def merge(self, inputs: list[Array]) -> Array:
        """Combine the inputs. Subclasses override this method."""
        raise NotImplementedError


class ElementwiseMerge(Merge):
    """Base class of elementwise merge layers, whose input shapes must be broadcastable."""

    def call(self, inputs: Any) -> Any:
        if isinstance(inputs, list | tuple):
            try:
                jnp.broadcast_shapes(*(item.shape for item in inputs))
            except ValueError:
                shapes = ", ".join(str(tuple(item.shape)) for item in inputs)
                raise ShapeError(
                    f"layer {self.name!r} ({type(self).__name__}): shapes {shapes} cannot be broadcast together"
                ) from None
        return super().call(inputs)
