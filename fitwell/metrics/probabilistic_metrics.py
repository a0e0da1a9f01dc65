"""Probabilistic metrics: cross-entropies, the Kullback-Leibler divergence and the Poisson loss."""

from __future__ import annotations

from typing import Any

from fitwell import losses
from fitwell._param_validation import validate_params
from fitwell.metrics.base import METRIC_RULES, metric_registry
from fitwell.metrics.reduction_metrics import LossMetric, MeanLossMetric

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "KLDivergence",
    "Poisson",
    "SparseCategoricalCrossentropy",
]


@metric_registry.register()
class Poisson(MeanLossMetric):
    """Mean Poisson loss ``ŷ - y log(ŷ + 1e-7)``.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.Poisson()
        >>> float(metric([[0.0], [0.0]], [[1.0], [3.0]]))
        2.0

    Source: Keras `Poisson`.
    """

    loss_class = losses.Poisson


@metric_registry.register("kld", "kullback_leibler_divergence")
class KLDivergence(MeanLossMetric):
    """Mean Kullback-Leibler divergence ``Σ_k y_k log(y_k / p_k)``.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.KLDivergence()
        >>> float(metric([[0.5, 0.5]], [[0.5, 0.5]]))
        0.0

    Source: Keras `KLDivergence`.
    """

    loss_class = losses.KLDivergence


@metric_registry.register("bce")
class BinaryCrossentropy(LossMetric):
    """Mean binary cross-entropy ``-y log p - (1 - y) log(1 - p)``.

    Args:
        name (str | None): See `Metric`. Default: "binary_crossentropy".
        dtype (str | None): See `Metric`. Default: None.
        from_logits (bool): Whether the predictions are logits. Default: False.
        label_smoothing (float): A number s from 0 to 1. Labels become ``y (1 - s) + s / 2``. Default: 0.0.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.BinaryCrossentropy()
        >>> round(float(metric([[0.0], [1.0]], [[0.5], [0.5]])), 3)
        0.693

    Source: Keras `BinaryCrossentropy`.
    """

    @validate_params(METRIC_RULES)
    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: Any = 0.0,
    ) -> None:
        super().__init__(losses.BinaryCrossentropy(from_logits, label_smoothing), name, dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing


@metric_registry.register("cce")
class CategoricalCrossentropy(LossMetric):
    """Mean cross-entropy ``-Σ_k y_k log p_k`` for one-hot targets.

    Args:
        name (str | None): See `Metric`. Default: "categorical_crossentropy".
        dtype (str | None): See `Metric`. Default: None.
        from_logits (bool): Whether the predictions are logits. Default: False.
        label_smoothing (float): A number s from 0 to 1. Labels become ``y (1 - s) + s / classes``. Default: 0.0.
        axis (int): Axis of the classes. Default: -1.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.CategoricalCrossentropy()
        >>> round(float(metric([[0.0, 1.0]], [[0.5, 0.5]])), 3)
        0.693

    Source: Keras `CategoricalCrossentropy`.
    """

    @validate_params(METRIC_RULES)
    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: Any = 0.0,
        axis: int = -1,
    ) -> None:
        super().__init__(losses.CategoricalCrossentropy(from_logits, label_smoothing, axis), name, dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


@metric_registry.register("scce")
class SparseCategoricalCrossentropy(LossMetric):
    """Mean cross-entropy ``-log p_y`` for class indices.

    Rows of the ignored class are excluded from the mean. In contrast, Keras includes them with the value 0.

    Args:
        name (str | None): See `Metric`. Default: "sparse_categorical_crossentropy".
        dtype (str | None): See `Metric`. Default: None.
        from_logits (bool): Whether the predictions are logits. Default: False.
        ignore_class (int | None): A class index to ignore. Default: None.
        axis (int): Axis of the classes. Default: -1.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.SparseCategoricalCrossentropy()
        >>> round(float(metric([1], [[0.5, 0.5]])), 3)
        0.693

    Source: Keras `SparseCategoricalCrossentropy`.
    """

    @validate_params(METRIC_RULES)
    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(
            losses.SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis), name, dtype
        )
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis
