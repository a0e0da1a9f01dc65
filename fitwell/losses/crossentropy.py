"""Cross-entropy losses for classification, and the Kullback-Leibler divergence."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell import config as settings
from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.losses.alignment import match_shapes, to_float_predictions
from fitwell.losses.base import LOSS_RULES, FunctionLoss, loss_registry
from fitwell.losses.probabilities import (
    binary_crossentropy_terms,
    clip_probabilities,
    compute_log_probabilities,
    find_logits,
    smooth_labels,
    to_class_indices,
    warn_if_single_unit,
)

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "KLDivergence",
    "PerClassCrossentropy",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "kl_divergence",
    "per_class_crossentropy",
    "sparse_categorical_crossentropy",
]


@validate_params(LOSS_RULES)
def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: Any = 0.0, axis: int = -1
) -> Array:
    """Compute the binary cross-entropy, the mean of ``-y log p - (1 - y) log(1 - p)`` along `axis`.

    Args:
        y_true (ArrayLike): Labels (0 or 1) or probabilities, ``[batch, ..., d]``.
        y_pred (ArrayLike): Probabilities of the same shape, or logits if `from_logits` is True.
        from_logits (bool): Whether `y_pred` contains logits. If True, this function applies the sigmoid.
            Default: False.
        label_smoothing (float): A number s from 0 to 1. Labels become ``y (1 - s) + s / 2``. Default: 0.0.
        axis (int): Axis along which to take the mean. Default: -1.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.losses.binary_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])[0]), 3)
        0.693
    """
    y_true, y_pred = match_shapes("binary_crossentropy", y_true, y_pred)
    return jnp.mean(
        binary_crossentropy_terms(smooth_labels(y_true, label_smoothing, 0.5), y_pred, from_logits), axis=axis
    )


@validate_params(LOSS_RULES)
def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: Any = 0.0, axis: int = -1
) -> Array:
    """Compute the categorical cross-entropy ``-Σ_k y_k log p_k`` along `axis`.

    Args:
        y_true (ArrayLike): One-hot labels or probabilities, ``[batch, ..., classes]``.
        y_pred (ArrayLike): Probabilities of the same shape, or logits if `from_logits` is True.
        from_logits (bool): Whether `y_pred` contains logits. If True, this function applies the softmax.
            Default: False.
        label_smoothing (float): A number s from 0 to 1. Labels become ``y (1 - s) + s / classes``. Default: 0.0.
        axis (int): Axis of the classes. Default: -1.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.losses.categorical_crossentropy([[0.0, 1.0]], [[0.0, 1.0]], from_logits=True)[0]), 3)
        0.313
    """
    y_true, y_pred = match_shapes("categorical_crossentropy", y_true, y_pred)
    warn_if_single_unit("categorical_crossentropy", y_pred)
    y_true = smooth_labels(y_true, label_smoothing, 1 / y_true.shape[axis])
    return -jnp.sum(y_true * compute_log_probabilities(y_pred, from_logits, axis), axis=axis)


@validate_params(LOSS_RULES)
def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Array:
    """Compute the cross-entropy ``-log p_y`` for class indices.

    The loss is NaN if a class index is not between 0 and ``classes - 1``. Keras returns 0 instead, which hides the
    mistake.

    Args:
        y_true (ArrayLike): 0-based class indices as integers or floats, ``[batch, ...]`` or ``[batch, ..., 1]``.
        y_pred (ArrayLike): Probabilities, ``[batch, ..., classes]``, or logits if `from_logits` is True.
        from_logits (bool): Whether `y_pred` contains logits. If True, this function applies the softmax.
            Default: False.
        ignore_class (int | None): A class index to ignore. Rows of this class have a loss of 0, and
            `SparseCategoricalCrossentropy` also excludes them from its mean. Default: None.
        axis (int): Axis of the classes. Default: -1.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.losses.sparse_categorical_crossentropy([1, 0], [[0.0, 1.0], [0.5, 0.5]])[1]), 3)
        0.693
    """
    y_pred = to_float_predictions(y_pred)
    labels = to_class_indices("sparse_categorical_crossentropy", y_true, y_pred, axis)
    log_p = compute_log_probabilities(y_pred, from_logits, axis)
    # Compare with all classes instead of gathering. The gradient of a gather is a scatter, which is slow on CPUs.
    classes = log_p.shape[axis]
    is_label = jax.nn.one_hot(labels, classes, axis=axis, dtype=jnp.bool_)
    values = -jnp.sum(jnp.where(is_label, log_p, 0), axis=axis)
    values = jnp.where((labels >= 0) & (labels < classes), values, jnp.nan)
    return values if ignore_class is None else jnp.where(labels == ignore_class, 0, values)


@validate_params(LOSS_RULES)
def per_class_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False) -> Array:
    """Compute the binary cross-entropy summed over all classes, ``Σ_k -y_k log p_k - (1 - y_k) log(1 - p_k)``.

    If logits are available, ``log(1 - p_k)`` is computed from the logits of the other classes, so the result is
    accurate even if p_k is close to 1.

    Args:
        y_true (ArrayLike): One-hot labels, ``[batch, ..., classes]``.
        y_pred (ArrayLike): Class probabilities of the same shape, or logits if `from_logits` is True.
        from_logits (bool): Whether `y_pred` contains logits. If True, this function applies the softmax.
            Default: False.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.losses.per_class_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])[0]), 3)
        1.386
    """
    y_true, y_pred = match_shapes("per_class_crossentropy", y_true, y_pred)
    logits = find_logits(y_pred, "softmax", from_logits)
    if logits is None:
        p = clip_probabilities(y_pred / jnp.sum(y_pred, axis=-1, keepdims=True))
        return -jnp.sum(y_true * jnp.log(p) + (1 - y_true) * jnp.log(1 - p), axis=-1)
    return -jnp.sum(y_true * jax.nn.log_softmax(logits) + (1 - y_true) * _log1m_softmax(logits), axis=-1)


def _log1m_softmax(logits: Array) -> Array:
    """Compute ``log(1 - softmax(logits))`` without cancellation."""
    largest = jax.nn.one_hot(jnp.argmax(logits, axis=-1), logits.shape[-1], dtype=jnp.bool_)
    shifted = logits - jax.lax.stop_gradient(jnp.max(logits, axis=-1, keepdims=True))
    terms = jnp.exp(shifted)
    total = jnp.sum(terms, axis=-1, keepdims=True)
    # The largest term is 1. Subtracting a smaller term from the sum is accurate, because at least 1 remains. For the
    # largest term, the sum of all other terms is computed separately.
    others = jnp.log(jnp.where(largest, 1, total - terms))
    runners_up = jax.nn.logsumexp(jnp.where(largest, -jnp.inf, shifted), axis=-1, keepdims=True)
    return jnp.where(largest, runners_up, others) - jnp.log(total)


def kl_divergence(y_true: Any, y_pred: Any) -> Array:
    """Compute the Kullback-Leibler divergence ``Σ_k y_k log(y_k / p_k)`` along the last axis.

    Both distributions are clipped to ``[1e-7, 1]``.

    Args:
        y_true (ArrayLike): Probabilities, ``[batch, ..., classes]``.
        y_pred (ArrayLike): Predicted probabilities of the same shape.

    Returns:
        Array: Loss values of shape ``[batch, ...]``.

    Example:
        >>> import fitwell as fw
        >>> fw.losses.kl_divergence([[0.5, 0.5]], [[0.5, 0.5]]).tolist()
        [0.0]
    """
    y_true, y_pred = match_shapes("kl_divergence", y_true, y_pred)
    y_true, y_pred = (jnp.clip(p, settings.epsilon(), 1) for p in (y_true, y_pred))
    return jnp.sum(y_true * jnp.log(y_true / y_pred), axis=-1)


@loss_registry.register("bce")
class BinaryCrossentropy(FunctionLoss):
    """Binary cross-entropy ``mean(-y log p - (1 - y) log(1 - p))``, for two classes or multiple labels per row.

    Args:
        from_logits (bool): Whether the predictions are logits. Default: False.
        label_smoothing (float): A number s from 0 to 1. Labels become ``y (1 - s) + s / 2``. You can change this
            hyperparameter without recompilation. Default: 0.0.
        axis (int): Axis along which to take the mean. Default: -1.
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.losses.BinaryCrossentropy()([[0.0], [1.0]], [[0.5], [0.5]])), 3)
        0.693

    Source: Keras `BinaryCrossentropy`.
    """

    function = binary_crossentropy
    hyperparameters = ("label_smoothing",)

    @validate_params(LOSS_RULES)
    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: Any = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


@loss_registry.register("cce")
class CategoricalCrossentropy(FunctionLoss):
    """Cross-entropy ``-Σ_k y_k log p_k`` for one-hot targets ``[batch, classes]``.

    Args:
        from_logits (bool): Whether the predictions are logits. Default: False.
        label_smoothing (float): A number s from 0 to 1. Labels become ``y (1 - s) + s / classes``. You can change
            this hyperparameter without recompilation. Default: 0.0.
        axis (int): Axis of the classes. Default: -1.
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.losses.CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 3)
        0.693

    Source: Keras `CategoricalCrossentropy`; Szegedy et al., 2016, for label smoothing.
    """

    function = categorical_crossentropy
    hyperparameters = ("label_smoothing",)
    vectors_are_rows = False

    @validate_params(LOSS_RULES)
    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: Any = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


@loss_registry.register("scce")
class SparseCategoricalCrossentropy(FunctionLoss):
    """Cross-entropy ``-log p_y`` for class indices ``[batch]`` or ``[batch, 1]``.

    Args:
        from_logits (bool): Whether the predictions are logits. Default: False.
        ignore_class (int | None): A class index to ignore. Its rows are excluded from the loss. Default: None.
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        axis (int): Axis of the classes. Default: -1.
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.losses.SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 3)
        0.693

    Source: Keras `SparseCategoricalCrossentropy`.
    """

    function = sparse_categorical_crossentropy
    casts_targets = False
    vectors_are_rows = False

    @validate_params(LOSS_RULES)
    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def mask(self, y_true: Any) -> Array | None:
        """Return a mask that is False for rows of the ignored class. See `Loss.mask`."""
        return None if self.ignore_class is None else jnp.asarray(y_true) != self.ignore_class


@loss_registry.register()
class PerClassCrossentropy(FunctionLoss):
    """Binary cross-entropy summed over all classes, ``Σ_k -y_k log p_k - (1 - y_k) log(1 - p_k)``.

    The targets are one-hot, and p is the output of a softmax. Unlike `CategoricalCrossentropy`, this loss
    also penalizes the probability of each wrong class directly. Textbooks that derive the cross-entropy from logistic
    units use this form. The closest loss in Keras is `binary_crossentropy` after a softmax, which takes the mean over
    the classes instead of the sum.

    Args:
        from_logits (bool): Whether the predictions are logits. Default: False.
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.losses.PerClassCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 3)
        1.386
    """

    function = per_class_crossentropy
    vectors_are_rows = False

    @validate_params(LOSS_RULES)
    def __init__(
        self,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.from_logits = from_logits


@loss_registry.register("kld", "kullback_leibler_divergence")
class KLDivergence(FunctionLoss):
    """Kullback-Leibler divergence ``Σ_k y_k log(y_k / p_k)`` between targets y and predicted probabilities p.

    Args:
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.

    Example:
        >>> import fitwell as fw
        >>> round(float(fw.losses.KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]])), 3)
        0.0

    Source: Keras `KLDivergence`.
    """

    function = kl_divergence
    vectors_are_rows = False
