"""Losses: the quantities that training minimizes.

Functions such as ``mean_squared_error(y_true, y_pred)`` return one value for each row. Classes such as
``MeanSquaredError()`` reduce these values to a single number. They apply sample weights and ignore the rows that pad
an incomplete batch. `get` looks up a loss by name.
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
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
)
from fitwell.losses.generalized_crossentropy import (
    CategoricalGeneralizedCrossEntropy,
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

# If a built-in function is passed as a loss, `get` replaces it with its class, because only the class passes
# hyperparameters to the compiled program as arguments.
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
    """Return the loss that an identifier specifies.

    Args:
        identifier (str | type | dict | Callable | Loss | None): A name or alias such as ``"mse"``, a loss class, a
            `Loss` object, a configuration, or a function ``fn(y_true, y_pred)``. Callables that are not `Loss`
            objects are wrapped in `LossFunctionWrapper`.

    Returns:
        Loss | None: The loss, or None if `identifier` is None.

    Raises:
        UnknownName: if no loss has this name. The message suggests the closest name.
        InvalidArgument: if `identifier` is none of the above.

    Example:
        >>> import fitwell as fw
        >>> fw.losses.get("mse").name
        'mean_squared_error'
    """
    loss = _registry_get(identifier)
    if loss is None or isinstance(loss, Loss):
        return loss
    if not callable(loss):
        raise InvalidArgument(
            "expected a name such as 'mse', a Loss or a function fn(y_true, y_pred) as the loss, "
            f"got {identifier!r}"
        )
    if inspect.isfunction(loss) and loss in _FUNCTION_TO_CLASS:
        return _FUNCTION_TO_CLASS[loss]()
    return LossFunctionWrapper(loss)


def _registry_get(identifier: Any) -> Any:
    if isinstance(identifier, Mapping) and identifier.get("class_name") == "LossFunctionWrapper":
        return LossFunctionWrapper.from_config(identifier.get("config", {}))
    return loss_registry.get(identifier)


def serialize(loss: Any) -> Any:
    """Return the configuration of a loss as JSON-compatible data.

    Args:
        loss (Loss): The loss.

    Returns:
        dict: The configuration ``{"class_name": ..., "config": ...}``, which you can pass to `deserialize`.

    Example:
        >>> import fitwell as fw
        >>> config = fw.losses.serialize(fw.losses.Huber(delta=2.0))
        >>> config["class_name"], type(fw.losses.deserialize(config)).__name__
        ('Huber', 'Huber')
    """
    return _serialize(loss)


def deserialize(config: Mapping[str, Any] | str | None) -> Any:
    """Create a loss from a configuration that `serialize` returned.

    Args:
        config (dict | str | None): The configuration, or the name of a loss.

    Returns:
        Loss | None: The loss, or None if `config` is None.

    Example:
        >>> import fitwell as fw
        >>> config = fw.losses.serialize(fw.losses.Huber(delta=2.0))
        >>> config["class_name"], type(fw.losses.deserialize(config)).__name__
        ('Huber', 'Huber')
    """
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


def __dir__() -> list[str]:
    return sorted(__all__)
