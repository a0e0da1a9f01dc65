"""The base class `Loss`, and classes that turn functions into losses."""

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
# Validation rules for arguments that many losses share.
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

    A subclass overrides ``call(y_true, y_pred)``, which returns one or more values for each row, in an array of shape
    ``[batch]`` or ``[batch, ...]``. Calling the loss object reduces these values to a single number. The argument
    `reduction` selects the method:

    - ``"sum_over_batch_size"`` (default) or ``"mean"``: the sum of ``weight * value`` divided by the *number* of
      values
    - ``"sum"``: the sum of ``weight * value``
    - ``"mean_with_sample_weight"``: the sum of ``weight * value`` divided by the sum of the weights
    - ``"none"`` or None: no reduction, so calling the loss returns all values

    Rows that pad an incomplete batch are excluded from the sums and from the number of values. Before `call`, targets
    are cast to the predictions' dtype. If one array has shape ``[n]`` and the other has shape ``[n, 1]``, they are
    aligned instead of broadcast.

    Args:
        name (str | None): Name of the loss. Default: the class name in snake case, such as ``huber_loss`` for
            ``HuberLoss``.
        reduction (str | None): The reduction, as listed above. The deprecated value ``"auto"`` means the default.
            Default: "sum_over_batch_size".
        dtype (str | None): Dtype in which the loss is computed. Default: None, which means the predictions' dtype, or
            `config.floatx` if that dtype has 16 bits or fewer.

    Differs from Keras: weights with fewer axes than the values are aligned with the leading axes. If one weight applies
    to multiple values, ``"mean_with_sample_weight"`` counts the weight once for each of these values.

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

    # Whether targets are cast to the predictions' dtype. Losses for class indices set it to False, because float16
    # cannot represent every integer above 2048.
    casts_targets: ClassVar[bool] = True
    # Whether a vector of shape [n] means n rows with one value each, rather than a single row with n values.
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
        """Compute the loss values of each row.

        Args:
            y_true (Array): Targets, ``[batch, ...]``.
            y_pred (Array): Predictions, ``[batch, ...]``.

        Returns:
            Array: Loss values of shape ``[batch]`` or ``[batch, ...]``.

        Raises:
            NotDefined: if the subclass does not override this method.
        """
        raise NotDefined(f"{type(self).__name__} must define call(self, y_true, y_pred)")

    def mask(self, y_true: Any) -> Array | None:
        """Return a mask that selects the loss values to use.

        Args:
            y_true (Array): Targets, ``[batch, ...]``.

        Returns:
            Array | None: Booleans, one for each row or one for each loss value. The base class returns None, which
            means that all values are used.
        """
        return None

    def unreduced(self, y_true: Any, y_pred: Any) -> Array:
        """Compute the loss values without reducing them.

        Targets and predictions are cast and aligned before they are passed to `call`.

        Args:
            y_true (ArrayLike): Targets, ``[batch, ...]``.
            y_pred (ArrayLike): Predictions, ``[batch, ...]``.

        Returns:
            Array: Loss values of shape ``[batch]`` or ``[batch, ...]``.
        """
        y_true, y_pred = self._prepare(y_true, y_pred)
        return convert_returned_value(self.call(y_true, y_pred), f"loss {self._label()!r}")

    def per_row(self, y_true: Any, y_pred: Any) -> Array:
        """Deprecated alias of `unreduced`."""
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
        """Compute the loss and reduce it to a single number.

        Args:
            y_true (ArrayLike): Targets, ``[batch, ...]``.
            y_pred (ArrayLike): Predictions, ``[batch, ...]``.
            sample_weight (ArrayLike | None): Weights, either one for each row or one for each loss value.
                Default: None.

        Returns:
            Array: A scalar, or all loss values if the loss has no reduction.
        """
        values = self.unreduced(y_true, y_pred)
        return reduce_values(
            values, sample_weight, self.reduction, self.mask(jnp.asarray(y_true)), self._label()
        )

    def _label(self) -> str:
        return getattr(self, "name", snake_case(type(self).__name__))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments as JSON-compatible data.

        Returns:
            dict: The name, the reduction, and every other argument that is stored in an attribute of the same name.
        """
        config: dict[str, Any] = {"name": self._label(), "reduction": self.reduction}
        if self.dtype is not None:
            config["dtype"] = self.dtype
        return config | config_from_attributes(self, ("name", "reduction", "dtype"))


def config_from_attributes(instance: Configurable, excluded: tuple[str, ...]) -> dict[str, Any]:
    """Return the constructor arguments that are stored as attributes, as JSON-compatible data.

    Args:
        instance (Configurable): The object whose arguments to return.
        excluded (tuple[str, ...]): Names of arguments to omit.

    Returns:
        dict[str, Any]: A dict that maps the names of the arguments to their values.
    """
    names = [name for name in instance._arguments() if name not in excluded and hasattr(instance, name)]
    return {name: serialize(getattr(instance, name)) for name in names}


class FunctionLoss(Loss):
    """Base class of built-in losses that call a function.

    A subclass sets `function`, and stores the function's keyword arguments in attributes of the same names.

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
        """Compute the loss values of each row. See `Loss.call`."""
        function = type(self).function
        arguments = list(inspect.signature(function).parameters)[2:]
        values: Array = function(y_true, y_pred, **{name: getattr(self, name) for name in arguments})
        return values


class LossFunctionWrapper(Loss):
    """A loss that calls a function ``fn(y_true, y_pred, **settings)``.

    The function should return one value for each row. If it returns a single number for the whole batch,
    calling the loss with sample weights or padding rows raises `ShapeError`.

    Args:
        fn (Callable): The function.
        reduction (str | None): See `Loss`. Default: "sum_over_batch_size".
        name (str | None): See `Loss`. Default: the function's name in snake case.
        dtype (str | None): See `Loss`. Default: None.
        **settings: Additional keyword arguments for `fn`.

    Raises:
        InvalidArgument: if `fn` cannot be called with `y_true` and `y_pred`.

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
        """Return the function's name and all other constructor arguments as JSON-compatible data."""
        return super().get_config() | {"fn": serialize(self.fn)} | dict(serialize(self.settings))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Create the loss from the result of `get_config`.

        If the configuration refers to a function by its name, the function must be built in or registered.
        """
        fn = config["fn"]
        return cls(**{**config, "fn": loss_registry.lookup(fn) if isinstance(fn, str) else fn})


def get_function_name(fn: Any) -> str:
    """Return the snake-case name of a user-defined function or other callable.

    For example, the name of a function ``RMSE`` becomes ``"rmse"``, as in Keras 3.
    """
    name = getattr(fn, "__name__", None) or getattr(getattr(fn, "func", None), "__name__", None)
    return snake_case(name or type(fn).__name__)
