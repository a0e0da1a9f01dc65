"""The generalized cross-entropy, which is robust to wrong labels."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._param_validation import Real, validate_params
from fitwell._typing import Array
from fitwell.losses.alignment import to_float_predictions
from fitwell.losses.base import LOSS_RULES, FunctionLoss, loss_registry
from fitwell.losses.probabilities import (
    clip_probabilities,
    to_class_indices,
)

__all__ = [
    "CategoricalGeneralizedCrossEntropy",
    "categorical_generalized_cross_entropy",
]


@validate_params(LOSS_RULES)
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: Any = 0.5) -> Array:
    """Compute the generalized cross-entropy ``(1 - p_y^q) / q``, where p_y is the probability of class y.

    Args:
        y_true (ArrayLike): Class indices y, ``[batch, ...]`` or ``[batch, ..., 1]``.
        y_pred (ArrayLike): Probabilities, ``[batch, ..., classes]``.
        q (float): The exponent, above 0 and below 1. Default: 0.5.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> fw.losses.categorical_generalized_cross_entropy([1], [[0.75, 0.25]]).tolist()
        [1.0]
    """
    y_pred = to_float_predictions(y_pred)
    labels = to_class_indices("categorical_generalized_cross_entropy", y_true, y_pred)
    q = jnp.asarray(q, y_pred.dtype)
    is_label = jax.nn.one_hot(labels, y_pred.shape[-1], dtype=jnp.bool_)
    p = jnp.sum(jnp.where(is_label, clip_probabilities(y_pred), 0), axis=-1)
    return (1 - jnp.power(p, q)) / q


@loss_registry.register()
class CategoricalGeneralizedCrossEntropy(FunctionLoss):
    """Generalized cross-entropy ``(1 - p_y^q) / q``, where p_y is the probability of the true class y.

    This loss is less sensitive to wrong labels than cross-entropy. It approaches the cross-entropy as q approaches 0,
    and the absolute error as q approaches 1.

    Args:
        q (float): The exponent, above 0 and below 1. You can change this hyperparameter without recompilation.
            Default: 0.5.
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: "categorical_generalized_cross_entropy".
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.losses.CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]])), 3)
        1.0

    Source: Zhang and Sabuncu, 2018; Keras `CategoricalGeneralizedCrossEntropy`.
    """

    function = categorical_generalized_cross_entropy
    hyperparameters = ("q",)
    casts_targets = False
    vectors_are_rows = False

    @validate_params(LOSS_RULES, q=Real(0, 1, closed="neither"))
    def __init__(
        self,
        q: Any = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.q = q
