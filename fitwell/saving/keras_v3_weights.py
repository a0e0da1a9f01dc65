"""Functions that read and write weights in Keras 3's layout, which stores each weight under its layer's path.

The layout is used in ``.weights.h5`` files and inside ``.keras`` files.
"""

from __future__ import annotations

from typing import Any

from fitwell._variables import Variable
from fitwell.errors import WeightsMismatch, warn
from fitwell.layers.base import Layer
from fitwell.saving import keras_order
from fitwell.saving.hdf5_reader import HDF5Reader
from fitwell.saving.name_encoding import encode_attribute

__all__ = ["read_weights", "write_weights"]

# The group in which Keras 2.12 to 2.15 stored a functional model's layers in ``.keras`` files.
_LEGACY_LAYERS_GROUP = "_layer_checkpoint_dependencies"


def write_weights(file: Any, model: Any) -> None:
    """Write the weights of `model` to an open HDF5 file or group."""
    for path, layer in keras_order.layer_paths(model):
        group = file.create_group(f"{path}/vars" if path else "vars")
        group.attrs["name"] = encode_attribute(str(layer.name))
        for number, variable in enumerate(keras_order.own_variables(layer)):
            array = group.create_dataset(str(number), data=variable.numpy())
            if variable.dtype.name == "bfloat16":
                array.attrs["dtype"] = "bfloat16"  # Keras reads the dtype from this attribute


def read_weights(file: HDF5Reader, model: Any, skip_mismatch: bool = False) -> None:
    """Load the weights in `file` into `model`. If an error occurs, no weight is changed.

    Args:
        file: The open HDF5 file.
        model: The model.
        skip_mismatch: Whether to skip layers that do not match the file, with a warning for each.

    Raises:
        WeightsMismatch: if a layer does not match the file and `skip_mismatch` is False.
    """
    older = "layers" not in file and _LEGACY_LAYERS_GROUP in file
    matches = []
    for path, layer in keras_order.layer_paths(model):
        variables = keras_order.own_variables(layer)
        if older:
            path = _legacy_path(path, layer)
        group = f"{path}/vars" if path else "vars"
        problem = _find_mismatch(file, group, layer, variables)
        if problem is None:
            matches += [(v, file.array(f"{group}/{i}")) for i, v in enumerate(variables)]
        elif skip_mismatch:
            warn(f"{file.where}: skipped a layer: {problem}")
        else:
            raise WeightsMismatch(f"{file.where}: {problem}")
    for variable, value in matches:
        variable.assign(value)


def _legacy_path(path: str, layer: Layer) -> str:
    return f"{_LEGACY_LAYERS_GROUP}/{layer.name}" if path else path


def _find_mismatch(file: HDF5Reader, group: str, layer: Layer, variables: list[Variable]) -> str | None:
    """Return a message that says why one layer does not match the file, or None if it matches."""
    if not variables:
        return None
    if group not in file:
        return (
            f"layer {layer.name!r} ({type(layer).__name__}) has weights "
            f"({', '.join(v.name for v in variables)}), but the file has none at {group!r}. "
            "The file was saved from a different architecture"
        )
    count = len(file.child(group).keys())
    if count != len(variables):
        return (
            f"layer {layer.name!r}: the number of weights is {count} in the file, but {len(variables)} in the model "
            f"({', '.join(v.name for v in variables)}). The file was saved from a different architecture"
        )
    for number, variable in enumerate(variables):
        shape = file.dataset(f"{group}/{number}").shape
        if shape != variable.shape:
            return (
                f"layer {layer.name!r}: weight {variable.name!r} has shape {shape} in the file, but "
                f"{variable.shape} in the model"
            )
    return None
