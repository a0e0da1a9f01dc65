"""Functions that save and load models, weights and architectures."""

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
    """Save a model with its architecture, weights, compile arguments and training state.

    Keras can read the file if all of the model's layers also exist in Keras. The file is written either completely or
    not at all.

    Args:
        model (Model): The model. Its weights must already exist.
        filepath (str | PathLike): The path of the file. A name that ends with ``.keras`` selects the archive format of
            Keras 3, and ``.h5`` or ``.hdf5`` selects the whole-model format of Keras 2.
        overwrite (bool): Whether to replace an existing file. Default: True.
        include_optimizer (bool): Whether to save the compile arguments and the optimizer state. Default: True.

    Raises:
        StateError: if the model has no weights yet.
        InvalidArgument: if the file name has an unsupported suffix.
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
        raise StateError(f"model {model.name!r} has no weights yet. Call it once or train it before saving.")
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

    No code from the file is ever run. Loading may take only a limited amount of memory and time, which depends on the
    file size. ``docs/files.md`` lists the limits.

    Args:
        filepath (str | PathLike): The path of a ``.keras``, ``.h5`` or ``.hdf5`` file.
        custom_objects (Mapping | None): A dict that maps names in the file to user-defined classes and functions.
            Registered objects (see `register_keras_serializable`) are found without it. Default: None.
        compile (bool): Whether to compile the model with the arguments in the file. Default: True.
        safe_mode (bool): Must be True, because fitwell has no unsafe mode. Default: True.

    Returns:
        Model: The model.

    Raises:
        FileError: if the file cannot be read or is not valid, or if `safe_mode` is False.
        InvalidArgument: if the file name has an unsupported suffix.

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
            "safe_mode=False is not supported, because fitwell never runs code from a file. Pass user-defined classes "
            "and functions as custom_objects, or build the model in code and use load_weights."
        )
    path = check_input_path(filepath, _MODEL_SUFFIXES)
    # Keras 2: the format did not depend on the file name, so the suffix may not match the content.
    is_archive = zipfile.is_zipfile(path) or path.suffix == ".keras"
    reader = keras_v3_archive.read_model if is_archive else keras_v2_h5.read_model
    where = str(path)
    with limit_loading(where, path.stat().st_size) as budget, custom_object_scope(custom_objects or {}):
        return reader(path, compile, budget)


# --- architectures -----------------------------------------------------------------------------------------


@validate_params(model=Instance(Layer, "a model"))
def to_json(model: Any, **options: Any) -> str:
    """Return a model's architecture, without its weights, as JSON in Keras 3's format.

    Args:
        model (Model): The model.
        **options: Additional arguments for `json.dumps`, such as ``indent=2``.

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
    """Build a model with new weights from JSON that fitwell's or Keras's `to_json` returned.

    Args:
        json_string (str | bytes): The configuration.
        custom_objects (Mapping | None): A dict that maps names in the JSON to user-defined classes and functions.
            Default: None.

    Returns:
        Model: The model, which is not compiled.

    Raises:
        FileError: if the JSON is not a valid configuration, or if the model has more than 256 MiB of weights. Build a
            larger model in code, or load it from a ``.keras`` file.

    Example:
        >>> import fitwell as fw
        >>> json_string = fw.Sequential([fw.Input((2,)), fw.layers.Dense(1)]).to_json()
        >>> fw.models.model_from_json(json_string).count_params()
        3

    Source: Keras `model_from_json`.
    """
    where = "model_from_json"
    beyond = (
        f"and the model's weights would take more than the {LARGEST_WITHOUT_FILE // 2**20} MiB that are allowed for "
        "JSON without a weights file. Build the model in code, or use load_model with a .keras file."
    )
    limit = limit_loading(where, len(json_string), LARGEST_WITHOUT_FILE, beyond=beyond)
    with limit, custom_object_scope(custom_objects or {}):
        return build_model(parse_json(json_string, where), where)


# --- weights -----------------------------------------------------------------------------------------------


@validate_params(model=Instance(Layer, "a model"), filepath=FilePath())
def save_weights(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Save a model's weights.

    Args:
        model (Model): The model. Its weights must already exist.
        filepath (str | PathLike): The path of the file. A name that ends with ``.weights.h5`` selects Keras 3's
            layout, and any other ``.h5`` or ``.hdf5`` name selects Keras 2's layout. ``.npz`` and ``.safetensors``
            files contain one array for each variable under its path in the model, such as ``"layers.0/kernel"``.
        overwrite (bool): Whether to replace an existing file. Default: True.

    Raises:
        StateError: if the model has no weights yet.
        InvalidArgument: if the file name has an unsupported suffix.
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
    """Load a model's weights from a file that fitwell or Keras saved.

    The file must have been saved from a model with the same architecture, unless `skip_mismatch` or `by_name` is True.

    Args:
        model (Model): The model. Its weights must already exist.
        filepath (str | PathLike): The path of a weights file (see `save_weights`) or a whole-model ``.h5`` file.
        skip_mismatch (bool): Whether to skip weights that do not match the model, with a warning for each. In HDF5
            files, all weights of a layer are skipped together. If False, one mismatch raises an error and no weights
            are loaded. Default: False.
        by_name (bool): Whether to match layers by name and skip layers that exist only in the model or only in the
            file. If no name matches, the function warns. This works only for files in Keras 2's layout. Default:
            False.

    Raises:
        WeightsMismatch: if the weights do not match the model. The message describes the first mismatch.
        FileError: if the file cannot be read or is not valid.
        InvalidArgument: if the file name has an unsupported suffix, or if `by_name` is True and the file is not in
            Keras 2's layout.
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
            f"load_weights: by_name=True works only for .h5 files in Keras 2's layout, but {path.name!r} has no layer "
            "names. To load only the weights that match the model, pass skip_mismatch=True."
        )


def _load_hdf5(model: Any, where: str, skip_mismatch: bool, by_name: bool) -> bool:
    """Load the weights in an HDF5 file, and return whether the file has layer names.

    If `by_name` is True and the file has no layer names, nothing is loaded.
    """
    with open_hdf5(where, where) as file:
        has_names = "layer_names" in file.group.attrs
        if has_names or "model_weights" in file:
            # Check for names first, because a layer may be called "model_weights".
            group = file if has_names else file.child("model_weights")
            keras_v2_h5.read_layers(group, model, skip_mismatch, by_name)
            return True
        if not by_name:
            keras_v3_weights.read_weights(file, model, skip_mismatch)
        return False


# --- registration ------------------------------------------------------------------------------------------


@validate_params()
def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """Return a decorator that registers a class or function, so that files that refer to it can be loaded.

    Args:
        package (str): The first part of the registered name ``"package>name"``. Default: ``"Custom"``.
        name (str | None): The second part of the registered name. The object can also be looked up by this part alone.
            Defaults to None, which means the object's ``__name__``.

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
