"""Base class of layers with spatial axes."""

from __future__ import annotations

from typing import ClassVar

from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.layers.array_ops import get_spatial_axes
from fitwell.layers.base import Layer

__all__ = ["BaseSpatialLayer"]


class BaseSpatialLayer(Layer):
    """Base class of layers over inputs with `rank` spatial axes."""

    rank: ClassVar[int] = 1
    data_format = "channels_last"

    def spatial_axes(self, inputs: Array) -> tuple[int, ...]:
        """Return the spatial axes of `inputs`; raises `ShapeError` for another number of axes."""
        if inputs.ndim != self.rank + 2:
            names = ("length",) if self.rank == 1 else ("height", "width")
            axes = (*names, "channels") if self.data_format == "channels_last" else ("channels", *names)
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}): expected inputs of shape (batch, {', '.join(axes)}), "
                f"got {tuple(inputs.shape)}"
            )
        return get_spatial_axes(self.data_format, self.rank)
