"""Functions that read and write whole-model ``.h5`` files in Keras 2's layout.

The root group has the attributes `model_config` and `training_config` (both JSON), `keras_version` and `backend`. The
group `model_weights` has one subgroup for each layer. The subgroup's attribute `weight_names` lists the layer's arrays,
with trainable arrays first. The group `optimizer_weights` lists the optimizer's arrays in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from fitwell._escaping import short_repr
from fitwell._load_budget import LoadBudget
from fitwell._registry import serialize, shared_object_scope
from fitwell._typing import NumpyArray
from fitwell._variables import Variable
from fitwell.errors import FileError, InvalidArgument, WeightsMismatch, warn
from fitwell.layers.base import Layer
from fitwell.saving import fitwell_group, keras_order, optimizer_state
from fitwell.saving.bounded_json import dump_json, parse_json
from fitwell.saving.hdf5_reader import HDF5Reader, open_hdf5
from fitwell.saving.keras_compile_config import compile_from_config, expand_names, get_compile_config
from fitwell.saving.keras_config import to_keras, to_keras_v2
from fitwell.saving.model_builder import build_model, convert_config_errors
from fitwell.saving.name_encoding import encode_name

__all__ = ["KERAS_VERSION", "read_layers", "read_model", "write_layers", "write_model"]

KERAS_VERSION = "3.15.0"
# Maximum size in bytes of an HDF5 attribute, which must fit in an object header.
_LARGEST_ATTRIBUTE = 64512
# Maximum number of characters that a list of names may take in an error message.
_LONGEST_LIST = 300
# Name of the group for variables that belong to the model itself and not to one of its layers.
_TOP_LEVEL_WEIGHTS = "top_level_model_weights"


# --- writing -----------------------------------------------------------------------------------------------


def write_model(target: IO[bytes], model: Any, include_optimizer: bool) -> None:
    """Write `model` to the open, empty file `target`.

    If `include_optimizer` is True, the compile arguments and the training state are included.
    """
    with shared_object_scope():
        config = to_keras_v2(to_keras(serialize(model)))
    if not (keras_order.is_functional(model) or keras_order.is_sequential(model)):
        config["build_config"] = {"input_shape": model._build_input_shape}
    text = dump_json(config)
    import h5py

    with h5py.File(target, "w") as file:
        file.attrs["keras_version"] = KERAS_VERSION
        file.attrs["backend"] = "jax"
        file.attrs["model_config"] = text
        write_layers(file.create_group("model_weights"), model)
        compilation = get_compile_config(model) if include_optimizer else None
        fitwell_group.write_fitwell_group(file, model, training=compilation is not None)
        if compilation is None:
            return
        compilation = expand_names(compilation)
        optimizer = compilation.pop("optimizer")
        training = {**to_keras_v2(compilation), "optimizer_config": to_keras_v2(optimizer)}
        file.attrs["training_config"] = dump_json(training)
        arrays = optimizer_state.optimizer_arrays(model)
        if arrays:
            _write_arrays(file.create_group("optimizer_weights"), str(model.optimizer.name), arrays)


def write_layers(group: Any, model: Any) -> None:
    """Write the weights of `model` to `group`, with one subgroup for each layer."""
    layers = keras_order.child_layers(model)
    names = [encode_name(str(layer.name)) for layer in layers]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InvalidArgument(
            f"model {model.name!r} has two layers called {min(twice)!r}, but the .h5 format needs unique names. "
            "Give one of them a different name, or save to .keras or .weights.h5."
        )
    _write_names(group, "layer_names", names)
    group.attrs["keras_version"] = KERAS_VERSION
    group.attrs["backend"] = "jax"
    for name, layer in zip(names, layers, strict=True):
        arrays = [(weight, variable.numpy()) for weight, variable in _named_variables(layer)]
        # The group "block" already exists if a layer called "block/dense" was written before.
        _write_arrays(group.require_group(name), str(layer.name), arrays)
    own = [(variable.name, variable.numpy()) for variable in keras_order.own_variables(model)]
    _write_arrays(group.create_group(_TOP_LEVEL_WEIGHTS), str(model.name), own)


def _named_variables(layer: Layer) -> list[tuple[str, Variable]]:
    """Return a layer's variables in the order of the file, each with a unique name such as ``"kernel"``."""
    places = {id(variable): path for path, variable in layer._variables_by_name()}
    named = [
        (places[id(variable)].split("/", 1)[-1], variable) for variable in keras_order.trainable_first(layer)
    ]
    used = [name for name, _ in named]
    return [(f"{name}_{i}" if used.count(name) > 1 else name, v) for i, (name, v) in enumerate(named)]


def _write_arrays(group: Any, prefix: str, arrays: Sequence[tuple[str, NumpyArray]]) -> None:
    names = [f"{encode_name(prefix)}/{encode_name(name)}" for name, _ in arrays]
    _write_names(group, "weight_names", names)
    for name, (_, array) in zip(names, arrays, strict=True):
        group.create_dataset(name, data=array)


def _write_names(group: Any, attribute: str, names: Sequence[str]) -> None:
    data = np.array([name.encode() for name in names] or [], dtype="S" if names else "S1")
    pieces = 1
    while data.nbytes // pieces > _LARGEST_ATTRIBUTE:
        pieces += 1
    if pieces == 1:
        group.attrs[attribute] = data
        return
    for number, piece in enumerate(np.array_split(data, pieces + 1)):
        group.attrs[f"{attribute}{number}"] = piece


# --- reading -----------------------------------------------------------------------------------------------


