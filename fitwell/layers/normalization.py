"""The `Normalization` layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import jax.numpy as jnp
import numpy as np

from fitwell import config
from fitwell._deprecation import deprecated_module_getattr
from fitwell._param_validation import INVALID, Integer, ListOf, Predicate, validate_params
from fitwell._registry import serialize
from fitwell._typing import Array
from fitwell._variables import Variable
from fitwell.errors import DataError, InvalidArgument, ShapeError
from fitwell.layers.argument_rules import LAYER, NUMBERS
from fitwell.layers.array_ops import canonicalize_axes, get_broadcast_shape, to_float
from fitwell.layers.base import register
from fitwell.layers.base_normalization import BaseNormalization

__all__ = ["Normalization"]


# Number of rows that `adapt` reads at a time, so that a memory-mapped array is never loaded completely.
_CHUNK = 65536


_VARIANCE = Predicate(
    lambda value: NUMBERS.read(value) is not INVALID and bool(np.all(np.asarray(value) >= 0)),
    "a non-negative number, or an array of non-negative numbers",
)


@register()
class Normalization(BaseNormalization):
    """A layer that standardizes features: ``(x - mean) / max(sqrt(variance), 1e-7)``.

    The statistics are computed by `adapt`, or passed as arguments. Without either, the layer returns its
    inputs unchanged, so that a model can be built and compiled before it sees data.

    Args:
        axis (int | list[int] | None): Feature axes. Each index along these axes has separate statistics.
            None means one mean and one variance over all elements. Default: -1.
        mean (float | array | None): Mean to use instead of the mean that `adapt` computes. Default: None.
        variance (float | array | None): Variance to use instead of the variance that `adapt` computes. It
            is required if `mean` is passed. Default: None.
        invert (bool): Whether to undo standardization with ``x * max(sqrt(variance), 1e-7) + mean``.
            Default: False.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, ...]`. The output has the same shape. The mean, variance and count variables are not
        trainable.

    Raises:
        InvalidArgument: if only one of `mean` and `variance` is passed.
        ShapeError: if a size along `axis` is unknown, or does not match `mean` and `variance`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> layer = fw.layers.Normalization()
        >>> layer.adapt(np.array([[1.0], [3.0]]))
        >>> layer(np.array([[1.0], [3.0]])).tolist()
        [[-1.0], [1.0]]

    Source: Keras `Normalization`.
    """

    supports_masking = True

    @validate_params(
        LAYER, axis=Integer() | ListOf(Integer()) | None, mean=NUMBERS | None, variance=_VARIANCE | None
    )
    def __init__(
        self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.axis: int | list[int] | None = list(axis) if isinstance(axis, list | tuple) else axis
        if (mean is None) != (variance is None):
            raise InvalidArgument("Normalization: pass both mean and variance, or omit both and call adapt")
        self._statistics = None if mean is None else (np.asarray(mean), np.asarray(variance))
        self.invert = bool(invert)
        self._mean: Variable | None = None
        self._variance: Variable | None = None
        self._count: Variable | None = None

    def build(self, input_shape: Any) -> None:
        self.axes = () if self.axis in (None, []) else self._axes(input_shape)
        self.sizes = sizes = self._require_sizes(self.axes, input_shape)
        if self._statistics is None:
            self._mean = self.add_weight("mean", sizes, "zeros", trainable=False)
            self._variance = self.add_weight("variance", sizes, "ones", trainable=False)
            self._count = self.add_weight("count", (), "zeros", trainable=False, dtype="int32")
        else:
            for name, value in zip(("mean", "variance"), self._statistics, strict=True):
                if value.size != 1 and value.size != np.prod(sizes, dtype=int):
                    raise ShapeError(
                        f"layer {self.name!r} (Normalization): {name} has shape {value.shape}, which does "
                        f"not match the sizes {sizes} on axis {self.axis} of inputs with shape {tuple(input_shape)}"
                    )
        super().build(input_shape)

    def _axes(self, input_shape: Any) -> tuple[int, ...]:
        if len(input_shape) == 1:
            raise InvalidArgument(
                f"layer {self.name!r} (Normalization): rows that are single numbers have no feature axis; "
                "pass data of shape (rows, 1), or create the layer with axis=None"
            )
        return canonicalize_axes(self.name, self.axis, input_shape)

    @validate_params(batch_size=Integer(1) | None, steps=Integer(1) | None)
    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Compute the mean and variance of `data`, and replace earlier statistics.

        Batch statistics are computed in float64 and merged with an exact formula. Except for rounding, the
        result does not depend on how the data is split into batches.

        Args:
            data (array | DataFrame | Iterable): An array or table, or an iterable of batches. If a batch is a
                tuple, such as ``(inputs, targets)``, only the first item is used.
            batch_size (int | None): Number of rows to read from an array at a time. Default: 65536.
            steps (int | None): Number of batches to read. Defaults to None, which means all batches.

        Raises:
            DataError: if there is no data, or if it contains NaN or infinite values.
            InvalidArgument: if `mean` and `variance` were passed to the constructor.
            ShapeError: if the data does not have the sizes that the layer was built for.

        Example:
            >>> import fitwell as fw
            >>> import numpy as np
            >>> layer = fw.layers.Normalization()
            >>> layer.adapt(np.array([[1.0], [3.0]]))
            >>> layer.mean.tolist(), layer.variance.tolist()
            ([2.0], [1.0])
        """
        if self._statistics is not None:
            raise InvalidArgument(
                f"layer {self.name!r} (Normalization): adapt cannot be used, because mean and variance were "
                "passed to the constructor; to use adapt, omit both of these arguments"
            )
        count, mean, squares = 0, np.zeros(()), np.zeros(())
        for batch in islice(_batches(data, batch_size), steps):
            if not self.built:
                self._build_for((None, *batch.shape[1:]))
            if len(self.axes) and (
                max(self.axes) >= batch.ndim or tuple(batch.shape[a] for a in self.axes) != self.sizes
            ):
                raise ShapeError(
                    f"layer {self.name!r} (Normalization) was built for sizes {self.sizes} on axes "
                    f"{self.axes}, but adapt got data of shape {batch.shape}"
                )
            others = tuple(axis for axis in range(batch.ndim) if axis not in self.axes)
            size = batch.size // max(int(np.prod(self.sizes, dtype=int)), 1)
            if size == 0:
                continue
            batch = batch.astype(np.float64)
            batch_mean = batch.mean(others)
            batch_squares = np.square(batch - batch_mean.reshape(get_broadcast_shape(batch, self.axes))).sum(
                others
            )
            # This merges the moments of two groups exactly; see Chan, Golub and LeVeque (1979).
            total = count + size
            difference = batch_mean - mean
            mean = mean + difference * (size / total)
            squares = squares + batch_squares + np.square(difference) * (count * size / total)
            count = total
        self._assign_moments(count, mean, squares)

    def _assign_moments(self, count: int, mean: np.ndarray, squares: np.ndarray) -> None:
        if count == 0 or self._mean is None or self._variance is None or self._count is None:
            raise DataError(f"layer {self.name!r} (Normalization): adapt got no data")
        if not np.isfinite(mean).all():
            bad = np.flatnonzero(~np.isfinite(np.atleast_1d(mean)))
            raise DataError(
                f"layer {self.name!r} (Normalization): adapt got NaN or infinite values in feature(s) "
                f"{bad[:5].tolist()}; remove or replace these values first"
            )
        self._mean.assign(mean)
        self._variance.assign(squares / count)
        self._count.assign(min(count, 2**31 - 1))

    @property
    def mean(self) -> Array:
        """The mean of each feature. It is 0 until `adapt` is called, unless `mean` was passed."""
        if self._statistics is not None:
            return jnp.asarray(self._statistics[0], self.dtype)
        return jnp.zeros(()) if self._mean is None else self._mean.value

    @property
    def variance(self) -> Array:
        """The variance of each feature. It is 1 until `adapt` is called, unless `variance` was passed."""
        if self._statistics is not None:
            return jnp.asarray(self._statistics[1], self.dtype)
        return jnp.ones(()) if self._variance is None else self._variance.value

    def call(self, inputs: Array) -> Array:
        inputs = to_float(inputs, self.dtype)
        self._check_sizes(inputs, self.axes, self.sizes)
        mean, variance = (
            value if value.size == 1 else value.reshape(get_broadcast_shape(inputs, self.axes))
            for value in (self.mean.squeeze(), self.variance.squeeze())
        )
        deviation = jnp.maximum(jnp.sqrt(variance), jnp.asarray(config.epsilon(), variance.dtype))
        outputs = inputs * deviation + mean if self.invert else (inputs - mean) / deviation
        return outputs.astype(inputs.dtype)

    @classmethod
    def _arguments(cls) -> tuple[str, ...]:
        # `mean` and `variance` may come from `adapt`. In this case, they are saved with the weights.
        return tuple(name for name in super()._arguments() if name not in ("mean", "variance"))

    def get_config(self) -> dict[str, Any]:
        mean, variance = (None, None) if self._statistics is None else self._statistics
        return super().get_config() | {"mean": serialize(mean), "variance": serialize(variance)}


def _batches(data: Any, batch_size: int | None) -> Iterator[np.ndarray]:
    """Yield slices of `data` if it is an array or table. Otherwise, yield the inputs of each batch in `data`."""
    if isinstance(data, list | tuple) and not hasattr(data[0], "shape"):
        data = np.asarray(data)
    elif hasattr(data, "iloc"):
        data = data.to_numpy()
    if hasattr(data, "shape"):
        step = batch_size or _CHUNK
        for start in range(0, len(data), step):
            yield _to_numeric(data[start : start + step])
        return
    if not isinstance(data, Iterable):
        raise InvalidArgument(
            f"Normalization.adapt: expected an array or an iterable of batches, got {type(data).__name__}"
        )
    for batch in data:
        # Generators for `fit` yield (inputs, targets), and only the inputs are needed here.
        yield _to_numeric(batch[0] if isinstance(batch, tuple) else batch)


def _to_numeric(batch: Any) -> np.ndarray:
    array = np.asarray(batch)
    if array.dtype.kind not in "fiub":
        array = array.astype(np.float64)
    return array


# In Keras 2, `BatchNormalization` and `LayerNormalization` were in this module.
__getattr__ = deprecated_module_getattr(
    "fitwell.layers.normalization", "fitwell.layers", ["BatchNormalization", "LayerNormalization"]
)
