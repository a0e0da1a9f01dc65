"""Dropout layers that drop whole channels."""

from __future__ import annotations

from typing import Any

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import register
from fitwell.layers.dropout import Dropout

__all__ = ["BaseSpatialDropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"]


class BaseSpatialDropout(Dropout):
    """Base class of layers that drop whole channels by sharing the mask along the spatial axes."""

    data_format = "channels_last"
    rank = 1

    def mask_shape(self, inputs: Array) -> tuple[int, ...]:
        """Return the shape of a mask with one entry for each row and channel."""
        if inputs.ndim != self.rank + 2:
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}): expected inputs with {self.rank + 2} axes, "
                f"got shape {tuple(inputs.shape)}"
            )
        ones = (1,) * self.rank
        if self.data_format == "channels_last":
            return (inputs.shape[0], *ones, inputs.shape[-1])
        return (inputs.shape[0], inputs.shape[1], *ones)


@register()
class SpatialDropout1D(BaseSpatialDropout):
    """Dropout for sequences that drops whole channels, because neighboring steps are correlated.

    Args:
        rate (float): Fraction of the channels to drop, in [0, 1]. Changing it does not trigger recompilation.
        seed (int | None): Seed for a separate random stream. Defaults to None, which uses the run's stream.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, length, channels]`. The output has the same shape.

    Raises:
        ShapeError: if the inputs have the wrong number of axes.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.SpatialDropout1D(0.5)(np.ones((1, 3, 2)), training=True).shape
        (1, 3, 2)

    Source: Keras `SpatialDropout1D`; Tompson et al. (2015).
    """

    supports_masking = True

    @validate_params(LAYER)
    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed=seed, **kwargs)


@register()
class SpatialDropout2D(BaseSpatialDropout):
    """Dropout for images that drops whole channels, because neighboring pixels are correlated.

    Args:
        rate (float): Fraction of the channels to drop, in [0, 1]. Changing it does not trigger recompilation.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        seed (int | None): Seed for a separate random stream. Defaults to None, which uses the run's stream.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, height, width, channels]`. The output has the same shape.

    Raises:
        ShapeError: if the inputs have the wrong number of axes.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.SpatialDropout2D(0.5)(np.ones((1, 3, 3, 2)), training=True).shape
        (1, 3, 3, 2)

    Source: Keras `SpatialDropout2D`; Tompson et al. (2015).
    """

    supports_masking = True

    rank = 2

    @validate_params(LAYER)
    def __init__(
        self, rate: float, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, seed=seed, **kwargs)
        self.data_format = data_format or "channels_last"


@register()
class SpatialDropout3D(BaseSpatialDropout):
    """Dropout for volumes that drops whole channels, because neighboring voxels are correlated.

    Args:
        rate (float): Fraction of the channels to drop, in [0, 1]. Changing it does not trigger recompilation.
        data_format (str | None): ``"channels_last"`` or ``"channels_first"``. Default: ``"channels_last"``.
        seed (int | None): Seed for a separate random stream. Defaults to None, which uses the run's stream.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, depth, height, width, channels]`. The output has the same shape.

    Raises:
        ShapeError: if the inputs have the wrong number of axes.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.SpatialDropout3D(0.5)(np.ones((1, 3, 3, 3, 2)), training=True).shape
        (1, 3, 3, 3, 2)

    Source: Keras `SpatialDropout3D`; Tompson et al. (2015).
    """

    supports_masking = True

    rank = 3

    @validate_params(LAYER)
    def __init__(
        self, rate: float, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, seed=seed, **kwargs)
        self.data_format = data_format or "channels_last"
