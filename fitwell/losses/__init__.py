"""Losses: what training makes small.

Functions (``mean_squared_error(y_true, y_pred)``) return one value for each row; classes
(``MeanSquaredError()``) reduce them to one number, honouring sample weights and the padding rows of a short
batch. `get` finds a class by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from fitwell._registry import serialize as _serialize
from fitwell.errors import InvalidArgument
from fitwell.losses.base import Loss, LossFunctionWrapper, loss_registry
from fitwell.losses.crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    PerClassCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    kl_divergence,
    per_class_crossentropy,
    sparse_categorical_crossentropy,
)
from fitwell.losses.focal_crossentropy import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
)
from fitwell.losses.hinge_losses import (
    CategoricalHinge,
    Hinge,
    PerceptronLoss,
    SquaredHinge,
    categorical_hinge,
    hinge,
    perceptron,
    squared_hinge,
)
from fitwell.losses.regression_losses import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
)

mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
bce = BCE = binary_crossentropy
kld = KLD = kullback_leibler_divergence = kl_divergence
logcosh = log_cosh

# A built-in function given as a loss stands for its class, whose settings are data.
_FUNCTION_TO_CLASS: dict[Any, type[Loss]] = {
    mean_squared_error: MeanSquaredError,
    mean_absolute_error: MeanAbsoluteError,
    mean_absolute_percentage_error: MeanAbsolutePercentageError,
    mean_squared_logarithmic_error: MeanSquaredLogarithmicError,
    huber: Huber,
    log_cosh: LogCosh,
    poisson: Poisson,
    cosine_similarity: CosineSimilarity,
    hinge: Hinge,
    squared_hinge: SquaredHinge,
    categorical_hinge: CategoricalHinge,
    perceptron: PerceptronLoss,
    binary_crossentropy: BinaryCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
    per_class_crossentropy: PerClassCrossentropy,
    kl_divergence: KLDivergence,
    binary_focal_crossentropy: BinaryFocalCrossentropy,
    categorical_focal_crossentropy: CategoricalFocalCrossentropy,
    categorical_generalized_cross_entropy: CategoricalGeneralizedCrossEntropy,
}


def get(identifier: Any) -> Any:
    """Return the `Loss` that `identifier` stands for; None stays None.

    A name or alias (``"mse"``), a class, an object, a configuration, or a function ``fn(y_true, y_pred)``.
    Any object that is not a `Loss` must be callable and is wrapped.
    """
    loss = _registry_get(identifier)
    if loss is None or isinstance(loss, Loss):
        return loss
    if not callable(loss):
        raise InvalidArgument(
            f"loss: expected a name such as 'mse', a Loss or a function(y_true, y_pred), got {identifier!r}"
        )
    if inspect.isfunction(loss) and loss in _FUNCTION_TO_CLASS:
        return _FUNCTION_TO_CLASS[loss]()
    return LossFunctionWrapper(loss)


def _registry_get(identifier: Any) -> Any:
    if isinstance(identifier, Mapping) and identifier.get("class_name") == "LossFunctionWrapper":
        return LossFunctionWrapper.from_config(identifier.get("config", {}))
    return loss_registry.get(identifier)


def serialize(loss: Any) -> Any:
    """Write `loss` as plain data."""
    return _serialize(loss)


def deserialize(config: Mapping[str, Any] | str | None) -> Any:
    """Return the loss that `serialize` wrote."""
    return get(config)


__all__ = [
    "Loss",
    "LossFunctionWrapper",
    "MeanSquaredError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredLogarithmicError",
    "Huber",
    "LogCosh",
    "Poisson",
    "CosineSimilarity",
    "Hinge",
    "SquaredHinge",
    "CategoricalHinge",
    "PerceptronLoss",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "SparseCategoricalCrossentropy",
    "PerClassCrossentropy",
    "KLDivergence",
    "BinaryFocalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "huber",
    "log_cosh",
    "poisson",
    "cosine_similarity",
    "hinge",
    "squared_hinge",
    "categorical_hinge",
    "perceptron",
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "per_class_crossentropy",
    "kl_divergence",
    "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "mse",
    "MSE",
    "mae",
    "MAE",
    "mape",
    "MAPE",
    "msle",
    "MSLE",
    "bce",
    "BCE",
    "kld",
    "KLD",
    "kullback_leibler_divergence",
    "logcosh",
    "get",
    "serialize",
    "deserialize",
]
