"""Margin losses: labels are -1 and 1 (or 0 and 1), predictions any number."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell import _call_context
from fitwell.losses.base import Array, PlainLoss, loss_registry, match_shapes


def _to_signed_labels(y_true: Array) -> Array:
    """Turn the label 0 into -1.

    Keras looks whether *all* labels of the batch are 0 or 1; label by label gives the same for both ways to
    write them and does not depend on which rows share a batch.
    """
    return jnp.where(y_true == 0, -1, y_true)


def hinge(y_true: Any, y_pred: Any) -> Array:
    """Mean over the last axis of ``max(0, 1 - y ŷ)``, y in {-1, 1} or {0, 1}."""
    y_true, y_pred = match_shapes("hinge", y_true, y_pred)
    return jnp.mean(jnp.maximum(1 - _to_signed_labels(y_true) * y_pred, 0), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Array:
    """Mean over the last axis of ``max(0, 1 - y ŷ)²``, y in {-1, 1} or {0, 1}."""
    y_true, y_pred = match_shapes("squared_hinge", y_true, y_pred)
    return jnp.mean(jnp.square(jnp.maximum(1 - _to_signed_labels(y_true) * y_pred, 0)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Array:
    """``max(0, 1 + max_k (1 - y_k) ŷ_k - Σ_k y_k ŷ_k)``, y one-hot, ``[batch, classes]``."""
    y_true, y_pred = match_shapes("categorical_hinge", y_true, y_pred)
    right = jnp.sum(y_true * y_pred, axis=-1)
    best_wrong = jnp.max((1 - y_true) * y_pred, axis=-1)
    return jnp.maximum(best_wrong - right + 1, 0)


def perceptron(y_true: Any, y_pred: Any) -> Array:
    """Mean over the last axis of ``max(0, -y z)``, y in {-1, 1} or {0, 1}; z is `y_pred`, or see `PerceptronLoss`.

    At ``z = 0`` its derivative is ``-y``, so that gradient descent from zero weights makes the perceptron's
    first step: ``w += η y x``.
    """
    y_true, y_pred = match_shapes("perceptron", y_true, y_pred)
    under = _call_context.current().get_cached_logits(y_pred, "threshold")
    wrong = -_to_signed_labels(y_true) * (y_pred if under is None else under)
    return jnp.mean(jnp.where(wrong >= 0, wrong, 0), axis=-1)


@loss_registry.register()
class Hinge(PlainLoss):
    """Hinge loss ``mean(max(0, 1 - y ŷ))``, y in {-1, 1} or {0, 1}: the linear support vector machine."""

    function = hinge


@loss_registry.register()
class SquaredHinge(PlainLoss):
    """Squared hinge loss ``mean(max(0, 1 - y ŷ)²)``, y in {-1, 1} or {0, 1}."""

    function = squared_hinge


@loss_registry.register()
class CategoricalHinge(PlainLoss):
    """Hinge loss between the right class and the best wrong one, one-hot targets.

    Source: Weston and Watkins 1999.
    """

    function = categorical_hinge
    vectors_are_rows = False


@loss_registry.register("perceptron")
class PerceptronLoss(PlainLoss):
    """Perceptron criterion ``mean(max(0, -y z))``, y in {-1, 1} or {0, 1}.

    z is the prediction, or what lies under it when the last layer ends in a threshold unit (``"heaviside"``,
    ``"sign"``). With ``SGD(η)`` and `batch_size` 1 one unit is then trained by the perceptron rule
    ``w += η (y - ŷ) x``, ŷ its output of 0 or 1:

    >>> model = fitwell.Sequential([fitwell.layers.Dense(1, activation="heaviside", input_shape=(4,))])
    >>> model.compile(loss="perceptron", optimizer=fitwell.optimizers.SGD(1.0), metrics=["accuracy"])

    At z = 0 it corrects as scikit-learn's `Perceptron` does, whatever ŷ is there. Several units share the
    mean: each moves by η over their number. Source: Rosenblatt 1957. Not in Keras.
    """

    function = perceptron
