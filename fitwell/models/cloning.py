"""`clone_model`, which copies a model's architecture and initializes new weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fitwell._param_validation import CallableRule, Instance, validate_params
from fitwell._registry import custom_objects, deserialize, serialize, shared_object_scope
from fitwell.errors import InvalidArgument
from fitwell.layers.base import Layer
from fitwell.layers.input_layer import InputLayer
from fitwell.layers.keras_tensor import KerasTensor, is_keras_tensor
from fitwell.models.functional import Functional
from fitwell.models.graph_rebuilding import rebuild_graph
from fitwell.models.model import Model
from fitwell.models.sequential import Sequential

__all__ = [
    "clone_model",
]


@validate_params(
    model=Instance(Model, "a model"),
    clone_function=CallableRule() | None,
    call_function=CallableRule() | None,
)
def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Any:
    """Return a new, uncompiled model with the same architecture and newly initialized weights.

    If the model has an input shape, the clone is built with the same shape and has weights immediately. Subclassed
    models are cloned with their `get_config` and `from_config`.

    Args:
        model (Model): The model to clone.
        input_tensors (KerasTensor | list[KerasTensor] | None): Symbolic inputs for the clone, one for each input of
            `model`. They are symbolic tensors that `Input` or layers returned. Defaults to None, which creates new
            inputs like the model's.
        clone_function (Callable[[Layer], Layer] | None): A function that returns a copy of each layer of a `Sequential`
            or functional model, except `Input`. It may return a layer of a different class, or the layer itself to
            share it. Defaults to None, which creates each copy from the layer's
            configuration.
        call_function (Callable | None): A function that calls each copy where a functional model calls the original
            layer: ``call_function(copy, *args, **kwargs)``. It may call more layers before or after the copy.
            Default: None.
        recursive (bool): Whether to pass the layers of a nested model to `clone_function` one by one, instead of the
            nested model itself. Default: False.

    Returns:
        Model: The clone.

    Raises:
        InvalidArgument: if an argument does not work for this kind of model, or if `clone_function` does not return
            a layer.

    Example:
        >>> import fitwell as fw
        >>> model = fw.Sequential([fw.layers.Dense(4, input_shape=(3,)), fw.layers.Dropout(0.5)])
        >>> def copy(layer):
        ...     if isinstance(layer, fw.layers.Dropout):
        ...         return fw.layers.MCDropout(layer.rate)
        ...     return layer.__class__.from_config(layer.get_config())
        >>> noisy = fw.models.clone_model(model, clone_function=copy)
        >>> noisy.set_weights(model.get_weights())
        >>> [type(layer).__name__ for layer in noisy.layers]
        ['Dense', 'MCDropout']

    Source: Keras `clone_model`.
    """
    plain = clone_function is None and call_function is None and input_tensors is None
    _check_arguments(model, plain, call_function)
    inputs, call = _check_input_tensors(model, input_tensors), call_function or _call_layer
    if clone_function is not None:
        return _LayerCopier(clone_function, call, recursive).copy_model(model, inputs)
    with custom_objects(_collect_custom_objects(model)), shared_object_scope():
        if not isinstance(model, Sequential | Functional):
            return type(model).from_config(model.get_config())
        if plain:
            return deserialize(serialize(model))
        return _LayerCopier(lambda layer: deserialize(serialize(layer)), call, recursive).copy_model(
            model, inputs
        )


def _check_arguments(model: Any, plain: bool, call_function: Callable[..., Any] | None) -> None:
    """Raise `InvalidArgument` if an argument does not work for this kind of model."""
    if not plain and not isinstance(model, Sequential | Functional):
        raise InvalidArgument(
            "clone_model: clone_function, call_function and input_tensors work only for Sequential and functional "
            "models; a subclassed model is cloned with its get_config and from_config"
        )
    if call_function is not None and isinstance(model, Sequential):
        raise InvalidArgument(
            "clone_model: call_function works only for functional models; for a Sequential model, use "
            "clone_function, which may replace a layer with a Sequential of multiple layers"
        )


def _call_layer(layer: Layer, *args: Any, **kwargs: Any) -> Any:
    return layer(*args, **kwargs)


def _check_input_tensors(model: Any, input_tensors: Any) -> list[KerasTensor] | None:
    """Return the clone's symbolic inputs in the order of the model's inputs, or None to create new inputs."""
    if input_tensors is None:
        return None
    if isinstance(input_tensors, Mapping) and set(input_tensors) == set(model.input_names):
        input_tensors = [input_tensors[name] for name in model.input_names]
    tensors = list(input_tensors) if isinstance(input_tensors, list | tuple) else [input_tensors]
    if not all(map(is_keras_tensor, tensors)) or len(tensors) != len(model.input_names):
        raise InvalidArgument(
            "clone_model: input_tensors must be the results of Input(...) or of layers called on them, one for each of "
            f"the model's inputs ({', '.join(model.input_names)}), got {input_tensors!r}"
        )
    return tensors


class _LayerCopier:
    """A copier that makes one copy of each layer, even if the layer is called more than once."""

    def __init__(
        self, clone_function: Callable[[Layer], Layer], call: Callable[..., Any], recursive: bool
    ) -> None:
        self.clone_function = clone_function
        self.call = call
        self.recursive = recursive
        self._made: dict[int, Layer] = {}

    def copy_layer(self, layer: Layer) -> Layer:
        """Return the copy of `layer`, and create it on the first call."""
        if id(layer) not in self._made:
            inside = self.recursive and isinstance(layer, Sequential | Functional)
            copy = self.copy_model(layer) if inside else self.clone_function(layer)
            if not isinstance(copy, Layer):
                raise InvalidArgument(
                    f"clone_model: clone_function must return a layer, got {copy!r} for {layer.name!r}"
                )
            self._made[id(layer)] = copy
        return self._made[id(layer)]

    def copy_model(self, model: Any, inputs: list[KerasTensor] | None = None) -> Any:
        """Return a model that consists of copied layers.

        Args:
            model: The model to copy.
            inputs: The symbolic inputs of the copy, or None to copy the inputs of `model`.
        """
        clone = _clone_sequential if isinstance(model, Sequential) else _clone_functional
        return clone(model, self, inputs)


def _clone_sequential(model: Any, copies: _LayerCopier, inputs: list[KerasTensor] | None) -> Sequential:
    clone = Sequential(name=model.name, trainable=model._trainable)
    if inputs is not None:
        clone.add(InputLayer(batch_shape=inputs[0].shape, dtype=inputs[0].dtype, name=inputs[0].name))
    elif model._input_layer is not None:
        clone.add(_copy_of_input(model._input_layer))
    for layer in model.layers:
        clone.add(copies.copy_layer(layer))
    return clone


def _clone_functional(model: Any, copies: _LayerCopier, inputs: list[KerasTensor] | None) -> Any:
    def call(layer: Layer, *args: Any, **kwargs: Any) -> Any:
        if isinstance(layer, InputLayer):
            return _copy_of_input(layer).output
        return copies.call(copies.copy_layer(layer), *args, **kwargs)

    replacements = (
        {} if inputs is None else {id(old): new for old, new in zip(model.inputs, inputs, strict=True)}
    )
    replace = rebuild_graph(model.nodes, replacements, call)
    ends = replace((model._graph_inputs, model._graph_outputs))
    return model._from_graph(inputs=ends[0], outputs=ends[1], name=model.name, trainable=model._trainable)


def _copy_of_input(layer: InputLayer) -> InputLayer:
    return InputLayer.from_config(layer.get_config())


def _collect_custom_objects(model: Model) -> dict[str, Any]:
    """Return the classes and functions in `model` that are not part of fitwell, keyed by name."""
    parts: dict[str, Any] = {}
    for _, layer in model._flatten_layers():
        for value in [layer, *vars(layer).values()]:
            entry = value if hasattr(value, "__name__") else type(value)
            written = callable(value) or hasattr(value, "get_config")
            if written and not str(entry.__module__).startswith("fitwell."):
                parts[entry.__name__] = entry
    return parts
