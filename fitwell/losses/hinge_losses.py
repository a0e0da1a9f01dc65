"""Hinge losses for labels -1 and 1 (or 0 and 1). Predictions can be any real numbers."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell import _call_context
from fitwell._typing import Array
from fitwell.losses.alignment import match_shapes
from fitwell.losses.base import FunctionLoss, loss_registry

__all__ = [
    "CategoricalHinge",
    "Hinge",
    "PerceptronLoss",
    "SquaredHinge",
    "categorical_hinge",
    "hinge",
    "perceptron",
    "squared_hinge",
]


def _to_signed_labels(y_true: Array) -> Array:
    """Replace the label 0 with -1.

    Keras replaces labels only if *all* labels in the batch are 0 or 1. Replacing each label separately gives the same
    result for both conventions and does not depend on which rows are in the same batch.
    """
    return jnp.where(y_true == 0, -1, y_true)


def hinge(y_true: Any, y_pred: Any) -> Array:
    """Compute the hinge loss, the mean of ``max(0, 1 - y ŷ)`` over the last axis.

    Args:
        y_true (ArrayLike): Labels in {-1, 1} or {0, 1}, ``[batch, ..., d]``.
        y_pred (ArrayLike): Predictions of the same shape.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> fw.losses.hinge([[1.0, -1.0]], [[0.5, -2.0]]).tolist()
        [0.25]
    """
    y_true, y_pred = match_shapes("hinge", y_true, y_pred)
    return jnp.mean(jnp.maximum(1 - _to_signed_labels(y_true) * y_pred, 0), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Array:
    """Compute the squared hinge loss, the mean of ``max(0, 1 - y ŷ)²`` over the last axis.

    Args:
        y_true (ArrayLike): Labels in {-1, 1} or {0, 1}, ``[batch, ..., d]``.
        y_pred (ArrayLike): Predictions of the same shape.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> fw.losses.squared_hinge([[1.0, -1.0]], [[0.5, -2.0]]).tolist()
        [0.125]
    """
    y_true, y_pred = match_shapes("squared_hinge", y_true, y_pred)
    return jnp.mean(jnp.square(jnp.maximum(1 - _to_signed_labels(y_true) * y_pred, 0)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Array:
    """Compute the categorical hinge loss ``max(0, 1 + max_k (1 - y_k) ŷ_k - Σ_k y_k ŷ_k)``.

    Args:
        y_true (ArrayLike): One-hot labels, ``[batch, classes]``.
        y_pred (ArrayLike): Scores of the same shape.

    Returns:
        Array: Loss values of shape ``[batch]``.

    Example:
        >>> import fitwell as fw
        >>> fw.losses.categorical_hinge([[0.0, 1.0]], [[0.5, 1.0]]).tolist()
        [0.5]
    """
    y_true, y_pred = match_shapes("categorical_hinge", y_true, y_pred)
    right = jnp.sum(y_true * y_pred, axis=-1)
    best_wrong = jnp.max((1 - y_true) * y_pred, axis=-1)
    return jnp.maximum(best_wrong - right + 1, 0)


def perceptron(y_true: Any, y_pred: Any) -> Array:
    """Compute the perceptron loss, the mean of ``max(0, -y z)`` over the last axis.

    If `y_pred` is the output of a threshold activation in the current call, z is the input of this activation.
    Otherwise, z is `y_pred`. At ``z = 0``, the derivative is ``-y``, so gradient descent from zero weights starts with
    the perceptron rule's first step, ``w += η y x``.

    Args:
        y_true (ArrayLike): Labels in {-1, 1} or {0, 1}, ``[batch, ..., d]``.
        y_pred (ArrayLike): Predictions of the same shape.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> fw.losses.perceptron([[1.0, -1.0]], [[-0.5, -2.0]]).tolist()
        [0.25]
    """
    y_true, y_pred = match_shapes("perceptron", y_true, y_pred)
    under = _call_context.current_call_context().get_cached_logits(y_pred, "threshold")
    wrong = -_to_signed_labels(y_true) * (y_pred if under is None else under)
    return jnp.mean(jnp.where(wrong >= 0, wrong, 0), axis=-1)


@loss_registry.register()
class Hinge(FunctionLoss):
    """Hinge loss ``mean(max(0, 1 - y ŷ))`` for labels in {-1, 1} or {0, 1}.

    Linear support vector machines minimize this loss.

    Args:
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> float(fw.losses.Hinge()([[1.0], [-1.0]], [[0.5], [-2.0]]))
        0.25

    Source: Keras `Hinge`.
    """

    function = hinge


@loss_registry.register()
class SquaredHinge(FunctionLoss):
    """Squared hinge loss ``mean(max(0, 1 - y ŷ)²)`` for labels in {-1, 1} or {0, 1}.

    Args:
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> float(fw.losses.SquaredHinge()([[1.0], [-1.0]], [[0.5], [-2.0]]))
        0.125

    Source: Keras `SquaredHinge`.
    """

    function = squared_hinge


@loss_registry.register()
class CategoricalHinge(FunctionLoss):
    """Hinge loss between the true class and the wrong class with the highest score, for one-hot targets.

    Args:
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> float(fw.losses.CategoricalHinge()([[0.0, 1.0]], [[0.5, 1.0]]))
        0.5

    Source: Weston and Watkins, 1999; Keras `CategoricalHinge`.
    """

    function = categorical_hinge
    vectors_are_rows = False


@loss_registry.register("perceptron")
class PerceptronLoss(FunctionLoss):
    """Perceptron loss ``mean(max(0, -y z))`` for labels in {-1, 1} or {0, 1}.

    Keras does not have this loss.

    If the last layer's activation is a threshold (``"heaviside"`` or ``"sign"``), z is the input of this activation.
    Otherwise, z is the prediction. Training a single ``"heaviside"`` unit with ``SGD(η)`` and a batch size of 1 follows
    the perceptron rule ``w += η (y - ŷ) x``, where ŷ is the unit's output.

    At z = 0, the weights are updated for either label, as in scikit-learn's `Perceptron`. If the layer has multiple
    units, the loss is the mean over the units, so the step size for each unit is η divided by the number of units.

    Args:
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> model = fw.Sequential([fw.layers.Dense(1, activation="heaviside", input_shape=(4,))])
        >>> model.compile(loss="perceptron", optimizer=fw.optimizers.SGD(1.0), metrics=["accuracy"])

    Source: Rosenblatt, 1957.
    """

    function = perceptron
