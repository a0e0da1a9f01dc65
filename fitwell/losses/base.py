"""`Loss`: alignment of targets and predictions, and reduction of the values of the rows to one number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from fitwell import _call_context
from fitwell import config as settings
from fitwell._deprecation import warn_deprecated
from fitwell._param_validation import (
    CallableRule,
    DType,
    Integer,
    Options,
    Real,
    Rule,
    String,
    validate_params,
)
from fitwell._registry import Configurable, Registry, serialize, snake_case
from fitwell.errors import NotDefined, ShapeError
from fitwell.losses.user_functions import check_takes_targets_and_predictions, convert_returned_value

Array = jax.Array
LossFunction = Callable[..., Any]

loss_registry = Registry("loss")

REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)
# Rules for arguments that many losses share.
LOSS_RULES: dict[str, Rule] = {
    "name": String() | None,
    "reduction": Options(*(word for word in REDUCTIONS if word is not None), "auto") | None,
    "dtype": DType() | None,
    "label_smoothing": Real(0, 1),
    "gamma": Real(0),
    "ignore_class": Integer() | None,
    "delta": Real(0, closed="right"),
    "q": Real(0, 1, closed="neither"),
}


# --- shapes and types ---------------------------------------------------------------------------------------


def to_float_predictions(y_pred: Any, dtype: Any = None) -> Array:
    """Convert predictions to an array of floats, of type `dtype` if given.

    An array that needs no change is returned as the same object, so that its logits remain known.
    """
    array = jnp.asarray(y_pred)
    if dtype is None:
        dtype = array.dtype if jnp.issubdtype(array.dtype, jnp.inexact) else settings.float_dtype()
    return _map_with_logits(array, lambda x: x.astype(dtype)) if array.dtype != jnp.dtype(dtype) else array


def _map_with_logits(output: Array, change: Callable[[Array], Array]) -> Array:
    """Return ``change(output)``, and note its logits if `output` is the softmax, sigmoid or threshold of known ones."""
    changed = change(output)
    if _call_context.in_call_context():
        current = _call_context.current()
        for kind in ("sigmoid", "softmax", "threshold"):
            logits = current.get_cached_logits(output, kind)
            if logits is not None:
                current.cache_logits(changed, kind, change(logits))
    return changed


def squeeze_or_expand_to_same_rank(y_true: Array, y_pred: Array) -> tuple[Array, Array]:
    """Squeeze or expand a trailing axis of size 1 so that targets and predictions have the same rank.

    ``[n]`` and ``[n, 1]`` become ``[n, 1]``; ``[n, t]`` and ``[n, t, 1]`` become ``[n, t]``. Other shapes do not
    change.
    """
    if y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
        if y_true.ndim == 1:
            return y_true[:, None], y_pred
        return y_true, _map_with_logits(y_pred, lambda x: jnp.squeeze(x, -1))
    if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        if y_pred.ndim == 1:
            return y_true, _map_with_logits(y_pred, lambda x: x[:, None])
        return jnp.squeeze(y_true, -1), y_pred
    return y_true, y_pred


def match_shapes(loss: str, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    """Convert targets and predictions to arrays of one float type and one shape; raise `ShapeError` if they differ."""
    y_pred = to_float_predictions(y_pred)
    y_true, y_pred = squeeze_or_expand_to_same_rank(jnp.asarray(y_true).astype(y_pred.dtype), y_pred)
    if y_true.shape != y_pred.shape:
        hint = "The last layer needs one unit for each target of a row."
        if y_true.size and y_pred.ndim > 1 and y_true.shape in (y_pred.shape[:-1], (*y_pred.shape[:-1], 1)):
            hint = (
                "If the targets are class indices, use sparse_categorical_crossentropy; if they are values, "
                "the last layer must have one unit."
            )
        raise ShapeError(
            f"{loss}: targets of shape {y_true.shape} do not fit predictions of shape {y_pred.shape}. {hint}"
        )
    return y_true, y_pred


# --- reduction ----------------------------------------------------------------------------------------------


def _expand_weights(weights: Array, values: Array, what: str, loss: str) -> Array:
    """Reshape `weights`, one for each row or value, so that they broadcast against `values`."""
    while weights.ndim > values.ndim and weights.shape[-1] == 1:
        weights = jnp.squeeze(weights, -1)
    fits = weights.ndim <= values.ndim and all(
        given in (1, size) for given, size in zip(weights.shape, values.shape, strict=False)
    )
    if not fits:
        raise ShapeError(
            f"{loss}: {what} of shape {weights.shape} do not fit loss values of shape {values.shape}; "
            "give one weight for each row, or one for each loss value of the rows"
        )
    return weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim))


def reduce_values(
    values: Array,
    sample_weight: Any = None,
    reduction: str | None = None,
    mask: Array | None = None,
    loss: str = "loss",
) -> Array:
    """Reduce loss values to one number, by the rules of `Loss`.

    Args:
        values (Array): Loss values, ``[batch, ...]``.
        sample_weight (ArrayLike | None): Weights, ``[batch]`` or any leading shape of `values`. Default: None.
        reduction (str | None): One of `REDUCTIONS`. Default: None.
        mask (Array | None): Booleans of a leading shape of `values`; values where it is False are ignored. Rows that
            the surrounding call marks as padding are ignored, too. Default: None.
        loss (str): Name of the loss for error messages. Default: "loss".

    Returns:
        Array: A scalar, or the weighted values without reduction.

    Raises:
        ShapeError: if the weights do not match the values, or if a single value for the whole batch would have to be
            weighted.
    """
    rows = _call_context.current().sample_mask
    if values.ndim == 0:
        if sample_weight is not None or rows is not None:
            raise ShapeError(
                f"{loss} returned one number for the whole batch, so its rows cannot be weighted or left out."
                " Return one value for each row, for instance mean(..., axis=-1) instead of mean(...)."
            )
        return values
    valid = None
    for part in (mask, rows):
        if part is not None:
            counts = _expand_weights(jnp.asarray(part) != 0, values, "row weights", loss)
            valid = counts if valid is None else valid & counts
    if valid is not None:
        # Select instead of multiplying by 0: padding rows may hold any value, including NaN.
        values = jnp.where(valid, values, 0)
    weights = None
    if sample_weight is not None:
        weights = _expand_weights(
            jnp.asarray(sample_weight).astype(values.dtype), values, "sample weights", loss
        )
        values = values * weights
    if reduction in (None, "none"):
        return values
    total = jnp.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weights is not None:
        kept = weights if valid is None else jnp.where(valid, weights, 0)
        count = jnp.sum(jnp.broadcast_to(kept, values.shape))
    elif valid is None:
        return total / max(values.size, 1)
    elif mask is None:
        rows_in = jnp.maximum(_call_context.num_valid_rows(values.dtype), 1)  # padding only: 0, not NaN
        return total / (rows_in * (values.size // values.shape[0]))
    else:
        count = jnp.sum(valid).astype(values.dtype) * (values.size // max(valid.size, 1))
    return jnp.where(count == 0, 0, total / jnp.where(count == 0, 1, count))


# --- the classes --------------------------------------------------------------------------------------------


class Loss(Configurable):
    """Base class of all losses.

    A subclass overrides ``call(y_true, y_pred)``, which returns one value for each row, ``[batch]``, or several,
    ``[batch, ...]``. Calling the loss reduces these values to one number:

    - ``"sum_over_batch_size"`` (default) or ``"mean"``: the sum of ``weight * value`` over the *number* of values;
    - ``"sum"``: the sum of ``weight * value``;
    - ``"mean_with_sample_weight"``: the sum of ``weight * value`` over the sum of the weights;
    - ``"none"`` or None: no reduction.

    Padding rows of a short batch are left out of the sums and of the counts. Before `call`, targets are cast to the
    type of the predictions, and ``[n]`` is aligned with ``[n, 1]`` (never broadcast against it).

    Args:
        name (str | None): Name of the loss. Default: the class name in snake case, ``huber_loss`` for ``HuberLoss``.
        reduction (str | None): How values are reduced; see above. ``"auto"``, a deprecated value, means the default.
            Default: "sum_over_batch_size".
        dtype (str | None): Type of the computation. Default: None, the type of the predictions, or `config.floatx` for
            16-bit predictions.

    Differs from Keras: weights with fewer axes than the values are aligned with the leading axes, and
    ``"mean_with_sample_weight"`` divides by the weights of all values if one weight applies to several.

    Example:
        >>> import fitwell as fw
        >>> class SquaredError(fw.losses.Loss):
        ...     def call(self, y_true, y_pred):
        ...         return (y_true - y_pred) ** 2
        >>> loss = SquaredError()
        >>> loss.name, float(loss([[1.0], [2.0]], [[1.0], [4.0]]))
        ('squared_error', 2.0)

    Source: Keras `Loss`.
    """

    # True if targets are cast to the type of the predictions. Class indices are not: above 2048, float16 does not
    # represent every integer.
    casts_targets: ClassVar[bool] = True
    # True if a vector [n] holds n rows of one value each, rather than one row.
    vectors_are_rows: ClassVar[bool] = True

    reduction: str | None = "sum_over_batch_size"
    dtype: Any = None

    @validate_params(LOSS_RULES)
    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        if reduction == "auto":
            warn_deprecated("reduction='auto'", "reduction='sum_over_batch_size'")
            reduction = "sum_over_batch_size"
        self.name = name or snake_case(type(self).__name__)
        self.reduction = reduction
        self.dtype = None if dtype is None else jnp.dtype(dtype).name

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Compute the values of the rows.

        Args:
            y_true (Array): Targets, ``[batch, ...]``.
            y_pred (Array): Predictions, ``[batch, ...]``.

        Returns:
            Array: ``[batch]`` or ``[batch, ...]``.

        Raises:
            NotDefined: if the subclass does not define it.
        """
        raise NotDefined(f"{type(self).__name__} must define call(self, y_true, y_pred)")

    def mask(self, y_true: Any) -> Array | None:
        """Return a mask of the values that are used.

        Args:
            y_true (Array): Targets, ``[batch, ...]``.

        Returns:
            Array | None: Booleans of a leading shape of the values; None (the default) uses all values.
        """
        return None

    def unreduced(self, y_true: Any, y_pred: Any) -> Array:
        """Compute the values before reduction: `call` on prepared targets and predictions.

        Args:
            y_true (ArrayLike): Targets, ``[batch, ...]``.
            y_pred (ArrayLike): Predictions, ``[batch, ...]``.

        Returns:
            Array: ``[batch]`` or ``[batch, ...]``.
        """
        y_true, y_pred = self._prepare(y_true, y_pred)
        return convert_returned_value(self.call(y_true, y_pred), f"loss {self._label()!r}")

    def _prepare(self, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
        y_pred = to_float_predictions(y_pred, self.dtype)
        if self.dtype is None and y_pred.dtype.itemsize <= 2:
            y_pred = to_float_predictions(y_pred, settings.float_dtype())
        y_true = jnp.asarray(y_true)
        if self.casts_targets:
            y_true = y_true.astype(y_pred.dtype)
        if self.vectors_are_rows and y_true.ndim == y_pred.ndim == 1:
            return y_true[:, None], _map_with_logits(y_pred, lambda x: x[:, None])
        return squeeze_or_expand_to_same_rank(y_true, y_pred)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Array:
        """Compute the reduced loss.

        Args:
            y_true (ArrayLike): Targets, ``[batch, ...]``.
            y_pred (ArrayLike): Predictions, ``[batch, ...]``.
            sample_weight (ArrayLike | None): Weights, ``[batch]`` or one for each value. Default: None.

        Returns:
            Array: A scalar, or the values if `reduction` is None.
        """
        values = self.unreduced(y_true, y_pred)
        return reduce_values(
            values, sample_weight, self.reduction, self.mask(jnp.asarray(y_true)), self._label()
        )

    def _label(self) -> str:
        return getattr(self, "name", snake_case(type(self).__name__))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor as plain data.

        Returns:
            dict: Name, reduction, and all other arguments that are attributes of the same name.
        """
        config: dict[str, Any] = {"name": self._label(), "reduction": self.reduction}
        if self.dtype is not None:
            config["dtype"] = self.dtype
        return config | config_from_attributes(self, ("name", "reduction", "dtype"))


def config_from_attributes(thing: Configurable, but: tuple[str, ...]) -> dict[str, Any]:
    """Return the constructor arguments that are attributes of `thing`, as plain data, except those in `but`."""
    names = [name for name in thing._arguments() if name not in but and hasattr(thing, name)]
    return {name: serialize(getattr(thing, name)) for name in names}


class PlainLoss(Loss):
    """Base class of built-in losses without hyperparameters: a subclass names the function.

    Args:
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the class name in snake case.
        dtype (str | None): See `Loss`. Default: None.
    """

    function: ClassVar[LossFunction]

    @validate_params(LOSS_RULES)
    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Array:
        """Compute the values of the rows; see `Loss.call`."""
        return type(self).function(y_true, y_pred)


class LossFunctionWrapper(Loss):
    """Wrap a function ``fn(y_true, y_pred, **settings)`` as a `Loss`.

    The function should return one value for each row. A single number for the whole batch works, too, as long as no row
    has to be weighted or left out; otherwise the call raises `ShapeError`.

    Args:
        fn (Callable): The function.
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the name of the function.
        dtype (str | None): See `Loss`. Default: None.
        **settings: Further keyword arguments for each call of `fn`.

    Raises:
        InvalidArgument: if `fn` cannot be called with two arrays.

    Example:
        >>> import fitwell as fw
        >>> def scaled_error(y_true, y_pred, scale):
        ...     return scale * abs(y_true - y_pred).mean(axis=-1)
        >>> loss = fw.losses.LossFunctionWrapper(scaled_error, scale=10.0)
        >>> float(loss([[1.0], [2.0]], [[1.0], [4.0]]))
        10.0

    Source: Keras `LossFunctionWrapper`.
    """

    @validate_params(LOSS_RULES, fn=CallableRule("a function of y_true and y_pred"))
    def __init__(
        self,
        fn: LossFunction,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **settings: Any,
    ) -> None:
        check_takes_targets_and_predictions(fn, "a loss", **settings)
        super().__init__(name or get_function_name(fn), reduction, dtype)
        self.fn = fn
        self.settings = settings

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return ``fn(y_true, y_pred, **settings)``."""
        return self.fn(y_true, y_pred, **self.settings)

    def get_config(self) -> dict[str, Any]:
        """Return the name of the function and all other arguments as plain data."""
        return super().get_config() | {"fn": serialize(self.fn)} | dict(serialize(self.settings))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Build the loss; the function is looked up among built-in and registered ones."""
        fn = config["fn"]
        return cls(**{**config, "fn": loss_registry.lookup(fn) if isinstance(fn, str) else fn})


def get_function_name(fn: Any) -> str:
    """Return the name of a user-defined function or callable in snake case.

    As in Keras 3, the name of ``def RMSE`` is ``"rmse"``.
    """
    name = getattr(fn, "__name__", None) or getattr(getattr(fn, "func", None), "__name__", None)
    return snake_case(name or type(fn).__name__)
