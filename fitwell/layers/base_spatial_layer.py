"""Base class of layers with spatial axes."""

from __future__ import annotations

from typing import Any, ClassVar

from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.layers.array_ops import get_spatial_axes
from fitwell.layers.base import Layer

__all__ = ["BaseSpatialLayer"]


class BaseSpatialLayer(Layer):
    """Base class of layers whose inputs have `rank` spatial axes."""

    rank: ClassVar[int] = 1
    data_format = "channels_last"

    def spatial_axes(self, inputs: Array) -> tuple[int, ...]:
        """Return the spatial axes of `inputs`. Raise `ShapeError` if the number of axes is wrong."""
        if inputs.ndim != self.rank + 2:
            raise self._unexpected_shape(inputs.shape)
        return get_spatial_axes(self.data_format, self.rank)

    def _unexpected_shape(self, shape: Any, channels: Any = "channels", hint: str = "") -> ShapeError:
        """Create the error for inputs with an unexpected `shape`.

        Args:
            shape (tuple[int | None, ...]): Shape of the inputs.
            channels (int | str): The expected number of channels, or the word "channels" if it is unknown.
            hint (str): Text to append to the message.
        """
        spatial = ("length",) if self.rank == 1 else ("depth", "height", "width")[-self.rank :]
        axes = (*spatial, channels) if self.data_format == "channels_last" else (channels, *spatial)
        return ShapeError(
            f"layer {self.name!r} ({type(self).__name__}): expected inputs of shape "
            f"(batch, {', '.join(str(axis) for axis in axes)}), got {tuple(shape)}{hint}"
        )
