"""Metrics: what is reported of a run, exact over the whole epoch and not a mean of batch means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fitwell.errors import InvalidArgument
from fitwell.losses import Hinge as _HingeLoss
from fitwell.losses import Loss, PerceptronLoss
from fitwell.losses import SquaredHinge as _SquaredHingeLoss
from fitwell.losses import get as _get_loss
from fitwell.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SignAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sign_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from fitwell.metrics.base import LossMetric, Mean, MeanMetricWrapper, Metric, Sum, registry
from fitwell.metrics.means import MeanAbsoluteError, MeanSquaredError, RootMeanSquaredError
from fitwell.registry import serialize as _serialize

Shape = Sequence[int | None]


def accuracy_for(
    y_true_shape: Shape, y_pred_shape: Shape, loss: Any = None, name: str = "accuracy"
) -> Metric:
    """Return the kind of accuracy that fits targets, predictions and loss.

    As in Keras, one output per row is binary, class numbers (fewer axes than the predictions, or a last axis
    of size 1) are sparse-categorical, and all else is categorical. Unlike in Keras, a single output is split
    at 0 and not at 0.5 when the loss says that it is a logit or a margin.

    Args:
        y_true_shape: shape of the targets, ``(batch, ...)``.
        y_pred_shape: shape of the predictions, ``(batch, ..., width)``.
        loss: the loss, or its name; None if unknown.
        name: name of the metric.
    """
    true, pred = tuple(y_true_shape), tuple(y_pred_shape)
    if len(pred) < 2 or pred[-1] == 1:
        if isinstance(loss, str):
            loss = _get_loss(loss)
        if isinstance(loss, _HingeLoss | _SquaredHingeLoss | PerceptronLoss) or getattr(
            loss, "from_logits", False
        ):
            return SignAccuracy(name=name)
        return BinaryAccuracy(name=name)
    if len(true) < len(pred) or true[-1] == 1:
        return SparseCategoricalAccuracy(name=name)
    return CategoricalAccuracy(name=name)


def get(
    identifier: Any, loss: Any = None, y_true_shape: Shape | None = None, y_pred_shape: Shape | None = None
) -> Any:
    """Return the `Metric` that `identifier` stands for; None stays None.

    A name or alias (``"mse"``), a class, an object, a configuration, a `Loss`, or a function ``fn(y_true,
    y_pred)``. A metric given by name has that name. ``"accuracy"`` and ``"acc"`` become what `accuracy_for`
    chooses when the shapes are known.
    """
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        if y_true_shape is not None and y_pred_shape is not None:
            return accuracy_for(y_true_shape, y_pred_shape, loss, identifier)
        return Accuracy(name=identifier)
    metric = registry.get(identifier)
    if metric is None:
        return None
    if isinstance(metric, Loss):
        return LossMetric(metric)
    if isinstance(metric, Metric):
        if isinstance(identifier, str):
            metric.name = identifier
        return metric
    if not callable(metric):
        raise InvalidArgument(
            "metric: expected a name such as 'accuracy', a Metric or a function fn(y_true, y_pred), "
            f"got {identifier!r}"
        )
    return MeanMetricWrapper(metric)


def serialize(metric: Any) -> Any:
    """Write `metric` as plain data."""
    return _serialize(metric)


def deserialize(config: Mapping[str, Any] | str | None) -> Any:
    """Return the metric that `serialize` wrote."""
    return get(config)


__all__ = [
    "Metric",
    "Mean",
    "Sum",
    "MeanMetricWrapper",
    "LossMetric",
    "Accuracy",
    "BinaryAccuracy",
    "SignAccuracy",
    "CategoricalAccuracy",
    "SparseCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "MeanSquaredError",
    "RootMeanSquaredError",
    "MeanAbsoluteError",
    "accuracy",
    "binary_accuracy",
    "sign_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
    "top_k_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "accuracy_for",
    "get",
    "serialize",
    "deserialize",
]
