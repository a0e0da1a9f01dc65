"""`Loss`: how targets meet predictions, and how per-row values become one number."""

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
# The rules of arguments that many losses have.
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
    """Return predictions as an array of floats, of `dtype` if given.

    An array that needs no change comes back as the same object, so that its logits stay known.
    """
    array = jnp.asarray(y_pred)
    if dtype is None:
        dtype = array.dtype if jnp.issubdtype(array.dtype, jnp.inexact) else settings.float_dtype()
    return _map_with_logits(array, lambda x: x.astype(dtype)) if array.dtype != jnp.dtype(dtype) else array


def _map_with_logits(output: Array, change: Callable[[Array], Array]) -> Array:
    """Return ``change(output)``, known as a softmax, sigmoid or threshold of changed logits if `output` is one."""
    changed = change(output)
    if _call_context.in_call_context():
        current = _call_context.current()
        for kind in ("sigmoid", "softmax", "threshold"):
            logits = current.get_cached_logits(output, kind)
            if logits is not None:
                current.cache_logits(changed, kind, change(logits))
    return changed


def squeeze_or_expand_to_same_rank(y_true: Array, y_pred: Array) -> tuple[Array, Array]:
    """Give targets and predictions the same rank where one has a last axis of size 1 too many.

    ``[n]`` meets ``[n, 1]`` as ``[n, 1]``; ``[n, t]`` meets ``[n, t, 1]`` as ``[n, t]``. Nothing else
    changes.
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
    """Return targets and predictions as arrays of one float type and one shape, or raise `ShapeError`."""
    y_pred = to_float_predictions(y_pred)
    y_true, y_pred = squeeze_or_expand_to_same_rank(jnp.asarray(y_true).astype(y_pred.dtype), y_pred)
    if y_true.shape != y_pred.shape:
        hint = "The last layer needs one unit for each target of a row."
        if y_true.size and y_pred.ndim > 1 and y_true.shape in (y_pred.shape[:-1], (*y_pred.shape[:-1], 1)):
            hint = (
                "If the targets are class numbers, use sparse_categorical_crossentropy; if they are values, "
                "the last layer must have one unit."
            )
        raise ShapeError(
            f"{loss}: targets of shape {y_true.shape} do not fit predictions of shape {y_pred.shape}. {hint}"
        )
    return y_true, y_pred


# --- reduction ----------------------------------------------------------------------------------------------


def _expand_weights(weights: Array, values: Array, what: str, loss: str) -> Array:
    """Return `weights`, one for each row or value, with axes of size 1 appended."""
    while weights.ndim > values.ndim and weights.shape[-1] == 1:
        weights = jnp.squeeze(weights, -1)
    fits = weights.ndim <= values.ndim and all(
        given in (1, size) for given, size in zip(weights.shape, values.shape, strict=False)
    )
    if not fits:
        raise ShapeError(
            f"{loss}: {what} of shape {weights.shape} do not fit loss values of shape {values.shape}; "
            "give one weight for each row, or for each value that the loss gives a row"
        )
    return weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim))


def reduce_values(
    values: Array,
    sample_weight: Any = None,
    reduction: str | None = None,
    mask: Array | None = None,
    loss: str = "loss",
) -> Array:
    """Reduce loss values to one number; the rules are those of `Loss`.

    Args:
        values: ``[batch, ...]``.
        sample_weight: ``[batch]`` or any leading shape of `values`, or None.
        reduction: one of `REDUCTIONS`.
        mask: booleans of a leading shape of `values`; False ones do not count. Rows that the surrounding call
            marks as padding (`context.current().sample_mask`) do not count either.
        loss: name for error messages.
    """
    rows = _call_context.current().sample_mask
    if values.ndim == 0:
        if sample_weight is not None or rows is not None:
            raise ShapeError(
                f"{loss} returned one number for the whole batch, so its rows cannot be weighted or left out."
                " Return one value for each row: for instance mean(..., axis=-1) in place of mean(...)."
            )
        return values
    valid = None
    for part in (mask, rows):
        if part is not None:
            counts = _expand_weights(jnp.asarray(part) != 0, values, "row weights", loss)
            valid = counts if valid is None else valid & counts
    if valid is not None:
        # Selected, not multiplied: a padding row may hold anything, also NaN.
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
    """Base of all losses.

    A subclass overrides ``call(y_true, y_pred)``, which returns one value for each row, ``[batch]`` (or more
    values, ``[batch, ...]``). Calling the object reduces them to one number:

    - ``"sum_over_batch_size"`` (default; also ``"mean"``): the sum of ``weight * value`` over the *number* of
      values;
    - ``"sum"``: that sum;
    - ``"mean_with_sample_weight"``: that sum over the sum of the weights;
    - ``"none"`` or None: no reduction.

    Padding rows of a short batch count neither in the sum nor in the number. Before `call`, targets are cast
    to the type of the predictions, and ``[n]`` against ``[n, 1]`` is aligned (never broadcast).

    Args:
        name: ``huber_loss`` for a class ``HuberLoss`` by default.
        reduction: see above. ``"auto"``, an older spelling, is the default.
        dtype: type to compute in; by default that of the predictions, and `config.floatx` for 16-bit ones.

    Differs from Keras: per-value weights of fewer axes than the values are aligned to the leading axes, and
    ``"mean_with_sample_weight"`` divides by the weights of all values when one weight covers several.
    """

    # Whether targets are cast to the type of the predictions; class numbers are not, for float16 stops at
    # 2048.
    casts_targets: ClassVar[bool] = True
    # Whether a vector [n] means n rows of one value, rather than one row.
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
        """Return the values of the rows, ``[batch]`` or ``[batch, ...]``."""
        raise NotDefined(f"{type(self).__name__} must define call(self, y_true, y_pred)")

    def mask(self, y_true: Any) -> Array | None:
        """Return which values count, as booleans of a leading shape of the values; None (default) for all."""
        return None

    def unreduced(self, y_true: Any, y_pred: Any) -> Array:
        """Return the values before reduction: `call` on prepared targets and predictions."""
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
        """Return the reduced loss.

        Args:
            y_true: targets, ``[batch, ...]``.
            y_pred: predictions, ``[batch, ...]``.
            sample_weight: ``[batch]`` (or one for each value), or None.
        """
        values = self.unreduced(y_true, y_pred)
        return reduce_values(
            values, sample_weight, self.reduction, self.mask(jnp.asarray(y_true)), self._label()
        )

    def _label(self) -> str:
        return getattr(self, "name", snake_case(type(self).__name__))

    def get_config(self) -> dict[str, Any]:
        """Return name, reduction, and the constructor's other arguments where they are kept as attributes."""
        config: dict[str, Any] = {"name": self._label(), "reduction": self.reduction}
        if self.dtype is not None:
            config["dtype"] = self.dtype
        return config | config_from_attributes(self, ("name", "reduction", "dtype"))


