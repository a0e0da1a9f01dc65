"""The base class `Metric`, and sums that remain accurate over long epochs.

A metric accumulates sums and counts over the epoch instead of averaging the means of batches. Adding 1 to a float32 sum
of 2**24 does not change it, so metrics use a `CompensatedSum` (Neumaier summation).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import jax.numpy as jnp

from fitwell import config as settings
from fitwell import initializers
from fitwell._deprecation import warn_deprecated
from fitwell._load_budget import charge_memory
from fitwell._param_validation import DType, Integer, Real, Rule, String, validate_param, validate_params
from fitwell._registry import Configurable, Registry, snake_case
from fitwell._typing import Array
from fitwell._variables import Variable
from fitwell.errors import InvalidArgument, NotDefined
from fitwell.losses.base import config_from_attributes

__all__ = [
    "CompensatedSum",
    "METRIC_RULES",
    "Metric",
    "divide_no_nan",
    "metric_registry",
]

metric_registry = Registry("metric")


class CompensatedSum:
    """A compensated sum that is accurate to about 48 bits.

    It consists of two variables, the rounded sum and the accumulated rounding errors.

    Source: Knuth's two-sum (The Art of Computer Programming 2, 4.2.2), as in Neumaier, 1974.
    """

    def __init__(self, rounded_sum: Variable, compensation: Variable) -> None:
        self.rounded_sum = rounded_sum
        self.compensation = compensation

    def add(self, amount: Any) -> None:
        """Add an array that has the same shape as the sum."""
        old = self.rounded_sum.value
        amount = jnp.asarray(amount).astype(self.rounded_sum.dtype)
        new = old + amount
        virtual_amount = new - old
        error = (old - (new - virtual_amount)) + (amount - virtual_amount)
        self.rounded_sum.assign(new)
        # If the sum is infinite, its rounding error is NaN. Ignore this error, because the sum must remain infinite.
        self.compensation.assign_add(jnp.where(jnp.isfinite(new), error, 0))

    @property
    def value(self) -> Array:
        """The current value of the sum."""
        return self.rounded_sum.value + self.compensation.value


def divide_no_nan(above: Any, below: Any) -> Array:
    """Return ``above / below``, or 0 where `below` is 0."""
    below = jnp.asarray(below)
    return jnp.where(below == 0, 0, above / jnp.where(below == 0, 1, below))


# Validation rules for arguments that many metrics share.
METRIC_RULES: dict[str, Rule] = {
    "name": String() | None,
    "dtype": DType() | None,
    "threshold": Real(),
    "num_thresholds": Integer(1),
    "class_id": Integer(0) | None,
    "top_k": Integer(1) | None,
    "k": Integer(1),
    "label_smoothing": Real(0, 1),
}


class Metric(Configurable):
    """Base class of all metrics.

    A subclass creates its accumulators in `__init__` with `add_weight`, updates them in `update_state`, and reads
    them in `result`. `result` returns a number, a variable, or a dict that maps names to numbers. `update_state` and
    `result` are traced and compiled, so they must use JAX operations.

    During training and evaluation, `update_state` receives targets and predictions that are aligned in the same way as
    for a loss. Arrays of shape ``[n]`` become arrays of shape ``[n, 1]``, so ``y_true - y_pred`` never broadcasts.
    Keras does not align the arrays. The sample weights have shape ``[n]``, and are passed only if there are any.

    Attributes:
        direction (str | None): ``"min"`` if smaller values are better, ``"max"`` if larger values are better, or None
            if this is unknown. Callbacks with ``mode="auto"`` use it. Default: None.

    Args:
        name (str | None): Name of the metric. For compatibility with Keras 3, you can also pass the dtype in this
            position. Default: the class name in snake case, such as ``huber_metric`` for ``HuberMetric``.
        dtype (str | None): Dtype of the accumulators. Default: None, which means `config.floatx`.

    Example:
        >>> import numpy as np
        >>> import fitwell as fw
        >>> class MeanTarget(fw.metrics.Metric):
        ...     direction = "max"
        ...     def __init__(self, name=None):
        ...         super().__init__(name=name)
        ...         self.total = self.add_weight(name="total")
        ...         self.rows = self.add_weight(name="rows")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.total.assign_add(y_true.sum())
        ...         self.rows.assign_add(y_true.shape[0])
        ...     def result(self):
        ...         return self.total / self.rows
        >>> metric = MeanTarget()
        >>> metric.name, float(metric(np.array([1.0, 3.0]), None))
        ('mean_target', 2.0)

    Source: Keras `Metric`.
    """

    direction: ClassVar[Literal["min", "max"] | None] = None

    @validate_params(name=String() | DType() | None, dtype=DType() | String() | None)
    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        if name is not None and _is_dtype(name):
            name, dtype = (dtype if isinstance(dtype, str) and not _is_dtype(dtype) else None), name
        self.name = name or snake_case(type(self).__name__)
        dtype = validate_param(type(self).__name__, "dtype", dtype, METRIC_RULES["dtype"])
        self.dtype = jnp.dtype(dtype or settings.floatx()).name

    # --- state ----------------------------------------------------------------------------------------------

    def add_weight(
        self,
        shape: Any = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        name: str | None = None,
        **ignored: Any,
    ) -> Variable:
        """Create a variable of this metric.

        Args:
            shape (tuple[int, ...] | int): Shape of the variable. As in Keras 2, you can also pass the name first,
                followed by the shape. Default: ().
            initializer (str | Initializer | Callable): Initializer of the variable. Default: "zeros".
            dtype (str | None): Dtype of the variable. Default: None, which means the metric's `dtype`.
            name (str | None): Name of the variable. Default: None, which means ``variable_0``, ``variable_1``, and so
                on.
            **ignored: Keras's arguments ``aggregation``, ``synchronization`` and ``trainable``, which have no effect.

        Returns:
            Variable: The variable.

        Raises:
            InvalidArgument: if there are any other keyword arguments.
        """
        unknown = set(ignored) - {"aggregation", "synchronization", "trainable"}
        if unknown:
            raise InvalidArgument(f"metric {self.name!r}: add_weight has no argument {sorted(unknown)[0]!r}")
        if isinstance(shape, str):  # Keras 2: add_weight(name, shape)
            name, shape = shape, ()
            if isinstance(initializer, tuple | list | int):
                shape, initializer = initializer, "zeros"
        sizes = (shape,) if isinstance(shape, int) else tuple(int(size) for size in shape or ())
        dtype = jnp.dtype(dtype or self.dtype)
        charge_memory(
            2 * math.prod(sizes) * dtype.itemsize, f"metric {self.name!r}: an accumulator of shape {sizes}"
        )
        value = initializers.get(initializer or "zeros")(sizes, dtype=dtype)  # type: ignore[misc]
        variables = self._direct_variables()
        variable = Variable(value, name=name or f"variable_{len(variables)}", trainable=False, dtype=dtype)
        variable.path = f"{self.name}/{variable.name}"
        variables.append(variable)
        return variable

    add_variable = add_weight

    def add_compensated_sum(self, name: str, shape: tuple[int, ...] = ()) -> CompensatedSum:
        """Create a sum that remains accurate over long epochs."""
        # A 16-bit sum is wrong after a few hundred rows.
        dtype = self.dtype if jnp.dtype(self.dtype).itemsize > 2 else "float32"
        return CompensatedSum(
            self.add_weight(shape, dtype=dtype, name=name),
            self.add_weight(shape, dtype=dtype, name=f"{name}_lost"),
        )

    def add_total(self, name: str, shape: tuple[int, ...] = ()) -> CompensatedSum:
        """Deprecated alias of `add_compensated_sum`."""
        warn_deprecated("metric.add_total(...)", "metric.add_compensated_sum(...)")
        return self.add_compensated_sum(name, shape)

    def _direct_variables(self) -> list[Variable]:
        variables: list[Variable] = self.__dict__.setdefault("_variables", [])
        return variables

    @property
    def variables(self) -> list[Variable]:
        """The accumulators in the order of their creation, followed by the accumulators of nested metrics.

        Nested metrics are stored in attributes, either directly or in lists or tuples.
        """
        found = list(self._direct_variables())
        for inner in self._nested_metrics():
            found += [
                variable for variable in inner.variables if all(variable is not known for known in found)
            ]
        return found

    def _nested_metrics(self) -> Iterator[Metric]:
        for value in self.__dict__.values():
            for item in value if isinstance(value, list | tuple) else (value,):
                if isinstance(item, Metric):
                    yield item

    # --- to override ----------------------------------------------------------------------------------------

    def build(self, y_true_shape: tuple[int | None, ...], y_pred_shape: tuple[int | None, ...]) -> None:
        """Create the accumulators whose shape depends on the model's output.

        Training and evaluation call this method before the first batch. Calling it again
        must have no effect if the shapes differ only in the batch size. The base class creates no accumulators.

        Args:
            y_true_shape (tuple[int | None, ...]): Shape of the targets, ``(batch, ...)``.
            y_pred_shape (tuple[int | None, ...]): Shape of the predictions, ``(batch, ...)``.
        """

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Accumulate one batch.

        A subclass overrides this method with the arguments ``(y_true, y_pred, sample_weight=None)``.

        Args:
            *args: Targets ``[batch, ...]`` and predictions ``[batch, ...]``.
            **kwargs: Optionally ``sample_weight``, an array of shape ``[batch]``.

        Raises:
            NotDefined: if the subclass does not override this method.
        """
        raise NotDefined(
            f"{type(self).__name__} must define update_state(self, y_true, y_pred, sample_weight)"
        )

    def result(self) -> Any:
        """Compute the metric over all batches since the last call to `reset_state`.

        Returns:
            Array | dict[str, Array]: A number, or a dict that maps names to numbers.

        Raises:
            NotDefined: if the subclass does not override this method.
        """
        raise NotDefined(f"{type(self).__name__} must define result(self)")

    def reset_state(self) -> None:
        """Reset the metric by setting all variables to 0."""
        for variable in self.variables:
            variable.assign(jnp.zeros(variable.shape, variable.dtype))

    # --- provided -------------------------------------------------------------------------------------------

    def reset_states(self) -> None:
        """Deprecated alias of `reset_state`."""
        warn_deprecated("metric.reset_states()", "metric.reset_state()")
        self.reset_state()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Accumulate one batch and return the result so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments as JSON-compatible data.

        Returns:
            dict: The name, the dtype, and every other argument that is stored in an attribute of the same name.
        """
        return {"name": self.name, "dtype": self.dtype} | config_from_attributes(self, ("name", "dtype"))


def _is_dtype(value: Any) -> bool:
    if isinstance(value, str):
        return value in ("float16", "bfloat16", "float32", "float64", "int32", "int64")
    return isinstance(value, type | jnp.dtype)