def read_model(path: Path, compile: bool, budget: LoadBudget) -> Any:
    """Read and return the model in the file at `path`.

    Call this function inside `custom_objects` and `limit_loading` blocks.

    Args:
        path: The path of the file.
        compile: Whether to compile the model and restore its training state.
        budget: The load's budget.
    """
    where = str(path)
    with open_hdf5(where, where) as file:
        config = file.string("model_config")
        if config is None:
            hint = (
                " because it contains only weights. Build the model in code, and use load_weights."
                if "layer_names" in file.group.attrs or "layers" in file
                else ""
            )
            raise FileError(f"{where}: the file has no model_config{hint}")
        weights = file.child("model_weights") if "model_weights" in file else file
        budget.weights = path.stat().st_size
        budget.restores = True
        model = build_model(parse_json(config, where), where)
        budget.restores = False
        read_layers(weights, model)
        training = file.string("training_config")
        if compile and training is not None:
            _compile(model, file, parse_json(training, where))
            fitwell_group.read_training_position(file, model)
        fitwell_group.verify_reference_output(file, model)
    return model


def _compile(model: Any, file: HDF5Reader, training: Any) -> None:
    with convert_config_errors(file.where):
        compile_from_config(model, {**training, "optimizer": training.get("optimizer_config")})
    if "optimizer_weights" in file:
        group = file.child("optimizer_weights")
        arrays = [group.array(name) for name in group.string_list("weight_names")]
        optimizer_state.restore_optimizer(model, arrays, file.where)


def read_layers(group: HDF5Reader, model: Any, skip_mismatch: bool = False, by_name: bool = False) -> None:
    """Load the weights in `group` into `model`. If an error occurs, no weight is changed.

    As in Keras, layers are matched by name if `by_name` is True or if the file and the model have the same layer names.
    Otherwise, they are matched by order.

    Args:
        group: The group that contains the layers.
        model: The model.
        skip_mismatch: Whether to skip layers that do not match the file, with a warning for each.
        by_name: Whether to match layers by name, and ignore layers that exist only in the model or only in the file.

    Raises:
        WeightsMismatch: if a layer does not match the file and `skip_mismatch` is False, or if `by_name` is False and
            the numbers of layers with weights differ.
    """
    names = group.string_list("layer_names")
    if len(set(names)) < len(names):
        raise FileError(f"{group.where}: attribute 'layer_names' has a duplicate name")
    file_layers = {name: group.child(name).string_list("weight_names") for name in names}
    layers = [layer for layer in keras_order.child_layers(model) if layer.variables]
    own_names = [encode_name(str(layer.name)) for layer in layers]
    if by_name:
        pairs = [(name, layer) for name, layer in zip(own_names, layers, strict=True) if name in file_layers]
        if not pairs and layers:
            warn(
                f"load_weights: nothing was loaded with by_name=True, because no layer of the model {model.name!r} "
                f"({_join_names(own_names)}) has the same name as a layer in {group.where} ({_join_names(names)})"
            )
    else:
        full = [name for name in names if file_layers[name]]
        if set(full) == set(own_names):
            pairs = list(zip(own_names, layers, strict=True))
        elif len(full) == len(layers):
            pairs = list(zip(full, layers, strict=True))
        else:
            raise WeightsMismatch(
                f"{group.where}: the number of layers with weights is {len(full)} in the file "
                f"({_join_names(full)}), but {len(layers)} in the model {model.name!r} "
                f"({', '.join(str(layer.name) for layer in layers)}). "
                "The file was saved from a different architecture. To load only layers with the same name, pass "
                "by_name=True."
            )
    matches: list[tuple[Variable, NumpyArray]] = []
    for name, layer in pairs:
        matches += _match_layer(
            group.child(name), file_layers[name], layer, keras_order.trainable_first(layer), skip_mismatch
        )
    own = keras_order.own_variables(model)
    if own:
        # If this group does not exist, the file has no top-level weights.
        top = group.child(_TOP_LEVEL_WEIGHTS) if _TOP_LEVEL_WEIGHTS in group else group
        own_weights = top.string_list("weight_names") if _TOP_LEVEL_WEIGHTS in group else []
        matches += _match_layer(top, own_weights, model, own, skip_mismatch)
    for variable, value in matches:
        variable.assign(value)


def _join_names(names: Sequence[str]) -> str:
    return short_repr(", ".join(names), _LONGEST_LIST, quote=False)


def _match_layer(
    group: HDF5Reader, names: list[str], layer: Any, variables: list[Variable], skip_mismatch: bool
) -> list[tuple[Variable, NumpyArray]]:
    """Return a layer's variables, each paired with its array in the file.

    If they do not match, the function warns and returns an empty list (if `skip_mismatch` is True) or raises
    `WeightsMismatch`.
    """
    problem = None
    if len(names) != len(variables):
        problem = (
            f"layer {layer.name!r}: the number of weights is {len(names)} in the file "
            f"({short_repr(', '.join(names), _LONGEST_LIST, quote=False)}), but {len(variables)} in the model "
            f"({', '.join(v.name for v in variables)})"
        )
    else:
        for name, variable in zip(names, variables, strict=True):
            shape = group.dataset(name).shape
            if shape != variable.shape:
                problem = (
                    f"layer {layer.name!r}: weight {variable.name!r} has shape {shape} in the file, but "
                    f"{variable.shape} in the model"
                )
                break
    if problem is None:
        return [(v, group.array(name)) for name, v in zip(names, variables, strict=True)]
    if not skip_mismatch:
        raise WeightsMismatch(f"{group.where}: {problem}")
    warn(f"{group.where}: skipped a layer: {problem}")
    return []
