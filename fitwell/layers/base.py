"""`Layer`, the base class of all layers.

A layer computes output arrays from input arrays, and owns its variables. It can be called on arrays, either
eagerly or while a run is traced, or on `KerasTensor` objects to build a functional model. All calls go through
`Layer.__call__`, so eager, traced and symbolic calls compute the same function.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from fitwell import config, constraints, initializers, regularizers
from fitwell._call_context import CallContext, call_context, current_call_context, in_call_context
from fitwell._deprecation import warn_deprecated
from fitwell._load_budget import charge_call, charge_weight
from fitwell._load_budget import current as current_budget
from fitwell._param_validation import Integer, ListOf, validate_param, validate_params
from fitwell._registry import Registry, format_call, serialize, snake_case
from fitwell._typing import Array
from fitwell._variables import Variable
from fitwell.errors import (
    InvalidArgument,
    NotDefined,
    ShapeError,
    StateError,
    did_you_mean,
    raise_if_out_of_memory,
)
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.array_ops import to_array
from fitwell.layers.auto_name import auto_name
from fitwell.layers.keras_tensor import find_keras_tensors, get_batch_shape
from fitwell.layers.symbolic_call import SymbolicCall

__all__ = ["Layer", "register", "registry"]

registry = Registry("layer")
_WEIGHT_SHAPE = (Integer(0) | ListOf(Integer(0) | None) | None).described_as(
    "a non-negative integer or a list of non-negative integers"
)
_BASE_ARGUMENTS = (
    "name",
    "trainable",
    "dtype",
    "activity_regularizer",
    "input_shape",
    "input_dim",
    "batch_input_shape",
)
# Values that constructors store if an argument is None.
_REPLACEMENTS_OF_NONE: tuple[Any, ...] = ("channels_last", {}, [])


class Layer(SymbolicCall["Layer"]):
    """Base class of all layers and models.

    A subclass stores its arguments in ``__init__``, creates variables in `build` (or in ``__init__`` if no
    input shape is needed) with `add_weight`, and computes its outputs in
    ``call(self, inputs, training=False)``. `call` must be a pure function in JAX's sense, except that it may
    assign new values to the layer's variables.

    To draw random numbers in `call`, use JAX, as in ``jax.random.normal(self.next_key(), shape)``. The key is
    different at every step. A training run is compiled from a single trace of `call`, so NumPy random
    numbers, prints and counters are evaluated only once. A `TracingWarning` shows the line where this
    happens.

    Set ``supports_padding = True`` in a class that computes each row of a batch independently, or that uses
    `context.masked_mean` to combine rows. Short batches are then padded, and evaluation uses larger batches.
    The default for user-defined classes is False, which is always correct but costs a second compilation for
    a short last batch.

    Args:
        name (str | None): Name of the layer, which must be unique within a model. Defaults to a name made
            from the class name.
        trainable (bool): Whether training updates the variables. A change takes effect at the next `compile`.
            A frozen layer and all its sublayers get no updates, weight penalties, weight decay or
            constraints, and frozen batch normalization uses its moving statistics without updating them.
            Dropout and activity penalties stay active, as in Keras. Default: True.
        dtype (str | None): Dtype for the variables and the computation. Default: `config.floatx`.
        activity_regularizer (str | Regularizer | None): Penalty on the outputs. Default: None.
        input_shape (tuple[int | None, ...] | None): Shape of one row, for the first layer of a `Sequential`
            model.
        input_dim (int | None): Number of features in each row, as an alternative to `input_shape`.
        batch_input_shape (tuple[int | None, ...] | None): Shape including the batch axis, as an alternative
            to `input_shape`.

    Raises:
        InvalidArgument: if an argument is unknown.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> class Scale(fw.layers.Layer):
        ...     supports_padding = True
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight("factor", (input_shape[-1],), "ones")
        ...     def call(self, inputs):
        ...         return inputs * self.factor.value
        >>> Scale()(np.array([[1.0, 2.0]])).tolist()
        [[1.0, 2.0]]

    Source: Keras `Layer`.
    """

    activity_regularizer: Any
    _declared_input_shape: Any
    _dtype: Any
    supports_padding: ClassVar[bool] = True
    supports_masking: bool = False
    _call_signatures: ClassVar[dict[type, frozenset[str]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "row_wise" in cls.__dict__:
            warn_deprecated("Layer.row_wise", "Layer.supports_padding")
            cls.supports_padding = cls.__dict__["row_wise"]
        elif "supports_padding" not in cls.__dict__:
            # A user-defined `call` may mix rows, even if the class inherits from a fitwell layer.
            cls.supports_padding = cls.__module__.startswith("fitwell.")

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # These attributes are set before __init__ runs, because subclasses may assign attributes before they
        # call `super().__init__()`.
        layer = super().__new__(cls)
        layer.__dict__.update(
            built=False,
            name=None,
            activity_regularizer=None,
            _trainable=True,
            _dtype=None,
            _own_variables=[],
            _declared_input_shape=None,
            _build_input_shape=None,
            _inbound_nodes=[],
        )
        return layer

    @validate_params(LAYER)
    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: Any = None,
        activity_regularizer: Any = None,
        input_shape: Any = None,
        input_dim: int | None = None,
        batch_input_shape: Any = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            word = next(iter(unknown))
            names = [*self._arguments(), *_BASE_ARGUMENTS]
            raise InvalidArgument(
                f"{type(self).__name__} has no argument {word!r}{did_you_mean(word, names)}"
            )
        self.name = name if name is not None else auto_name(snake_case(type(self).__name__))
        self._trainable = bool(trainable)
        self._dtype = None if dtype is None else jnp.dtype(dtype)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        # Keras 2 also accepts input_dim and batch_input_shape instead of input_shape.
        if input_dim is not None:
            input_shape = (int(input_dim),)
        if batch_input_shape is not None:
            input_shape = tuple(batch_input_shape)[1:]
        if input_shape is not None:
            sizes = (input_shape,) if isinstance(input_shape, int) else input_shape
            self._declared_input_shape = (None, *(None if size is None else int(size) for size in sizes))

    @property
    def row_wise(self) -> bool:
        """Deprecated name of `supports_padding`."""
        warn_deprecated("Layer.row_wise", "Layer.supports_padding")
        return self.supports_padding

    @row_wise.setter
    def row_wise(self, value: bool) -> None:
        warn_deprecated("Layer.row_wise", "Layer.supports_padding")
        vars(self)["supports_padding"] = value

    @property
    def dtype(self) -> Any:
        """The dtype of the layer's floating-point variables."""
        return self._dtype if self._dtype is not None else config.float_dtype()

    def add_weight(
        self,
        name: Any = None,
        shape: Any = None,
        initializer: Any = None,
        regularizer: Any = None,
        constraint: Any = None,
        trainable: bool = True,
        dtype: Any = None,
    ) -> Variable:
        """Create a variable that this layer owns.

        The first positional argument may be the name, as in Keras 2, or the shape, as in Keras 3.

        Args:
            name (str | None): Name of the variable. Defaults to ``"variable"``, ``"variable_1"``, ...
            shape (int | tuple[int, ...] | None): Shape of the variable. Defaults to None, which means a
                scalar.
            initializer (str | Initializer | None): Initializer for the values. Defaults to
                ``"glorot_uniform"`` for floats and ``"zeros"`` for other dtypes.
            regularizer (str | Regularizer | None): Penalty to add to the loss. Default: None.
            constraint (str | Constraint | None): Projection applied after every update. Default: None.
            trainable (bool): Whether training updates the variable. Default: True.
            dtype (str | None): Dtype of the variable. Defaults to the layer's dtype.

        Returns:
            Variable: The new variable.

        Raises:
            ShapeError: if a size in `shape` is None.
        """
        # Keras 2: add_weight(name, shape). Keras 3: add_weight(shape, name=...).
        if name is not None and not isinstance(name, str):
            name, shape = (shape if isinstance(shape, str) else None), name
        count = len(self._own_variables)
        name = name or (f"variable_{count}" if count else "variable")
        shape = validate_param(type(self).__name__, "shape", shape, _WEIGHT_SHAPE)
        sizes = (shape,) if isinstance(shape, int) else tuple(shape or ())
        if any(size is None for size in sizes):
            raise ShapeError(
                f"layer {self.name!r}: the shape of weight {name!r} must not contain None, got {sizes}"
            )
        dtype = jnp.dtype(dtype) if dtype is not None else self.dtype
        if initializer is None:
            initializer = "glorot_uniform" if jnp.issubdtype(dtype, jnp.floating) else "zeros"
        initialize: Any = initializers.get(initializer)
        charge_weight(str(self.name), name, sizes, dtype.itemsize)
        budget = current_budget()
        if budget is not None and budget.restores:
            # The values will be read from a file. Initializing them here would take longer than reading. For
            # example, an orthogonal kernel of 8 MB takes 14 s.
            initialize = initializers.replace_with_zeros(initialize)
        try:
            value = initialize(tuple(int(size) for size in sizes), dtype=dtype)
        except (MemoryError, RuntimeError) as error:
            description = f"layer {self.name!r}: weight {name!r} of shape {sizes}"
            raise_if_out_of_memory(error, description, "make the layer smaller")
            raise
        variable = Variable(value, name=name, trainable=trainable, dtype=dtype)
        variable.path = f"{self.name}/{name}"
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        self._own_variables.append(variable)
        return variable

    def _require_built(self, method: str) -> None:
        if not self.built and not self._own_variables and type(self).build is not Layer.build:
            raise StateError(
                f"{method}: layer {self.name!r} has no weights yet; call it on data, or call build(input_shape)"
            )

    def build(self, input_shape: Any) -> None:
        """Create the layer's variables. Subclasses override this method.

        Args:
            input_shape (tuple[int | None, ...]): Shape of the inputs, with None as the batch size, or a list
                of shapes if `call` takes more than one input.
        """
        self.built = True

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs. Subclasses override this method.

        Args:
            inputs (Array): `[batch, ...]`.
            *args: Additional inputs.
            **kwargs: Additional arguments. `training` is passed if `call` has a parameter with that name.

        Returns:
            Array: `[batch, ...]`.
        """
        raise NotDefined(f"{type(self).__name__} must define call(self, inputs)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        charge_call()
        if find_keras_tensors((args, kwargs)):
            return self._symbolic_call(args, kwargs)
        args = tuple(to_array(arg, self.dtype) for arg in args)
        self._maybe_build(*args)
        if not in_call_context():
            with call_context(CallContext()):
                return self._call_in_context(args, kwargs)
        return self._call_in_context(args, kwargs)

    def _maybe_build(self, *inputs: Any) -> None:
        """Build the layer for the shapes of `inputs`, unless it is already built."""
        if self.built:
            return
        shapes = (
            get_batch_shape(inputs[0])
            if len(inputs) == 1
            else [get_batch_shape(item) for item in inputs if hasattr(item, "shape")]
        )
        self._build_for(shapes)

    def _call_in_context(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        context = current_call_context()
        outer = context.training
        training = kwargs.pop("training", None)
        if training is not None:
            context.training = training
        if "training" in self._call_parameters():
            kwargs["training"] = bool(context.training)
        mask = self._input_mask(args, kwargs, context) if context.has_masks else kwargs.get("mask")
        try:
            output = self.call(*args, **kwargs)
        except (MemoryError, jax.errors.JaxRuntimeError) as error:
            raise_if_out_of_memory(
                error, f"layer {self.name!r}", "call it with fewer rows, or make it smaller"
            )
            raise
        finally:
            context.training = outer
        if isinstance(output, Variable):
            output = output.value  # `call` may return one of the layer's variables
        elif output is None:
            raise InvalidArgument(
                f"layer {self.name!r} ({type(self).__name__}): call returned None; is its return statement missing?"
            )
        if self.activity_regularizer is not None:
            context.losses.append(self._activity_penalty(output))
        if context.intermediates is not None:
            context.intermediates.append((self, output))
        if mask is not None or type(self).compute_mask is not Layer.compute_mask:
            self._set_output_mask(args[0] if len(args) == 1 else list(args), mask, output, context)
        return output

    def _input_mask(self, args: tuple[Any, ...], kwargs: dict[str, Any], context: CallContext) -> Any:
        """Return the mask of the inputs, or a list with the mask of each input, and pass it to `call` if it has one."""
        if kwargs.get("mask") is not None:
            return kwargs["mask"]
        inputs = args[0] if len(args) == 1 else args
        if isinstance(inputs, list | tuple):
            masks = [context.get_mask(item) for item in inputs]
            mask: Any = masks if any(item is not None for item in masks) else None
        else:
            mask = context.get_mask(inputs)
        if mask is not None and "mask" in self._call_parameters():
            kwargs["mask"] = mask
        return mask

    def _set_output_mask(self, inputs: Any, mask: Any, outputs: Any, context: CallContext) -> None:
        masks = self.compute_mask(inputs, mask)
        if isinstance(outputs, list | tuple) and isinstance(masks, list | tuple):
            pairs = list(zip(outputs, masks, strict=False))
        else:
            pairs = [(outputs, masks[0] if isinstance(masks, list | tuple) else masks)]
        for output, output_mask in pairs:
            if output_mask is not None:
                context.set_mask(output, output_mask)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask of the outputs.

        Args:
            inputs (Array | list[Array]): The inputs.
            mask (Array | list[Array] | None): Which time steps of the inputs count, `[batch, time]`. Default: None.

        Returns:
            Array | None: `mask` if the layer supports masks, and None otherwise.
        """
        return mask if self.supports_masking else None

    def _activity_penalty(self, output: Any) -> Array:
        """Compute the activity penalty of `output`, divided by the number of rows that are not padding.

        This matches Keras, which divides the penalty by the batch size.
        """
        mask = current_call_context().sample_mask
        num_valid_rows = jnp.asarray(output.shape[0] if mask is None else jnp.sum(mask), dtype=output.dtype)
        if mask is not None:
            output = output * mask.reshape((-1,) + (1,) * (output.ndim - 1)).astype(output.dtype)
        return self.activity_regularizer(output) / num_valid_rows

    def next_key(self) -> Array:
        """Return a JAX random key for use in `call`. The key is different for every call and at every step.

        Keys are derived from the run's seed (`utils.set_random_seed`), so a resumed run draws the same
        numbers as an uninterrupted run. A population member draws the same numbers as it would if it were
        trained separately. In contrast, NumPy and Python random numbers in `call` are drawn only once, while
        the run is compiled, and are the same at every step.

        Returns:
            Array: A key for `jax.random`.

        Example:
            >>> import jax
            >>> noise = jax.random.normal(Layer().next_key(), (2, 3))
            >>> noise.shape
            (2, 3)
        """
        return current_call_context().next_key()

    def add_loss(self, loss: Any) -> None:
        """Add a scalar to the training loss.

        Args:
            loss (Array): A scalar computed in `call`.
        """
        current_call_context().losses.append(jnp.asarray(loss))

    @classmethod
    def _call_parameters(cls) -> frozenset[str]:
        if cls not in Layer._call_signatures:
            Layer._call_signatures[cls] = frozenset(inspect.signature(cls.call).parameters)
        return Layer._call_signatures[cls]

    def __repr__(self) -> str:
        """Return the call that creates the layer, without arguments that equal their defaults.

        An example is ``Dense(units=3, activation=relu, name='dense')``.
        """
        parameters = inspect.signature(type(self).__init__).parameters
        shown = [
            (name, value)
            for name, value in self._readable_arguments()
            if name not in _BASE_ARGUMENTS and not _is_default(value, parameters[name].default)
        ]
        shown.append(("name", None if self.name is None else str(self.name)))
        if not self._trainable:
            shown.append(("trainable", False))
        if self._dtype is not None:
            shown.append(("dtype", self._dtype))
        if self.activity_regularizer is not None:
            shown.append(("activity_regularizer", self.activity_regularizer))
        return format_call(type(self).__name__, shown)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON-compatible data.

        Returns:
            dict: The name, the subclass's arguments, and the `Layer` arguments that differ from their
                defaults.

        Raises:
            InvalidArgument: if an argument is not stored in an attribute with the same name.
        """
        arguments: dict[str, Any] = {"name": self.name}
        if not self._trainable:
            arguments["trainable"] = False
        if self._dtype is not None:
            arguments["dtype"] = str(self._dtype)
        if self.activity_regularizer is not None:
            arguments["activity_regularizer"] = serialize(self.activity_regularizer)
        for name in self._arguments():
            # A class that does not define __init__ has only the arguments of Layer, which are added above.
            if name in arguments or type(self).__init__ is Layer.__init__:
                continue
            if not hasattr(self, name):
                raise InvalidArgument(
                    f"{type(self).__name__} does not store its argument {name!r} in an attribute of that name; "
                    "store it in __init__, or override get_config"
                )
            arguments[name] = serialize(getattr(self, name))
        return arguments


def _is_default(value: Any, default: Any) -> bool:
    """Return whether an attribute's `value` is equivalent to the argument's `default`.

    The default may be a name or None even if the attribute contains an object, such as an initializer.
    """
    if value is default or (
        default is None and isinstance(value, str | dict | list) and value in _REPLACEMENTS_OF_NONE
    ):
        return True
    if isinstance(default, int) and isinstance(value, tuple):
        return all(type(size) is type(default) and size == default for size in value)
    if hasattr(value, "get_config") and isinstance(default, str):
        kind = type(value)
        return snake_case(kind.__name__) == default and (
            kind.__init__ is object.__init__ or value.get_config() == kind().get_config()
        )
    if callable(value):
        return getattr(value, "__name__", None) == ("linear" if default is None else default)
    return type(value) is type(default) and not hasattr(value, "shape") and bool(value == default)


def register(*aliases: str) -> Callable[[Any], Any]:
    """Return a decorator that registers a layer class under its name and `aliases`."""
    return registry.register(*aliases)
