"""Save and load models, weights and architectures."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from fitwell._file_io import atomic_writer
from fitwell._load_budget import LARGEST_WITHOUT_FILE, limit_loading
from fitwell._param_validation import FilePath, Instance, validate_params
from fitwell._registry import custom_objects as custom_object_scope
from fitwell._registry import register_custom_object
from fitwell.errors import FileError, InvalidArgument, StateError
from fitwell.layers.base import Layer
from fitwell.saving import keras_v2_h5, keras_v3_archive, keras_v3_weights, npz_safetensors
from fitwell.saving.bounded_json import dump_json, parse_json
from fitwell.saving.hdf5_reader import open_hdf5
from fitwell.saving.model_builder import build_model
from fitwell.saving.path_checks import check_input_path, check_output_path

__all__ = [
    "load_model",
    "load_weights",
    "model_from_json",
    "register",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "to_json",
]

_MODEL_SUFFIXES = (".keras", ".h5", ".hdf5")
_WEIGHTS_SUFFIXES = (".h5", ".hdf5", ".npz", ".safetensors")


# --- models ------------------------------------------------------------------------------------------------


@validate_params(model=Instance(Layer, "a model"), filepath=FilePath())
def save_model(model: Any, filepath: Any, overwrite: bool = True, include_optimizer: bool = True) -> None:
    """Save a model: architecture, weights, compilation, and the training state.

    Keras reads both formats if it knows the layers. The file is written completely or not at all.

    Args:
        model (Model): The model. Its weights must already exist.
        filepath (str | PathLike): Name of the file: ``.keras`` is the archive of Keras 3, and ``.h5`` or ``.hdf5``
            the whole-model file of Keras 2.
        overwrite (bool): Replace an existing file. Default: True.
        include_optimizer (bool): Save the compilation and the optimizer state. Default: True.

    Raises:
        StateError: if the model has no weights yet.
        FileError: if the file cannot be written, or exists and `overwrite` is False.

    Example:
        >>> import fitwell as fw, os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "model.keras")
        >>> model = fw.Sequential([fw.layers.Dense(2, input_shape=(3,))])
        >>> fw.saving.save_model(model, path)
        >>> fw.saving.load_model(path).output_shape
        (None, 2)

    Source: Keras `save_model`.
    """
    path = check_output_path(filepath, _MODEL_SUFFIXES, overwrite)
    if not model.built:
        raise StateError(f"model {model.name!r} has no weights yet: call it once, or fit it, before saving")
    write = keras_v3_archive.write_model if path.suffix == ".keras" else keras_v2_h5.write_model
    with atomic_writer(path) as file:
        write(file, model, include_optimizer)


@validate_params(filepath=FilePath(), custom_objects=Instance(Mapping, "a dict") | None)
def load_model(
    filepath: Any,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """Load a model that `save_model` or Keras saved.

    No code is ever read from the file. The memory and time that a file may use grow with its size; ``docs/files.md``
    lists the limits.

    Args:
        filepath (str | PathLike): Name of a ``.keras``, ``.h5`` or ``.hdf5`` file.
        custom_objects (Mapping | None): User-defined classes and functions by the names in the file. Registered
            objects (`register_keras_serializable`) need not be listed. Default: None.
        compile (bool): Compile the model as it was compiled when it was saved. Default: True.
        safe_mode (bool): Must be True: fitwell has no unsafe mode. Default: True.

    Returns:
        Model: The model.

    Raises:
        FileError: if the file cannot be read or is not valid; the message names the file.

    Example:
        >>> import os, tempfile
        >>> import fitwell as fw
        >>> path = os.path.join(tempfile.mkdtemp(), "model.keras")
        >>> fw.Sequential([fw.Input((2,)), fw.layers.Dense(1)]).save(path)
        >>> fw.models.load_model(path).count_params()
        3

    Source: Keras `load_model`.
    """
    if not safe_mode:
        raise FileError(
            "safe_mode=False: fitwell never runs code from a file; pass user-defined classes and functions as "
            "custom_objects, or build the model in code and use load_weights"
        )
    path = check_input_path(filepath, _MODEL_SUFFIXES)
    # Keras 2: HDF5 was written under any name, so some files have the suffix of the other format.
    is_archive = zipfile.is_zipfile(path) or path.suffix == ".keras"
    read = keras_v3_archive.read_model if is_archive else keras_v2_h5.read_model
    where = str(path)
    with limit_loading(where, path.stat().st_size) as budget, custom_object_scope(custom_objects or {}):
        return read(path, compile, budget)


# --- architectures -----------------------------------------------------------------------------------------


@validate_params(model=Instance(Layer, "a model"))
def to_json(model: Any, **options: Any) -> str:
    """Return the architecture of a model, without weights, as JSON in the format of Keras 3.

    Args:
        model (Model): The model.
        **options: Arguments of `json.dumps`, such as ``indent=2``.

    Returns:
        str: The configuration.

    Example:
        >>> import fitwell as fw
        >>> model = fw.Sequential([fw.layers.Dense(2, input_shape=(3,))])
        >>> fw.saving.model_from_json(fw.saving.to_json(model)).count_params()
        8

    Source: Keras `Model.to_json`.
    """
    return dump_json(keras_v3_archive.model_config(model), **options)


@validate_params(json_string=Instance((str, bytes), "the string that to_json returned"))
def model_from_json(json_string: str | bytes, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return a model with new weights from the JSON that `to_json`, here or in Keras, returned.

    Args:
        json_string (str | bytes): The configuration.
        custom_objects (Mapping | None): User-defined classes and functions by the names in the JSON. Default: None.

    Returns:
        Model: The model, not compiled.

    Raises:
        FileError: if the JSON is not a valid configuration, or asks for more than 256 MiB of weights: unlike a
            ``.keras`` file, it does not contain them. Build a larger model in code, or load it from a file.

    Example:
        >>> import fitwell as fw
        >>> json_string = fw.Sequential([fw.Input((2,)), fw.layers.Dense(1)]).to_json()
        >>> fw.models.model_from_json(json_string).count_params()
        3

    Source: Keras `model_from_json`.
    """
    where = "model_from_json"
    beyond = (
        f"which is, with the weights before it, more than the {LARGEST_WITHOUT_FILE // 2**20} MiB that JSON "
        "without a file of weights may ask for: build this model in code, or load_model a .keras file of it"
    )
    limit = limit_loading(where, len(json_string), LARGEST_WITHOUT_FILE, beyond=beyond)
    with limit, custom_object_scope(custom_objects or {}):
        return build_model(parse_json(json_string, where), where)


