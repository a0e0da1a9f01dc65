"""Regression errors and losses as metrics; each is a mean over the rows of the epoch."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from fitwell import losses
from fitwell._param_validation import validate_params
from fitwell._registry import snake_case
from fitwell.losses import Loss
from fitwell.losses.base import match_shapes
from fitwell.metrics.base import METRIC_RULES, Array, metric_registry
from fitwell.metrics.reduction_metrics import LossMetric, MeanOverSamples


class _MeanLossMetric(LossMetric):
    """A loss without hyperparameters as a metric: a subclass names the loss."""

    loss_class: ClassVar[type[Loss]]

    @validate_params(METRIC_RULES)
    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(self.loss_class(), name or snake_case(type(self).__name__), dtype)


@metric_registry.register("mse")
class MeanSquaredError(_MeanLossMetric):
    """Mean squared error ``mean((y - ŷ)²)``.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.MeanSquaredError()
        >>> float(metric([[0.0], [1.0]], [[2.0], [1.0]]))
        2.0

    Source: Keras `MeanSquaredError`.
    """

    loss_class = losses.MeanSquaredError


@metric_registry.register("mae")
class MeanAbsoluteError(_MeanLossMetric):
    """Mean absolute error ``mean(|y - ŷ|)``.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.MeanAbsoluteError()
        >>> float(metric([[0.0], [1.0]], [[2.0], [1.0]]))
        1.0

    Source: Keras `MeanAbsoluteError`.
    """

    loss_class = losses.MeanAbsoluteError


@metric_registry.register("mape")
class MeanAbsolutePercentageError(_MeanLossMetric):
    """Mean absolute percentage error ``100 mean(|y - ŷ| / max(|y|, 1e-7))``.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.MeanAbsolutePercentageError()
        >>> float(metric([[2.0], [4.0]], [[1.0], [4.0]]))
        25.0

    Source: Keras `MeanAbsolutePercentageError`.
    """

    loss_class = losses.MeanAbsolutePercentageError


@metric_registry.register("msle")
class MeanSquaredLogarithmicError(_MeanLossMetric):
    """Mean squared logarithmic error ``mean((log(1 + y) - log(1 + ŷ))²)``.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.MeanSquaredLogarithmicError()
        >>> float(metric([[2.0], [4.0]], [[2.0], [4.0]]))
        0.0

    Source: Keras `MeanSquaredLogarithmicError`.
    """

    loss_class = losses.MeanSquaredLogarithmicError


@metric_registry.register("logcosh", "log_cosh")
class LogCoshError(_MeanLossMetric):
    """Mean of ``log(cosh(ŷ - y))``.

    Args:
        name (str | None): See `Metric`. Default: "logcosh", as in Keras.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.LogCoshError()
        >>> float(metric([[2.0], [4.0]], [[2.0], [4.0]]))
        0.0

    Source: Keras `LogCoshError`.
    """

    loss_class = losses.LogCosh

    @validate_params(METRIC_RULES)
    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(name, dtype)


@metric_registry.register()
class Poisson(_MeanLossMetric):
    """Mean of ``ŷ - y log(ŷ + 1e-7)``.

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
class KLDivergence(_MeanLossMetric):
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


@metric_registry.register()
class Hinge(_MeanLossMetric):
    """Mean of ``max(0, 1 - y ŷ)``, labels -1 and 1 or 0 and 1.

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
class SquaredHinge(_MeanLossMetric):
    """Mean of ``max(0, 1 - y ŷ)²``, labels -1 and 1 or 0 and 1.

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
class CategoricalHinge(_MeanLossMetric):
    """Mean of the hinge loss between the true class and the best wrong class, for one-hot targets.

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


@metric_registry.register("rmse")
class RootMeanSquaredError(MeanOverSamples):
    """Root mean squared error over the whole epoch, ``sqrt(mean((y - ŷ)²))``.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.RootMeanSquaredError()
        >>> float(metric([[0.0], [1.0]], [[2.0], [3.0]]))
        2.0

    Source: Keras `RootMeanSquaredError`.
    """

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return the squared errors; see `MeanOverSamples`."""
        y_true, y_pred = match_shapes("RootMeanSquaredError", y_true, y_pred)
        return jnp.square(y_pred - y_true)

    def result(self) -> Array:
        """Compute the root of the mean."""
        return jnp.sqrt(super().result())


@metric_registry.register("cosine_proximity")
class CosineSimilarity(MeanOverSamples):
    """Mean cosine of the angle between target and prediction: 1 for equal directions.

    The loss of this name has the opposite sign.

    Args:
        name (str | None): See `Metric`. Default: the class name in snake case.
        dtype (str | None): See `Metric`. Default: None.
        axis (int): Axis of the vectors. Default: -1.

    Example:
        >>> import fitwell as fw
        >>> metric = fw.metrics.CosineSimilarity()
        >>> float(metric([[0.0, 2.0]], [[0.0, 1.0]]))
        1.0

    Source: Keras `CosineSimilarity`.
    """

    @validate_params(METRIC_RULES)
    def __init__(self, name: str | None = None, dtype: Any = None, axis: int = -1) -> None:
        super().__init__(name, dtype)
        self.axis = axis

    def values(self, y_true: Any, y_pred: Any) -> Array:
        """Return the cosine for each row; see `MeanOverSamples`."""
        return -losses.cosine_similarity(y_true, y_pred, self.axis)


@metric_registry.register("bce")
class BinaryCrossentropy(LossMetric):
    """Mean of ``-y log p - (1 - y) log(1 - p)``.

    Args:
        name (str | None): See `Metric`. Default: "binary_crossentropy".
        dtype (str | None): See `Metric`. Default: None.
        from_logits (bool): True if predictions are logits. Default: False.
        label_smoothing (float): s in [0, 1]; labels become ``y (1 - s) + s / 2``. Default: 0.0.

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
    """Mean of ``-Σ_k y_k log p_k``, for one-hot targets.

    Args:
        name (str | None): See `Metric`. Default: "categorical_crossentropy".
        dtype (str | None): See `Metric`. Default: None.
        from_logits (bool): True if predictions are logits. Default: False.
        label_smoothing (float): s in [0, 1]; labels become ``y (1 - s) + s / classes``. Default: 0.0.
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
    """Mean of ``-log p_y``, for class indices.

    Differs from Keras: rows of the ignored class are left out; Keras includes them as 0.

    Args:
        name (str | None): See `Metric`. Default: "sparse_categorical_crossentropy".
        dtype (str | None): See `Metric`. Default: None.
        from_logits (bool): True if predictions are logits. Default: False.
        ignore_class (int | None): A class index whose rows are ignored. Default: None.
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
