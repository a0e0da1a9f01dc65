"""Metrics that are means or sums over rows, and metrics that are based on losses or functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from fitwell import losses
from fitwell._param_validation import CallableRule, Identifier, validate_params
from fitwell._registry import serialize, snake_case
from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.losses import Loss
from fitwell.losses.alignment import squeeze_or_expand_to_same_rank
from fitwell.losses.base import get_function_name
from fitwell.losses.reduction import append_axes, fits_leading_axes, squeeze_weights
from fitwell.losses.user_functions import check_takes_targets_and_predictions, convert_returned_value
from fitwell.metrics.base import METRIC_RULES, Metric, divide_no_nan, metric_registry

__all__ = [
    "LossMetric",
    "Mean",
    "MeanLossMetric",
    "MeanMetricWrapper",
    "MeanOverSamples",
    "Sum",
    "reduce_to_samples",
]


def reduce_to_samples(
    values: Any, sample_weight: Any, dtype: Any, reduce: Callable[..., Array]
) -> tuple[Array, Array | None]:
    """Reduce the values that share one weight to a single value.

    Args:
        values (ArrayLike): Values of shape ``[batch, ...]``, or a number.
        sample_weight (ArrayLike | None): Weights whose axes match the leading axes of `values`, a number, or None.
        dtype (str): Dtype of the results.
        reduce (Callable): The function that reduces the values, `jnp.mean` or `jnp.sum`.

    Returns:
        tuple[Array, Array | None]: The reduced values, and weights of the same shape. If there are no weights, each row
        is reduced to a single value, and the second item is None.
    """
    values = jnp.asarray(values).astype(dtype)
    if sample_weight is None:
        return (reduce(values, axis=tuple(range(1, values.ndim))) if values.ndim > 1 else values), None
    weights = jnp.asarray(sample_weight).astype(dtype)
    weights = squeeze_weights(weights, values.ndim)
    if weights.ndim > values.ndim and values.ndim == 0:
        # If there is a single value for the whole batch, each row gets this value.
        values = jnp.broadcast_to(values, weights.shape)
    elif not fits_leading_axes(weights, values.shape):
        raise ShapeError(
            f"sample weights of shape {weights.shape} do not match values of shape {values.shape}"
        )
    if values.ndim > max(weights.ndim, 1):
        values = reduce(values, axis=tuple(range(max(weights.ndim, 1), values.ndim)))
    return values, jnp.broadcast_to(weights, values.shape)


@metric_registry.register()
class Mean(Metric):
    """Weighted mean ``Σ w v / Σ w`` of all values.

    Call ``update_state(values, sample_weight=None)`` with values of shape ``[batch, ...]``. Each row contributes its
    mean value.

    Args:
        name (str | None): See `Metric`. Default: "mean".
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.Mean()
        >>> metric.update_state([1.0, 3.0])
        >>> float(metric.result())
        2.0

    Source: Keras `Mean`.
    """

    @validate_params(METRIC_RULES)
    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self._total = self.add_compensated_sum("total")
        self._count = self.add_compensated_sum("count")

    @property
    def total(self) -> Array:
        """The weighted sum of all values since the last reset."""
        return self._total.value

    @property
    def count(self) -> Array:
        """The sum of the weights since the last reset."""
        return self._count.value

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Accumulate values.

        Args:
            values (ArrayLike): Values of shape ``[batch, ...]``, or a number.
            sample_weight (ArrayLike | None): Weights whose axes match the leading axes of `values`, such as
                ``[batch]``. Default: None.
        """
        samples, weights = reduce_to_samples(values, sample_weight, self._total.rounded_sum.dtype, jnp.mean)
        if weights is None:
            self._total.add(jnp.sum(samples))
            self._count.add(samples.size)
        else:
            # Select values instead of multiplying by 0, because padding rows, which have the weight 0, may contain any
            # value, including NaN.
            weighted = jnp.where(weights == 0, 0, samples * weights)
            # Each row counts once, even if each of its values has a separate weight.
            scale = weights.shape[0] / weights.size if weights.ndim > 1 else 1
            self._total.add(jnp.sum(weighted) * scale)
            self._count.add(jnp.sum(weights) * scale)

    def result(self) -> Array:
        """Compute the mean, or return 0 if there are no values yet."""
        return divide_no_nan(self.total, self.count)


