"""Means and sums over rows, and the metrics made of them: losses and plain functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from fitwell import losses
from fitwell._param_validation import CallableRule, Identifier, validate_params
from fitwell._registry import serialize, snake_case
from fitwell.errors import ShapeError
from fitwell.losses import Loss
from fitwell.losses.base import get_function_name, squeeze_or_expand_to_same_rank
from fitwell.losses.user_functions import check_takes_targets_and_predictions, convert_returned_value
from fitwell.metrics.base import METRIC_RULES, Array, Metric, divide_no_nan, metric_registry


def reduce_to_samples(
    values: Any, sample_weight: Any, dtype: Any, reduce: Callable[..., Array]
) -> tuple[Array, Array | None]:
    """Return ``([rows] or a number, weights of the same shape or None)``: what each row contributes.

    Args:
        values: ``[batch, ...]`` or a number.
        sample_weight: ``[batch]``, a leading shape of `values`, a number, or None.
        dtype: type of the results.
        reduce: `jnp.mean` or `jnp.sum`, applied to the axes of a row that share one weight.
    """
    values = jnp.asarray(values).astype(dtype)
    if sample_weight is None:
        return (reduce(values, axis=tuple(range(1, values.ndim))) if values.ndim > 1 else values), None
    weights = jnp.asarray(sample_weight).astype(dtype)
    while weights.ndim > values.ndim and weights.shape[-1] == 1:
        weights = jnp.squeeze(weights, -1)
    if weights.ndim > values.ndim and values.ndim == 0:
        # One value for the whole batch stands for each of its rows.
        values = jnp.broadcast_to(values, weights.shape)
    elif weights.ndim > values.ndim or any(
        w not in (1, v) for w, v in zip(weights.shape, values.shape, strict=False)
    ):
        raise ShapeError(f"sample weights of shape {weights.shape} do not fit values of shape {values.shape}")
    if values.ndim > max(weights.ndim, 1):
        values = reduce(values, axis=tuple(range(max(weights.ndim, 1), values.ndim)))
    return values, jnp.broadcast_to(weights, values.shape)


@metric_registry.register()
class Mean(Metric):
    """Weighted mean ``Σ w v / Σ w`` of all values: ``update_state(values, sample_weight=None)``.

    ``values`` is ``[batch, ...]``; each row contributes the mean of its values.

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
    """

    @validate_params(METRIC_RULES)
    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self._total = self.add_compensated_sum("total")
        self._count = self.add_compensated_sum("count")

    @property
    def total(self) -> Array:
        """The weighted sum so far."""
        return self._total.value

    @property
    def count(self) -> Array:
        """The sum of the weights so far."""
        return self._count.value

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take in values ``[batch, ...]``, or a number."""
        kept, weights = reduce_to_samples(values, sample_weight, self._total.rounded_sum.dtype, jnp.mean)
        if weights is None:
            self._total.add(jnp.sum(kept))
            self._count.add(kept.size)
        else:
            # Selected, not multiplied: a padding row (weight 0) may hold anything, also NaN.
            weighted = jnp.where(weights == 0, 0, kept * weights)
            # A row counts as one, however many values of it have weights of their own.
            share = weights.shape[0] / weights.size if weights.ndim > 1 else 1
            self._total.add(jnp.sum(weighted) * share)
            self._count.add(jnp.sum(weights) * share)

    def result(self) -> Array:
        """Return the mean, 0 before any value."""
        return divide_no_nan(self.total, self.count)


@metric_registry.register()
class Sum(Metric):
    """Weighted sum ``Σ w v`` of all values: ``update_state(values, sample_weight=None)``.

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
    """

    @validate_params(METRIC_RULES)
    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self._total = self.add_compensated_sum("total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take in values ``[batch, ...]``, or a number."""
        kept, weights = reduce_to_samples(values, sample_weight, self._total.rounded_sum.dtype, jnp.sum)
        if weights is not None:
            kept = jnp.where(weights == 0, 0, kept * weights)
        self._total.add(jnp.sum(kept))

    def result(self) -> Array:
        """Return the sum."""
        return self._total.value


class MeanOverSamples(Mean):
    """Base of metrics that are the mean of a value of each row: a subclass overrides `values`.

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
    """

    @validate_params(METRIC_RULES)
    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name or snake_case(type(self).__name__), dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value (or several) for each row."""
        raise NotImplementedError(f"{type(self).__name__} must define values(self, y_true, y_pred)")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in targets and predictions of a batch; `sample_weight` is ``[batch]`` or None."""
        super().update_state(self.values(y_true, y_pred), sample_weight)


@metric_registry.register()
class LossMetric(MeanOverSamples):
    """A `Loss` as a metric: the mean of its values over all rows, whatever its reduction.

    Args:
        loss: the loss, or its name.
        name: that of the loss by default.
        dtype: see `Metric`.
    """

    @validate_params(METRIC_RULES, loss=Identifier(losses.get, optional=False))
    def __init__(self, loss: Any, name: str | None = None, dtype: Any = None) -> None:
        self.loss: Loss = losses.get(loss)
        super().__init__(name or self.loss.name, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the values of the loss before reduction."""
        return self.loss.unreduced(y_true, y_pred)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in targets and predictions of a batch; values that the loss masks do not count."""
        values = self.values(y_true, y_pred)
        mask = self.loss.mask(jnp.asarray(y_true))
        if mask is not None:
            kept = mask.reshape(values.shape).astype(values.dtype)
            given = jnp.ones(values.shape[:1]) if sample_weight is None else jnp.asarray(sample_weight)
            sample_weight = kept * given.reshape(given.shape + (1,) * (kept.ndim - given.ndim))
        Mean.update_state(self, values, sample_weight)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Build the metric from what `get_config` returned."""
        return cls(**{name: losses.get(value) if name == "loss" else value for name, value in config.items()})


@metric_registry.register()
class MeanMetricWrapper(MeanOverSamples):
    """The mean of a function ``fn(y_true, y_pred, **settings)`` over all rows.

    The function should return one value for each row. One number for the whole batch counts as the value of
    each of its rows.

    Args:
        fn: the function.
        name: that of the function by default.
        dtype: see `Metric`.
        settings: further keyword arguments for each call of `fn`.
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
        """Return ``fn(y_true, y_pred)``, with ``[n]`` against ``[n, 1]`` aligned."""
        y_true, y_pred = squeeze_or_expand_to_same_rank(jnp.asarray(y_true), jnp.asarray(y_pred))
        return self.fn(y_true, y_pred, **self.settings)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in targets and predictions of a batch; `sample_weight` is ``[batch]`` or None."""
        values = convert_returned_value(self.values(y_true, y_pred), f"metric {self.name!r}")
        if values.ndim == 0 and sample_weight is None:
            sample_weight = jnp.ones(np.shape(y_pred)[:1])
        Mean.update_state(self, values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return the name of the function and everything else as plain data."""
        return super().get_config() | {"fn": serialize(self.fn)} | dict(serialize(self.settings))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Build the metric; the function is found among the registered and custom ones."""
        fn = config["fn"]
        return cls(**{**config, "fn": metric_registry.lookup(fn) if isinstance(fn, str) else fn})