def config_from_attributes(thing: Configurable, but: tuple[str, ...]) -> dict[str, Any]:
    """Return the constructor arguments that `thing` keeps as attributes, as plain data, except `but`."""
    names = [name for name in thing._arguments() if name not in but and hasattr(thing, name)]
    return {name: serialize(getattr(thing, name)) for name in names}


class PlainLoss(Loss):
    """Base of the built-in losses that have no settings: a subclass names the function.

    Args:
        reduction: see `Loss`.
        name: see `Loss`.
        dtype: see `Loss`.
    """

    function: ClassVar[LossFunction]

    @validate_params(LOSS_RULES)
    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Array:
        """Return the values of the rows."""
        return type(self).function(y_true, y_pred)


class LossFunctionWrapper(Loss):
    """A function ``fn(y_true, y_pred, **settings)`` as a `Loss`.

    It should return one value for each row. One number for the whole batch works too, as long as no row has
    to be weighted or left out; then the call raises `ShapeError`.

    Args:
        fn: the function.
        reduction: see `Loss`.
        name: the function's by default.
        dtype: see `Loss`.
        settings: further keyword arguments for each call of `fn`.
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
        """Return ``fn(y_true, y_pred)``."""
        return self.fn(y_true, y_pred, **self.settings)

    def get_config(self) -> dict[str, Any]:
        """Return the name of the function and everything else as plain data."""
        return super().get_config() | {"fn": serialize(self.fn)} | dict(serialize(self.settings))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Build the loss; the function is found among the registered and custom ones."""
        fn = config["fn"]
        return cls(**{**config, "fn": loss_registry.lookup(fn) if isinstance(fn, str) else fn})


def get_function_name(fn: Any) -> str:
    """Return a name for a user's function or callable object: as in Keras 3, that of ``def RMSE`` is ``"rmse"``."""
    name = getattr(fn, "__name__", None) or getattr(getattr(fn, "func", None), "__name__", None)
    return snake_case(name or type(fn).__name__)