@metric_registry.register()
class Sum(Metric):
    """Weighted sum ``Σ w v`` of all values.

    Call ``update_state(values, sample_weight=None)`` with values of shape ``[batch, ...]``.

    Args:
        name (str | None): See `Metric`. Default: "sum".
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.Sum()
        >>> metric.update_state([1.0, 3.0])
        >>> float(metric.result())
        4.0

    Source: Keras `Sum`.
    """

    @validate_params(METRIC_RULES)
    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self._total = self.add_compensated_sum("total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Accumulate values.

        Args:
            values (ArrayLike): Values of shape ``[batch, ...]``, or a number.
            sample_weight (ArrayLike | None): Weights whose axes match the leading axes of `values`, such as
                ``[batch]``. Default: None.
        """
        samples, weights = reduce_to_samples(values, sample_weight, self._total.rounded_sum.dtype, jnp.sum)
        if weights is not None:
            samples = jnp.where(weights == 0, 0, samples * weights)
        self._total.add(jnp.sum(samples))

    def result(self) -> Array:
        """Return the sum."""
        return self._total.value


class MeanOverSamples(Mean):
    """Base class of metrics that average one value per row over the epoch. A subclass overrides `values`.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.
    """

    @validate_params(METRIC_RULES)
    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name or snake_case(type(self).__name__), dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        """Compute one or more values for each row."""
        raise NotImplementedError(f"{type(self).__name__} must define values(self, y_true, y_pred)")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Accumulate one batch.

        Args:
            y_true (ArrayLike): Targets, ``[batch, ...]``.
            y_pred (ArrayLike): Predictions, ``[batch, ...]``.
            sample_weight (ArrayLike | None): Weights, ``[batch]``. Default: None.
        """
        super().update_state(self.values(y_true, y_pred), sample_weight)


@metric_registry.register()
class LossMetric(MeanOverSamples):
    """A metric that is the mean of a loss over all rows, regardless of the loss's reduction.

    Args:
        loss (Loss | str): The loss, or its name.
        name (str | None): See `Metric`. Default: the loss's name.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.LossMetric("huber")
        >>> float(metric([[0.0], [0.0]], [[1.0], [3.0]]))
        1.5
    """

    direction = "min"

    @validate_params(METRIC_RULES, loss=Identifier(losses.get, optional=False))
    def __init__(self, loss: Any, name: str | None = None, dtype: Any = None) -> None:
        self.loss: Loss = losses.get(loss)
        super().__init__(name or self.loss.name, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        """Compute the unreduced loss values."""
        return self.loss.unreduced(y_true, y_pred)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Accumulate one batch. Values that the loss's mask excludes are ignored.

        Args:
            y_true (ArrayLike): Targets, ``[batch, ...]``.
            y_pred (ArrayLike): Predictions, ``[batch, ...]``.
            sample_weight (ArrayLike | None): Weights, ``[batch]``. Default: None.
        """
        values = self.values(y_true, y_pred)
        mask = self.loss.mask(jnp.asarray(y_true))
        if mask is not None:
            used = mask.reshape(values.shape).astype(values.dtype)
            weights = jnp.ones(values.shape[:1]) if sample_weight is None else jnp.asarray(sample_weight)
            sample_weight = used * append_axes(weights, used.ndim)
        Mean.update_state(self, values, sample_weight)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Create the metric from the result of `get_config`."""
        return cls(**{name: losses.get(value) if name == "loss" else value for name, value in config.items()})


class MeanLossMetric(LossMetric):
    """Base class of metrics that are the mean of a loss with default arguments. A subclass sets `loss_class`."""

    loss_class: ClassVar[type[Loss]]

    @validate_params(METRIC_RULES)
    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(self.loss_class(), name or snake_case(type(self).__name__), dtype)


@metric_registry.register()
class MeanMetricWrapper(MeanOverSamples):
    """A metric that is the mean of a function ``fn(y_true, y_pred, **settings)`` over all rows.

    The function should return one value for each row. If it returns a single number for the whole batch, each row gets
    this value.

    Args:
        fn (Callable): The function.
        name (str | None): See `Metric`. Default: the function's name in snake case.
        dtype (str | None): See `Metric`. Default: None.
        **settings: Additional keyword arguments for `fn`.

    Example:
        >>> import fitwell as fw
        >>> def bias(y_true, y_pred):
        ...     return (y_pred - y_true).mean(axis=-1)
        >>> metric = fw.metrics.MeanMetricWrapper(bias)
        >>> float(metric([[0.0], [1.0]], [[2.0], [1.0]]))
        1.0

    Source: Keras `MeanMetricWrapper`.
    """

    @validate_params(METRIC_RULES, fn=CallableRule("a function of y_true and y_pred"))
    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **settings: Any
    ) -> None:
        check_takes_targets_and_predictions(fn, "a metric", **settings)
        super().__init__(name or get_function_name(fn), dtype)
        self.fn = fn
        self.settings = settings

    def values(self, y_true: Any, y_pred: Any) -> Any:
        """Call the function, after aligning arrays of shape ``[n]`` with arrays of shape ``[n, 1]``."""
        y_true, y_pred = squeeze_or_expand_to_same_rank(jnp.asarray(y_true), jnp.asarray(y_pred))
        return self.fn(y_true, y_pred, **self.settings)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Accumulate one batch.

        Args:
            y_true (ArrayLike): Targets, ``[batch, ...]``.
            y_pred (ArrayLike): Predictions, ``[batch, ...]``.
            sample_weight (ArrayLike | None): Weights, ``[batch]``. Default: None.
        """
        values = convert_returned_value(self.values(y_true, y_pred), f"metric {self.name!r}")
        if values.ndim == 0 and sample_weight is None:
            sample_weight = jnp.ones(np.shape(y_pred)[:1])
        Mean.update_state(self, values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return the function's name and all other constructor arguments as JSON-compatible data."""
        return super().get_config() | {"fn": serialize(self.fn)} | dict(serialize(self.settings))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Create the metric from the result of `get_config`.

        If the configuration refers to a function by its name, the function must be built in or registered.
        """
        fn = config["fn"]
        return cls(**{**config, "fn": metric_registry.lookup(fn) if isinstance(fn, str) else fn})