# --- weights -----------------------------------------------------------------------------------------------


@validate_params(model=Instance(Layer, "a model"), filepath=FilePath())
def save_weights(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Save the weights of a model.

    Args:
        model (Model): The model. Its weights must already exist.
        filepath (str | PathLike): Name of the file. ``.weights.h5`` has the layout of Keras 3, and any other ``.h5``
            or ``.hdf5`` that of Keras 2. ``.npz`` and ``.safetensors`` have one array per variable, named by its path
            in the model (``"layers.0/kernel"``).
        overwrite (bool): Replace an existing file. Default: True.

    Raises:
        StateError: if the model has no weights yet.
        FileError: if the file cannot be written, or exists and `overwrite` is False.

    Example:
        >>> import fitwell as fw, numpy as np, os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "model.npz")
        >>> model = fw.Sequential([fw.layers.Dense(1, kernel_initializer="ones", input_shape=(2,))])
        >>> fw.saving.save_weights(model, path)
        >>> np.load(path)["layers.0/kernel"].tolist()
        [[1.0], [1.0]]

    Source: Keras `Model.save_weights`.
    """
    path = check_output_path(filepath, _WEIGHTS_SUFFIXES, overwrite)
    model._require_built("save_weights")
    with atomic_writer(path) as target:
        if path.suffix == ".npz":
            npz_safetensors.write_npz(target, model)
        elif path.suffix == ".safetensors":
            npz_safetensors.write_safetensors(target, model)
        else:
            _write_hdf5(target, path, model)


def _write_hdf5(target: IO[bytes], path: Path, model: Any) -> None:
    import h5py

    is_v3 = path.name.endswith(".weights.h5")
    write = keras_v3_weights.write_weights if is_v3 else keras_v2_h5.write_layers
    with h5py.File(target, "w") as file:
        write(file, model)


@validate_params(model=Instance(Layer, "a model"), filepath=FilePath())
def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, by_name: bool = False) -> None:
    """Load weights saved by fitwell or Keras into a model of the same architecture.

    Args:
        model (Model): The model. Its weights must already exist.
        filepath (str | PathLike): Name of a weights file (see `save_weights`), or of a whole-model ``.h5`` file.
        skip_mismatch (bool): Skip weights that do not fit, each with a warning. Otherwise nothing is loaded unless
            all weights fit. Default: False.
        by_name (bool): Match layers by name and skip layers that only the model or only the file has, with a warning
            if nothing is left. For files in the layout of Keras 2 only. Default: False.

    Raises:
        WeightsMismatch: if the weights do not fit; the message names the layer and both shapes.
        FileError: if the file cannot be read or is not valid.
        InvalidArgument: if `by_name` is True and the file has another layout.
        StateError: if the model has no weights yet.

    Example:
        >>> import fitwell as fw, os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "model.weights.h5")
        >>> trained, model = (fw.Sequential([fw.layers.Dense(1, input_shape=(2,))]) for _ in range(2))
        >>> fw.saving.save_weights(trained, path)
        >>> fw.saving.load_weights(model, path)
        >>> (model.get_weights()[0] == trained.get_weights()[0]).all()
        np.True_

    Source: Keras `Model.load_weights`.
    """
    path = check_input_path(filepath, _WEIGHTS_SUFFIXES)
    model._require_built("load_weights")
    where = str(path)
    with limit_loading(where, path.stat().st_size):
        if path.suffix in (".npz", ".safetensors"):
            names_layers = False
            if not by_name:
                npz_safetensors.read_weights(path, model, skip_mismatch)
        else:
            names_layers = _load_hdf5(model, where, skip_mismatch, by_name)
    if by_name and not names_layers:
        raise InvalidArgument(
            f"load_weights: by_name=True works for .h5 files in Keras 2's layout, {path.name!r} names no layers; "
            "skip_mismatch=True loads the weights that fit"
        )


def _load_hdf5(model: Any, where: str, skip_mismatch: bool, by_name: bool) -> bool:
    """Load the weights, unless `by_name` is True and the file has no layer names; return whether it has."""
    with open_hdf5(where, where) as file:
        has_names = "layer_names" in file.group.attrs
        if has_names or "model_weights" in file:
            # A layer may also be called "model_weights".
            group = file if has_names else file.child("model_weights")
            keras_v2_h5.read_layers(group, model, skip_mismatch, by_name)
            return True
        if not by_name:
            keras_v3_weights.read_weights(file, model, skip_mismatch)
        return False


# --- registration ------------------------------------------------------------------------------------------


@validate_params()
def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """Return a decorator that registers a class or function, so that files that name it can be loaded.

    Args:
        package (str): First part of the registered name ``"package>name"``. Default: ``"Custom"``.
        name (str | None): Second part. The object is found by it, too. Default: None, its ``__name__``.

    Returns:
        Callable: The decorator.

    Example:
        >>> import fitwell as fw
        >>> @fw.saving.register_keras_serializable(package="example")
        ... def halve(x):
        ...     return x / 2
        >>> fw.activations.get("halve") is halve
        True

    Source: Keras `register_keras_serializable`.
    """

    def decorate(entry: Any) -> Any:
        return register_custom_object(entry, name, package)

    return decorate


register = register_keras_serializable
