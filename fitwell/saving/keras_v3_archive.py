"""Functions that read and write Keras 3's ``.keras`` archives.

An archive is a zip file with three members. `metadata.json` contains the Keras version. `config.json` contains the
architecture and the compile arguments. `model.weights.h5` contains the weights under their layers' paths (see
`keras_order`), such as ``layers/dense/vars/0``, and the optimizer state, such as ``optimizer/vars/0``.
"""

from __future__ import annotations

import datetime
import io
import json
import zipfile
from pathlib import Path
from typing import IO, Any

from fitwell._load_budget import LARGEST_TEXT, LoadBudget
from fitwell._registry import serialize, shared_object_scope
from fitwell.errors import FileError
from fitwell.saving import fitwell_group, keras_v3_weights, optimizer_state
from fitwell.saving.bounded_json import dump_json, parse_json
from fitwell.saving.hdf5_reader import HDF5Reader, open_hdf5
from fitwell.saving.keras_compile_config import compile_from_config, get_compile_config
from fitwell.saving.keras_config import to_keras
from fitwell.saving.keras_v2_h5 import KERAS_VERSION
from fitwell.saving.model_builder import build_model, convert_config_errors
from fitwell.saving.name_encoding import encode_attribute
from fitwell.saving.zip_reader import declared_size, open_archive, read_member

__all__ = ["model_config", "read_model", "write_model"]

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"


# --- writing -----------------------------------------------------------------------------------------------


def write_model(target: IO[bytes], model: Any, include_optimizer: bool) -> None:
    """Write `model` to the open, empty file `target`.

    If `include_optimizer` is True, the compile arguments and the training state are included.
    """
    import h5py

    config = model_config(model)
    compilation = get_compile_config(model) if include_optimizer else None
    if compilation is not None:
        config["compile_config"] = compilation
    text = dump_json(config)
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        keras_v3_weights.write_weights(file, model)
        if compilation is not None:
            _write_optimizer(file, model)
        fitwell_group.write_fitwell_group(file, model, training=compilation is not None)
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(_METADATA, json.dumps({"keras_version": KERAS_VERSION, "date_saved": now}))
        archive.writestr(_CONFIG, text)
        archive.writestr(_WEIGHTS, weights.getvalue())


def model_config(model: Any) -> dict[str, Any]:
    """Return the architecture of `model` in Keras's format, including its input shape."""
    with shared_object_scope():
        config: dict[str, Any] = to_keras(serialize(model))
    config["build_config"] = {"input_shape": model._build_input_shape}
    return config


def _write_optimizer(file: Any, model: Any) -> None:
    group = file.create_group("optimizer/vars")
    group.attrs["name"] = encode_attribute(str(model.optimizer.name))
    for number, (_, array) in enumerate(optimizer_state.optimizer_arrays(model)):
        group[str(number)] = array


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
    with open_archive(path, where, ".keras archive") as archive:
        config = parse_json(read_member(archive, _CONFIG, where, LARGEST_TEXT), where)
        if not isinstance(config, dict):
            raise FileError(f"{where}: expected the configuration to be a dict, got {type(config).__name__}")
        budget.weights = declared_size(archive, _WEIGHTS, where)
        budget.restores = True
        model = build_model(config, where)
        budget.restores = False
        weights = read_member(archive, _WEIGHTS, where, _most_bytes(model))
    with open_hdf5(io.BytesIO(weights), where) as file:
        keras_v3_weights.read_weights(file, model)
        if compile and config.get("compile_config"):
            with convert_config_errors(where):
                compile_from_config(model, config["compile_config"])
            _read_optimizer(file, model)
            fitwell_group.read_training_position(file, model)
        fitwell_group.verify_reference_output(file, model)
    return model


def _most_bytes(model: Any) -> int:
    """Return the maximum size in bytes of the model's weights file, including optimizer state and HDF5 headers."""
    variables = model.variables
    size = sum(variable.size * variable.dtype.itemsize for variable in variables)
    return int(8 * size + 2**20 + 2**15 * len(variables))


def _read_optimizer(file: HDF5Reader, model: Any) -> None:
    if "optimizer/vars" in file:
        group = file.child("optimizer/vars")
        arrays = [group.array(str(number)) for number in range(len(group.keys()))]
        # Before the first update, Keras may write only the step and the learning rate.
        if len(arrays) > 2 or (arrays and model.optimizer.slot_names() == ()):
            optimizer_state.restore_optimizer(model, arrays, file.where)
