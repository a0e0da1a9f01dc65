"""Hinge losses as metrics."""

from __future__ import annotations

from fitwell import losses
from fitwell.metrics.base import metric_registry
from fitwell.metrics.reduction_metrics import MeanLossMetric

__all__ = [
    "CategoricalHinge",
    "Hinge",
    "SquaredHinge",
]


@metric_registry.register()
class Hinge(MeanLossMetric):
    """Mean hinge loss ``max(0, 1 - y ŷ)`` for labels in {-1, 1} or {0, 1}.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.Hinge()
        >>> float(metric([[1.0], [-1.0]], [[0.5], [-2.0]]))
        0.25

    Source: Keras `Hinge`.
    """

    loss_class = losses.Hinge


@metric_registry.register()
class SquaredHinge(MeanLossMetric):
    """Mean squared hinge loss ``max(0, 1 - y ŷ)²`` for labels in {-1, 1} or {0, 1}.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.SquaredHinge()
        >>> float(metric([[1.0], [-1.0]], [[0.5], [-2.0]]))
        0.125

    Source: Keras `SquaredHinge`.
    """

    loss_class = losses.SquaredHinge


@metric_registry.register()
class CategoricalHinge(MeanLossMetric):
    """Mean hinge loss between the true class and the wrong class with the highest score, for one-hot targets.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.CategoricalHinge()
        >>> float(metric([[0.0, 1.0]], [[0.5, 1.0]]))
        0.5

    Source: Keras `CategoricalHinge`.
    """

    loss_class = losses.CategoricalHinge
