"""Metrics: the quantities that training reports.

A metric is exact over the whole epoch. It is not an average of the results of individual batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fitwell import losses
from fitwell._registry import serialize as _serialize
from fitwell._registry import unknown_entry_error
from fitwell.errors import InvalidArgument, UnknownName
from fitwell.losses import (
    Loss,
    PerceptronLoss,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from fitwell.losses.base import loss_registry as _losses
from fitwell.losses.user_functions import check_takes_targets_and_predictions
from fitwell.metrics.accuracy_metrics import (
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
from fitwell.metrics.auc import AUC
from fitwell.metrics.base import Metric, metric_registry
from fitwell.metrics.confusion_matrix import ConfusionMatrix
from fitwell.metrics.confusion_metrics import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from fitwell.metrics.constrained_metrics import (
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from fitwell.metrics.f_score_metrics import F1Score, FBetaScore
from fitwell.metrics.hinge_metrics import CategoricalHinge, Hinge, SquaredHinge
from fitwell.metrics.probabilistic_metrics import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
)
from fitwell.metrics.r2_score import R2Score
from fitwell.metrics.reduction_metrics import LossMetric, Mean, MeanMetricWrapper, Sum
from fitwell.metrics.regression_metrics import (
    CosineSimilarity,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    RootMeanSquaredError,
)

mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error

Shape = Sequence[int | None]


def accuracy_for(
    y_true_shape: Shape,
    y_pred_shape: Shape,
    loss: Any = None,
    name: str = "accuracy",
    several_labels: bool = False,
) -> Metric:
    """Return the accuracy metric that matches the targets, predictions and loss.

    If there is a single output for each row, the result is a `BinaryAccuracy`. If the targets are class indices, which
    means that they have fewer axes than the predictions or a last axis of size 1, the result is a
    `SparseCategoricalAccuracy`. Otherwise, it is a `CategoricalAccuracy`. These rules are the same as in Keras.

    If `several_labels` is True, the result is a `BinaryAccuracy` even if there are multiple outputs. It computes the
    fraction of correct labels, as in Keras 2 but not in Keras 3. If the loss treats the predictions as logits or
    margins, a `SignAccuracy` replaces the `BinaryAccuracy`, so the threshold is 0 instead of 0.5.

    Args:
        y_true_shape (tuple[int | None, ...]): Shape of the targets, ``(batch, ...)``.
        y_pred_shape (tuple[int | None, ...]): Shape of the predictions, ``(batch, ..., width)``.
        loss (Loss | str | None): The loss, or its name. Default: None.
        name (str): Name of the metric. Default: "accuracy".
        several_labels (bool): Whether each row can have any number of labels equal to 1, instead of exactly one.
            Default: False.

    Returns:
        Metric: The accuracy metric.

    Example:
        >>> import fitwell as fw
        >>> type(fw.metrics.accuracy_for((None,), (None, 10))).__name__
        'SparseCategoricalAccuracy'
    """
    true, pred = tuple(y_true_shape), tuple(y_pred_shape)
    if len(pred) < 2 or pred[-1] == 1 or several_labels:
        if isinstance(loss, str):
            loss = losses.get(loss)
        if isinstance(loss, losses.Hinge | losses.SquaredHinge | PerceptronLoss) or getattr(
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
    """Return the metric that an identifier specifies.

    If `identifier` is a name, the metric gets this name. For the names ``"accuracy"`` and ``"acc"``, `accuracy_for`
    selects the metric if both shapes are known.

    Args:
        identifier (str | type | dict | Callable | Metric | Loss | None): A name or alias such as ``"mse"``, a metric
            class, a `Metric` object, a configuration, a `Loss`, or a function ``fn(y_true, y_pred)``.
        loss (Loss | str | None): The loss, which is passed to `accuracy_for`. Default: None.
        y_true_shape (tuple[int | None, ...] | None): The targets' shape, which is passed to `accuracy_for`.
            Default: None.
        y_pred_shape (tuple[int | None, ...] | None): The predictions' shape, which is passed to `accuracy_for`.
            Default: None.

    Returns:
        Metric | None: The metric, or None if `identifier` is None.

    Raises:
        UnknownName: if no metric or loss has this name. The message suggests the closest name.
        InvalidArgument: if `identifier` is none of the above.

    Example:
        >>> import fitwell as fw
        >>> fw.metrics.get("mae")
        MeanAbsoluteError(name='mae', dtype='float32')
    """
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        if y_true_shape is not None and y_pred_shape is not None:
            return accuracy_for(y_true_shape, y_pred_shape, loss, identifier)
        return Accuracy(name=identifier)
    metric = _get_by_name(identifier) if isinstance(identifier, str) else metric_registry.get(identifier)
    if metric is None:
        return None
    if isinstance(metric, Loss):
        return LossMetric(metric)
    if isinstance(metric, Metric):
        if "name" not in vars(metric):
            raise InvalidArgument(
                f"the __init__ method of metric {type(metric).__name__} must call super().__init__(name=...)"
            )
        if not metric.update_state.__module__.startswith("fitwell."):
            check_takes_targets_and_predictions(metric.update_state, f"metric {metric.name!r}: update_state")
        if isinstance(identifier, str):
            metric.name = identifier
        return metric
    if not callable(metric):
        raise InvalidArgument(
            "expected a name such as 'accuracy', a Metric or a function fn(y_true, y_pred) as the metric, "
            f"got {identifier!r}"
        )
    return MeanMetricWrapper(metric)


def _get_by_name(name: str) -> Any:
    try:
        return metric_registry.get(name)
    except UnknownName:
        try:
            return LossMetric(losses.get(name))
        except UnknownName:
            raise unknown_entry_error("metric", name, [*metric_registry.names(), *_losses.names()]) from None


def serialize(metric: Any) -> Any:
    """Return the configuration of a metric as JSON-compatible data.

    Args:
        metric (Metric): The metric.

    Returns:
        dict: The configuration ``{"class_name": ..., "config": ...}``, which you can pass to `deserialize`.

    Example:
        >>> import fitwell as fw
        >>> config = fw.metrics.serialize(fw.metrics.AUC())
        >>> config["class_name"], type(fw.metrics.deserialize(config)).__name__
        ('AUC', 'AUC')
    """
    return _serialize(metric)


def deserialize(config: Mapping[str, Any] | str | None) -> Any:
    """Create a metric from a configuration that `serialize` returned.

    Args:
        config (dict | str | None): The configuration, or the name of a metric.

    Returns:
        Metric | None: The metric, or None if `config` is None.

    Example:
        >>> import fitwell as fw
        >>> config = fw.metrics.serialize(fw.metrics.AUC())
        >>> config["class_name"], type(fw.metrics.deserialize(config)).__name__
        ('AUC', 'AUC')
    """
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
    "MeanAbsolutePercentageError",
    "MeanSquaredLogarithmicError",
    "LogCoshError",
    "CosineSimilarity",
    "R2Score",
    "Poisson",
    "KLDivergence",
    "Hinge",
    "SquaredHinge",
    "CategoricalHinge",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "SparseCategoricalCrossentropy",
    "TruePositives",
    "FalsePositives",
    "TrueNegatives",
    "FalseNegatives",
    "Precision",
    "Recall",
    "SensitivityAtSpecificity",
    "SpecificityAtSensitivity",
    "PrecisionAtRecall",
    "RecallAtPrecision",
    "AUC",
    "FBetaScore",
    "F1Score",
    "ConfusionMatrix",
    "accuracy",
    "binary_accuracy",
    "sign_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
    "top_k_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "log_cosh",
    "huber",
    "poisson",
    "kl_divergence",
    "hinge",
    "squared_hinge",
    "categorical_hinge",
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
    "mse",
    "MSE",
    "mae",
    "MAE",
    "mape",
    "MAPE",
    "msle",
    "MSLE",
    "accuracy_for",
    "get",
    "serialize",
    "deserialize",
]


def __dir__() -> list[str]:
    return sorted(__all__)
