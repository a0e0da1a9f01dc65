"""`Layer`: a function of arrays that owns its variables.

A layer is called on arrays (eagerly, or traced inside a run) or on symbolic tensors (which draws a
functional model). All three go through `Layer.__call__`, so they compute the same thing.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from fitwell import config, constraints, initializers, regularizers
from fitwell._call_context import CallContext, call_context, current, in_call_context
from fitwell._load_budget import charge_call, charge_memory, charge_weight
from fitwell._load_budget import current as loading
from fitwell._param_validation import Boolean, Integer, ListOf, Predicate, validate_param, validate_params
from fitwell._registry import Configurable, Registry, format_call, serialize, snake_case
from fitwell._tracing_warnings import restore_arrays
from fitwell._user_code import explain_tracing_errors
from fitwell._variables import Array, Variable
from fitwell.errors import (
    InvalidArgument,
    NotDefined,
    ShapeError,
    StateError,
    did_you_mean,
    raise_if_out_of_memory,
)
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.defaults import is_default
from fitwell.layers.keras_tensor import (
    KerasTensor,
    Node,
    find_keras_tensors,
    from_shape_dtype_structs,
    has_unknown_sizes,
    is_keras_tensor,
    to_shape_dtype_struct,
)

registry = Registry("layer")
_WEIGHT_SHAPE = (Integer(0) | ListOf(Integer(0) | None) | None).described_as(
    "a list of integers of at least 0"
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
# Bytes of a symbol, without its name.
_SYMBOL = 1000
_name_counts: Counter[str] = Counter()


class AutoName(str):
    """A name that was made from `base` and a count, not given."""

    base: str


def auto_name(base: str) -> AutoName:
    """Return `base` the first time, then ``base_1``, ``base_2``, ..."""
    count = _name_counts[base]
    _name_counts[base] += 1
    name = AutoName(f"{base}_{count}" if count else base)
    name.base = base
    return name


def reset_name_counters() -> None:
    """Let automatic names start again, as after `clear_session`."""
    _name_counts.clear()


@contextmanager
def name_counter_scope() -> Iterator[None]:
    """Let automatic names start again inside the block, and go on after it as if it had made none."""
    before = Counter(_name_counts)
    _name_counts.clear()
    try:
        yield
    finally:
        _name_counts.clear()
        _name_counts.update(before)


def get_batch_shape(tree: Any) -> Any:
    """Return the shape of an array or symbol, or the same structure of shapes; the batch size reads None."""
    if isinstance(tree, list | tuple):
        return [get_batch_shape(item) for item in tree]
    if isinstance(tree, Mapping):
        return {key: get_batch_shape(item) for key, item in tree.items()}
    shape = tuple(tree.shape)
    return (None, *shape[1:]) if shape else ()


class Layer(Configurable):
    """Base class of all layers and models.

    Subclasses keep their settings in ``__init__``, make variables in `build` (or in ``__init__`` when no
    input shape is needed) with `add_weight`, and compute in ``call(self, inputs, training=False)``, which
    must be pure in JAX's sense except for assigning their own variables.

    Parameters
    ----------
    name: unique within a model; made from the class name when None.
    trainable: whether training updates the variables. Changes take effect at the next `compile`. Frozen, with
        all layers below it, a layer gets no update, weight penalty, decay or constraint, and batch norm uses
        and keeps its moving statistics; dropout and activity penalties go on, as in Keras.
    dtype: of the variables and the computation; `config.floatx` by default.
    input_shape, input_dim: the shape of one row, for the first layer of a `Sequential`.

    What `call` draws at random it draws with a key of JAX's, ``jax.random.normal(self.next_key(), shape)``: a new key
    at every step. A run is compiled from one pass through `call`, so that draws of NumPy, prints and counters happen
    once; a `TracingWarning` names their line.

    A layer that computes each row of a batch by itself, or that uses `context.masked_mean` where it mixes
    rows, may say ``row_wise = True``: its runs then pad short batches, and evaluate in larger ones. Subclasses outside
    fitwell default to False, which is always right.
    """

    name: str | None
    built: bool
    activity_regularizer: Any
    _own_variables: list[Variable]
    _inbound_nodes: list[Node]
    _declared_input_shape: Any
    _build_input_shape: Any
    _trainable: bool
    _dtype: Any
    supports_padding: ClassVar[bool] = True
    _signatures: ClassVar[dict[type, frozenset[str]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "supports_padding" not in cls.__dict__:
            # What a stranger's `call` does with the rows of a batch is unknown, also when it inherits from ours.
            cls.supports_padding = cls.__module__.startswith("fitwell.")

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # Set up before __init__ runs: subclasses may assign attributes ahead of `super().__init__()`.
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
        if input_dim is not None:
            input_shape = (int(input_dim),)
        if batch_input_shape is not None:
            input_shape = tuple(batch_input_shape)[1:]
        if input_shape is not None:
            sizes = (input_shape,) if isinstance(input_shape, int) else input_shape
            self._declared_input_shape = (None, *(None if size is None else int(size) for size in sizes))

    # --- variables -----------------------------------------------------------------------------------------

    @property
    def dtype(self) -> Any:
        """The float type of the variables."""
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
        """Make a variable that this layer owns.

        The name may come first (Keras 2) or the shape (Keras 3). The default initializer is
        Glorot's uniform one for floats, zeros for other types.
        """
        if name is not None and not isinstance(name, str):
            name, shape = (shape if isinstance(shape, str) else None), name
        name = name or f"variable_{len(self._own_variables)}" if self._own_variables else name or "variable"
        shape = validate_param(type(self).__name__, "shape", shape, _WEIGHT_SHAPE)
        sizes = (shape,) if isinstance(shape, int) else tuple(shape or ())
        if any(size is None for size in sizes):
            raise ShapeError(f"layer {self.name!r}: weight {name!r} needs a known shape, got {sizes}")
        dtype = jnp.dtype(dtype) if dtype is not None else self.dtype
        if initializer is None:
            initializer = "glorot_uniform" if jnp.issubdtype(dtype, jnp.floating) else "zeros"
        make: Any = initializers.get(initializer)
        charge_weight(str(self.name), name, sizes, dtype.itemsize)
        budget = loading()
        if budget is not None and budget.restores:
            # Drawing takes longer than reading: an orthogonal kernel of 8 MB takes 14 s.
            make = initializers.replace_with_zeros(make)
        try:
            value = make(tuple(int(size) for size in sizes), dtype=dtype)
        except (MemoryError, RuntimeError) as error:
            what = f"layer {self.name!r}: weight {name!r} of shape {sizes}"
            raise_if_out_of_memory(error, what, "make the layer smaller")
            raise
        variable = Variable(value, name=name, trainable=trainable, dtype=dtype)
        variable.path = f"{self.name}/{name}"
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        self._own_variables.append(variable)
        return variable

    def _named_children(self) -> Iterator[tuple[str, Layer]]:
        """Yield ``(attribute name, layer)`` for the layers held as attributes, also in lists and dicts.

        In the order the attributes were set; lists are looked into each time, so layers may be appended later.
        """
        for name, value in list(self.__dict__.items()):
            if isinstance(value, _HOLDERS) and name not in ("_inbound_nodes", "_own_variables"):
                yield from _layers_in(name, value)

    def _named_own_variables(self) -> Iterator[tuple[str, Variable]]:
        """Yield ``(name, variable)`` for the variables of this layer itself, as in Keras those that learn first."""
        seen: Counter[str] = Counter()
        held = [value for value in self.__dict__.values() if isinstance(value, Variable)]
        named = []
        for variable in [
            *self._own_variables,
            *(v for v in held if all(v is not own for own in self._own_variables)),
        ]:
            count = seen[variable.name]
            seen[variable.name] += 1
            named.append((f"{variable.name}_{count}" if count else variable.name, variable))
        yield from sorted(named, key=lambda pair: not pair[1].trainable)

    def _flatten_layers(self, path: str = "") -> Iterator[tuple[str, Layer]]:
        """Yield ``(path, layer)`` for this layer and all below it, each once, parents first."""
        yield from _walk(self, path, set())

    def _named_variables(self) -> Iterator[tuple[str, Variable]]:
        """Yield ``(path, variable)`` for every variable, each once; paths tell the place in the structure."""
        seen: set[int] = set()
        for path, layer in self._flatten_layers():
            for name, variable in layer._named_own_variables():
                if id(variable) not in seen:
                    seen.add(id(variable))
                    yield (f"{path}/{name}" if path else name), variable

    def _variables_by_name(self, around: tuple[Layer, ...] = ()) -> Iterator[tuple[str, Variable]]:
        """Yield ``("model/base/dense/kernel", variable)``: layers by name, once for every way to get there."""
        if any(layer is self for layer in around):
            return
        chain = (*around, self)
        for name, variable in self._named_own_variables():
            yield "/".join([*(str(layer.name) for layer in chain), name]), variable
        for _, child in self._named_children():
            yield from child._variables_by_name(chain)

    def _named_trainable_variables(self) -> Iterator[tuple[str, Variable]]:
        """Yield ``(path, variable)`` for the variables that training updates."""
        frozen = {
            id(variable)
            for _, layer in self._flatten_layers()
            if not layer.trainable
            for _, variable in layer._named_variables()
        }
        for path, variable in self._named_variables():
            if variable.trainable and id(variable) not in frozen:
                yield path, variable

    @property
    def variables(self) -> list[Variable]:
        """Every variable of the layer and the layers below it."""
        return [variable for _, variable in self._named_variables()]

    weights = variables

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training updates."""
        return [variable for _, variable in self._named_trainable_variables()]

    trainable_weights = trainable_variables

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that training leaves alone, or that layers update themselves."""
        trainable = {id(variable) for variable in self.trainable_variables}
        return [variable for variable in self.variables if id(variable) not in trainable]

    non_trainable_weights = non_trainable_variables

    @property
    def trainable(self) -> bool:
        """Whether training updates the variables; takes effect at the next `compile`."""
        return bool(self._trainable)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = validate_param(type(self).__name__, "trainable", value, Boolean())
        self._trainable = value
        for _, layer in self._flatten_layers():
            layer._trainable = value

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all variables as NumPy arrays."""
        self._require_built("get_weights")
        return [variable.numpy() for variable in self.variables]

    @validate_params(
        weights=Predicate(lambda value: isinstance(value, list | tuple | np.ndarray), "a list of arrays")
    )
    def set_weights(self, weights: list[Any]) -> None:
        """Assign `weights`, in the order of `get_weights`; a wrong number or shape changes nothing."""
        self._require_built("set_weights")
        variables = self.variables
        if len(weights) != len(variables):
            raise ShapeError(
                f"layer {self.name!r} has {len(variables)} weights, set_weights got {len(weights)}"
            )
        for variable, value in zip(variables, weights, strict=True):
            if tuple(np.shape(value)) != variable.shape:
                raise ShapeError(
                    f"weight {variable.path!r} has shape {variable.shape}, got {np.shape(value)}"
                )
        for variable, value in zip(variables, weights, strict=True):
            variable.assign(value)

    def count_params(self) -> int:
        """Return the number of elements of all variables."""
        self._require_built("count_params")
        return sum(variable.size for variable in self.variables)

    def _require_built(self, what: str) -> None:
        if not self.built and not self._own_variables and type(self).build is not Layer.build:
            raise StateError(
                f"{what}: layer {self.name!r} has no weights yet; call it once, or give it an input shape"
            )

    # --- calling -------------------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the variables for inputs of `input_shape` (batch size None); subclasses override."""
        self.built = True

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; subclasses override."""
        raise NotDefined(f"{type(self).__name__} must define call(self, inputs)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        charge_call()
        if find_keras_tensors((args, kwargs)):
            return self._symbolic_call(args, kwargs)
        args = tuple(self._convert(arg) for arg in args)
        self._maybe_build(*args)
        if not in_call_context():
            with call_context(CallContext()):
                return self._compute(args, kwargs)
        return self._compute(args, kwargs)

    def _compute(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        context = current()
        outer = context.training
        asked = kwargs.pop("training", None)
        if asked is not None:
            context.training = asked
        if "training" in self._call_arguments():
            kwargs["training"] = bool(context.training)
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
            output = output.value  # a layer may give one of its own
        elif output is None:
            raise InvalidArgument(
                f"layer {self.name!r} ({type(self).__name__}): call returned None; is its return statement missing?"
            )
        if self.activity_regularizer is not None:
            context.losses.append(self._activity_penalty(output))
        if context.intermediates is not None:
            context.intermediates.append((self, output))
        return output

    def _activity_penalty(self, output: Any) -> Array:
        """Return the activity penalty: summed over the batch and divided by its true size, as in Keras."""
        weights = current().sample_mask
        rows = jnp.asarray(output.shape[0] if weights is None else jnp.sum(weights), dtype=output.dtype)
        if weights is not None:
            output = output * weights.reshape((-1,) + (1,) * (output.ndim - 1)).astype(output.dtype)
        return self.activity_regularizer(output) / rows

    def next_key(self) -> Array:
        """Return a random key of JAX for what `call` draws: another one at every step and for every draw.

        Keys derive from the seed of the run (`utils.set_random_seed`), so a run that is resumed, or a member of a
        population, draws what it would have drawn. What NumPy or Python draw in `call` is drawn once, while the run
        is compiled, and the same at every step.

        >>> import jax
        >>> noise = jax.random.normal(Layer().next_key(), (2, 3))
        >>> noise.shape
        (2, 3)
        """
        return current().next_key()

    def add_loss(self, loss: Any) -> None:
        """Add a scalar computed in `call` to the training loss."""
        current().losses.append(jnp.asarray(loss))

    @classmethod
    def _call_arguments(cls) -> frozenset[str]:
        if cls not in Layer._signatures:
            parameters = inspect.signature(cls.call).parameters
            Layer._signatures[cls] = frozenset(parameters)
        return Layer._signatures[cls]

    def _convert(self, value: Any) -> Any:
        """Turn NumPy arrays, lists of numbers and variables into JAX arrays; floats take the layer's dtype."""
        if isinstance(value, jax.Array):
            pass
        elif isinstance(value, Variable):
            value = value.value
        elif isinstance(value, np.ndarray | np.number):
            value = jax.device_put(value)
        elif isinstance(value, Mapping):
            return {key: self._convert(item) for key, item in value.items()}
        elif isinstance(value, list | tuple):
            if value and all(_is_numeric(item) for item in value):
                value = jax.device_put(np.asarray(value))
            else:
                return type(value)(self._convert(item) for item in value)
        elif hasattr(value, "to_numpy"):
            value = jax.device_put(value.to_numpy())
        else:
            return value
        if jnp.issubdtype(value.dtype, jnp.floating) and value.dtype != self.dtype:
            value = value.astype(self.dtype)
        return value

    def _maybe_build(self, *inputs: Any) -> None:
        """Build for these inputs if that has not happened yet."""
        if self.built:
            return
        shapes = (
            get_batch_shape(inputs[0])
            if len(inputs) == 1
            else [get_batch_shape(item) for item in inputs if hasattr(item, "shape")]
        )
        self._build_for(shapes)

    def _build_for(self, shapes: Any) -> None:
        self._build_input_shape = shapes
        self.build(shapes)
        self.built = True

    def _symbolic_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Add a node to the graph: infer the outputs' shapes, and return their symbols."""
        if not self.built:
            shapes = [get_batch_shape(arg) for arg in args if find_keras_tensors(arg)]
            self._build_for(shapes[0] if len(shapes) == 1 else shapes)
        structs, again = self._output_spec_for_two_sizes(args, kwargs)
        node = Node(self, args, dict(kwargs))
        leaves, structure = jax.tree.flatten(structs)
        charge_memory(len(leaves) * (_SYMBOL + len(str(self.name))), f"the outputs of layer {self.name!r}")
        outputs = [
            from_shape_dtype_structs(leaf, other, node, f"{self.name}_{i}" if i else str(self.name))
            for i, (leaf, other) in enumerate(zip(leaves, jax.tree.leaves(again), strict=True))
        ]
        node.outputs = jax.tree.unflatten(structure, outputs)
        self._inbound_nodes.append(node)
        return node.outputs

    def _output_spec_for_two_sizes(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """Return the abstract outputs with either stand-in for unknown sizes; one trace serves if there are none."""
        drawn = self._known_output_spec(args, kwargs)
        if drawn is not None:
            return drawn, drawn
        structs = self._compute_output_spec(args, kwargs)
        unknown = has_unknown_sizes(find_keras_tensors((args, kwargs)))
        return structs, self._compute_output_spec(args, kwargs, attempt=1) if unknown else structs

    def _known_output_spec(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what is known to come out for symbols like these; None if it takes a trace to know.

        Models that were drawn know it. Without that, a model that calls a model twice that calls a model twice, and
        so on, would be traced twice as long at each step.
        """
        return None

    def _compute_output_spec(self, args: tuple[Any, ...], kwargs: dict[str, Any], attempt: int = 0) -> Any:
        """Return the abstract outputs for symbolic arguments, by tracing `call` on abstract arrays."""
        leaves, structure = jax.tree.flatten((args, kwargs), is_leaf=is_keras_tensor)
        places = [i for i, leaf in enumerate(leaves) if is_keras_tensor(leaf)]

        def run(arrays: list[Array]) -> Any:
            filled = list(leaves)
            for place, array in zip(places, arrays, strict=True):
                filled[place] = array
            real_args, real_kwargs = jax.tree.unflatten(structure, filled)
            # Fresh variables may be assigned (moving statistics) while shapes are inferred: shield them.
            with call_context(CallContext(training=False, key=jax.random.key(0))), preserve_variables(self):
                return self(*real_args, **real_kwargs)

        with explain_tracing_errors():
            return jax.eval_shape(run, [to_shape_dtype_struct(leaves[place], attempt) for place in places])

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output's shape for inputs of `input_shape` (batch size None)."""
        symbols = _symbols_for(input_shape)
        if not self.built:
            self._build_for(get_batch_shape(symbols))
        both = [jax.tree.leaves(structs) for structs in self._output_spec_for_two_sizes((symbols,), {})]
        shapes = [
            from_shape_dtype_structs(leaf, other, None, "").shape for leaf, other in zip(*both, strict=True)
        ]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output(self) -> Any:
        """The symbolic output of the first call on symbols."""
        return self._first_node("output").outputs

    @property
    def input(self) -> Any:
        """The symbolic input of the first call on symbols."""
        inputs = self._first_node("input").inputs
        return inputs[0] if len(inputs) == 1 else inputs

    @property
    def output_shape(self) -> Any:
        """The shape of the output, batch size None."""
        return get_batch_shape(self.output)

    @property
    def input_shape(self) -> Any:
        """The shape of the input, batch size None."""
        return get_batch_shape(self.input)

    def _first_node(self, what: str) -> Node:
        if not self._inbound_nodes:
            raise StateError(f"layer {self.name!r} has no symbolic {what}: it was never called on an Input")
        return self._inbound_nodes[0]

    # --- configuration -------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        """Show the name and what differs from the defaults: ``Dense(units=3, activation=relu, name='dense')``."""
        parameters = inspect.signature(type(self).__init__).parameters
        shown = [
            (name, value)
            for name, value in self._readable_arguments()
            if name not in _BASE_ARGUMENTS and not is_default(value, parameters[name].default)
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
        """Return the constructor's arguments as plain data, with the name and what differs from the defaults."""
        settings: dict[str, Any] = {"name": self.name}
        if not self._trainable:
            settings["trainable"] = False
        if self._dtype is not None:
            settings["dtype"] = str(self._dtype)
        if self.activity_regularizer is not None:
            settings["activity_regularizer"] = serialize(self.activity_regularizer)
        for name in self._arguments():
            # A class without an __init__ of its own has the base's arguments, which are told above.
            if name in settings or type(self).__init__ is Layer.__init__:
                continue
            if not hasattr(self, name):
                raise InvalidArgument(
                    f"{type(self).__name__} keeps no attribute {name!r} for its argument of that name; "
                    "store it in __init__ or override get_config"
                )
            settings[name] = serialize(getattr(self, name))
        return settings


def _symbols_for(shape: Any) -> Any:
    """Return a symbol of a shape; of a list or dict of shapes the same structure of symbols."""
    if isinstance(shape, Mapping):
        return {key: _symbols_for(item) for key, item in shape.items()}
    if isinstance(shape, list) and shape and isinstance(shape[0], list | tuple | Mapping):
        return [_symbols_for(item) for item in shape]
    return KerasTensor(tuple(shape))


def _is_numeric(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_numeric(item) for item in value)
    return isinstance(value, bool | int | float | np.number)


_HOLDERS = (Layer, list, tuple, dict)


def _layers_in(name: str, value: Any) -> Iterator[tuple[str, Layer]]:
    if isinstance(value, Layer):
        yield name, value
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _layers_in(f"{name}.{index}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _layers_in(f"{name}.{key}", item)


def _walk(layer: Layer, path: str, seen: set[int]) -> Iterator[tuple[str, Layer]]:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield path, layer
    for name, child in layer._named_children():
        yield from _walk(child, f"{path}.{name}" if path else name, seen)


@contextmanager
def preserve_variables(layer: Layer) -> Iterator[None]:
    """Undo, after the block, what the code inside assigned to the layer's variables, and to attributes with arrays."""
    from fitwell._variables import stateless_scope

    before = [(vars(part), dict(vars(part))) for _, part in layer._flatten_layers()]
    with stateless_scope({variable: variable.value for variable in layer.variables}):
        yield
    for now, then in before:
        restore_arrays(now, then)


def register(*aliases: str) -> Callable[[Any], Any]:
    """Register a layer class under its name and `aliases`."""
    return registry.register(*aliases)
