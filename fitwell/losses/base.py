"""`Loss`, the base class of all losses, and functions as losses."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import jax.numpy as jnp

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
from fitwell._typing import Array
from fitwell.errors import NotDefined
from fitwell.losses.alignment import map_with_logits, squeeze_or_expand_to_same_rank, to_float_predictions
from fitwell.losses.reduction import REDUCTIONS, reduce_values
from fitwell.losses.user_functions import check_takes_targets_and_predictions, convert_returned_value

__all__ = [
    "FunctionLoss",
    "LOSS_RULES",
    "Loss",
    "LossFunction",
    "LossFunctionWrapper",
    "config_from_attributes",
    "get_function_name",
    "loss_registry",
]

LossFunction = Callable[..., Any]
loss_registry = Registry("loss")
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

    def per_row(self, y_true: Any, y_pred: Any) -> Array:
        """Deprecated name of `unreduced`."""
        warn_deprecated("loss.per_row(...)", "loss.unreduced(...)")
        return self.unreduced(y_true, y_pred)

    def _prepare(self, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
        y_pred = to_float_predictions(y_pred, self.dtype)
        if self.dtype is None and y_pred.dtype.itemsize <= 2:
            y_pred = to_float_predictions(y_pred, settings.float_dtype())
        y_true = jnp.asarray(y_true)
        if self.casts_targets:
            y_true = y_true.astype(y_pred.dtype)
        if self.vectors_are_rows and y_true.ndim == y_pred.ndim == 1:
            return y_true[:, None], map_with_logits(y_pred, lambda x: x[:, None])
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


class FunctionLoss(Loss):
    """Base class of the built-in losses: a subclass names the function, and keeps its arguments as attributes.

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
        function = type(self).function
        arguments = list(inspect.signature(function).parameters)[2:]
        values: Array = function(y_true, y_pred, **{name: getattr(self, name) for name in arguments})
        return values


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
