"""The `PiecewiseLinearEncoding` layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from fitwell import initializers
from fitwell._param_validation import Integer, ListOf, Real, validate_params
from fitwell._typing import Array, FloatArray
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.array_ops import to_float
from fitwell.layers.base import Layer, register

__all__ = ["PiecewiseLinearEncoding", "quantile_bin_edges"]

# Division by a smaller width gives NaN, because XLA treats numbers below this one as 0.
_MIN_WIDTH = float(np.finfo(np.float32).tiny)
_EDGES = ListOf(ListOf(Real(), least=1), least=1).described_as(
    "a list with the ascending bin edges of each feature"
)


@validate_params(num_bins=Integer(1))
def quantile_bin_edges(x: Any, num_bins: int = 32) -> list[list[float]]:
    """Return the edges of bins that contain about the same number of values, for each feature.

    The edges are quantiles at equal distances, from the lowest value to the highest. Equal quantiles are merged, so a
    feature with few distinct values has fewer bins. A constant feature has a single edge and no bin.

    Args:
        x (Array): Values without NaN, `[rows, features]`.
        num_bins (int): Maximum number of bins for each feature. Default: 32.

    Returns:
        list[list[float]]: The edges of each feature in ascending order, rounded to single precision. Values beyond
        8.5e37 count as 8.5e37.

    Raises:
        InvalidArgument: if `x` is not a matrix of finite numbers.

    Example:
        >>> import numpy as np
        >>> from fitwell.layers import quantile_bin_edges
        >>> quantile_bin_edges(np.array([[0.0, 7.0], [1.0, 7.0], [2.0, 7.0]]), num_bins=2)
        [[0.0, 1.0, 2.0], [7.0]]
    """
    values: FloatArray = np.asarray(x, np.float64)
    if values.ndim != 2 or not len(values) or not np.isfinite(values).all():
        raise InvalidArgument(
            f"quantile_bin_edges: x must be finite numbers [rows, features] with at least one row, got an array of "
            f"shape {values.shape}"
        )
    quantiles = np.quantile(values, np.linspace(0, 1, num_bins + 1), axis=0)
    # The layer computes in single precision, in which edges that almost coincide are equal.
    largest = float(np.finfo(np.float32).max) / 4
    return [_merge_edges(np.clip(column, -largest, largest)) for column in quantiles.T]


def _merge_edges(edges: FloatArray) -> list[float]:
    """Drop edges that are equal in single precision, or so close that the width of their bin is not a normal number."""
    kept: list[float] = []
    for edge in np.unique(edges.astype(np.float32)):
        if not kept or edge - np.float32(kept[-1]) >= _MIN_WIDTH:
            kept.append(float(edge))
    return kept


def _are_valid(edges: Sequence[float]) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = np.asarray(edges, np.float32)
        widths = np.diff(numbers)
    return bool(np.isfinite(numbers).all() and np.isfinite(widths).all() and (widths >= _MIN_WIDTH).all())


@register()
class PiecewiseLinearEncoding(Layer):
    """A layer that divides the range of each numerical feature into bins, and maps the feature to one number per bin.

    For the bin from a to b, a feature x becomes ``(x - a) / (b - a)``, clipped to [0, 1]. Bins below x are therefore 1,
    bins above x are 0, and the bin that contains x is in between. In the first bin, the number is not clipped at 0,
    and in the last bin, it is not clipped at 1, so that values outside the bins remain distinct. With these numbers
    as inputs, a dense layer computes a piecewise-linear function of each feature. Keras does not have this layer.

    Args:
        bin_edges (Sequence[Sequence[float]]): The edges of each feature's bins in ascending order. `quantile_bin_edges`
            computes them from data. A feature with a single edge has no bin, and is left out of the output.
        **kwargs: Arguments of `Layer`, such as `name`, `dtype` and `input_shape`.

    Input shape:
        `[batch, features]`.

    Output shape:
        `[batch, bins]`, with the bins of the first feature first.

    Raises:
        InvalidArgument: if a feature's edges are not finite numbers in ascending order, or if there are no bins.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> encoding = fw.layers.PiecewiseLinearEncoding([[0.0, 1.0, 3.0]])
        >>> encoding(np.array([[0.5], [2.0], [5.0]])).tolist()
        [[0.5, 0.0], [1.0, 0.5], [1.0, 2.0]]

    Source: Gorishniy et al. (2022), *On embeddings for numerical features in tabular deep learning*.
    """

    @validate_params(LAYER, bin_edges=_EDGES)
    def __init__(self, bin_edges: Sequence[Sequence[float]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bin_edges = [[float(edge) for edge in edges] for edges in bin_edges]
        for number, edges in enumerate(self.bin_edges):
            if not _are_valid(edges):
                raise InvalidArgument(
                    f"PiecewiseLinearEncoding: bin_edges[{number}] must be numbers in ascending order whose "
                    f"differences are finite and above {_MIN_WIDTH:.3g} in single precision, got {edges}"
                )
        if not any(len(edges) > 1 for edges in self.bin_edges):
            raise InvalidArgument(
                "PiecewiseLinearEncoding: bin_edges must have at least two edges for at least one feature"
            )

    def build(self, input_shape: Any) -> None:
        features = len(self.bin_edges)
        if len(input_shape) != 2 or input_shape[-1] != features:
            raise ShapeError(
                f"layer {self.name!r} (PiecewiseLinearEncoding): expected inputs of shape (batch, {features}), because "
                f"bin_edges has {features} entries, got {tuple(input_shape)}"
            )
        bins = [len(edges) - 1 for edges in self.bin_edges]
        self._feature_of_bin = np.repeat(np.arange(features), bins)
        lower = np.concatenate([edges[:-1] for edges in self.bin_edges]).astype(np.float32)
        upper = np.concatenate([edges[1:] for edges in self.bin_edges]).astype(np.float32)
        # The limits of the clipping: only the first and the last bin of a feature are open.
        low = np.concatenate([np.where(np.arange(count) == 0, -np.inf, 0.0) for count in bins])
        high = np.concatenate([np.where(np.arange(count) == count - 1, np.inf, 1.0) for count in bins])
        self._low, self._high = low.astype(np.float32), high.astype(np.float32)
        # The edges are weights, so that the same compiled program serves tables with different edges.
        self.lower = self.add_weight("lower", lower.shape, initializers.Constant(lower), trainable=False)
        self.width = self.add_weight(
            "width", lower.shape, initializers.Constant(upper - lower), trainable=False
        )
        super().build(input_shape)

    def call(self, inputs: Array) -> Array:
        features = len(self.bin_edges)
        if inputs.ndim != 2 or inputs.shape[1] != features:
            raise ShapeError(
                f"layer {self.name!r} (PiecewiseLinearEncoding): expected inputs of shape (batch, {features}), got "
                f"{tuple(inputs.shape)}"
            )
        values = to_float(inputs, self.dtype)[:, self._feature_of_bin]
        encoded = (values - self.lower.value) / self.width.value
        return jnp.clip(encoded, self._low.astype(encoded.dtype), self._high.astype(encoded.dtype))
