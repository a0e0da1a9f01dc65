"""`save_model` and `load_model`: the format is told by the file name."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from typing import Any

from fitwell._file_io import atomic_writer
from fitwell._load_budget import limit_loading
from fitwell._param_validation import FilePath, Instance, validate_params
from fitwell._registry import custom_objects as custom_scope
from fitwell.errors import FileError, StateError
from fitwell.layers.base import Layer
from fitwell.saving import keras_v2_h5, keras_v3_archive
from fitwell.saving.path_checks import check_input_path, check_output_path

_SUFFIXES = (".keras", ".h5", ".hdf5")


@validate_params(model=Instance(Layer, "a model"), filepath=FilePath())
def save_model(model: Any, filepath: Any, overwrite: bool = True, include_optimizer: bool = True) -> None:
    """Write `model` to `filepath`: architecture, weights, how it was compiled, and where its training stands.

    ``.keras`` is Keras 3's archive, ``.h5`` (or ``.hdf5``) Keras 2's whole-model file; real Keras opens both, where
    it knows the layers. include_optimizer: whether to write the compilation and the optimizer's memory.
    """
    path = check_output_path(filepath, _SUFFIXES, overwrite)
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
    """Read a model that `save_model` or Keras wrote to a ``.keras`` or ``.h5`` file.

    custom_objects: classes and functions of your own that the file names. Nothing else is looked up, and no
    code is ever read from the file. compile: whether to compile the model as it was.
    safe_mode: True; fitwell has no other.

    What a file may ask for in memory and time grows with its size (``docs/files.md`` has the limits); any error, of
    whatever library, is a `FileError` that names the file.
    """
    if not safe_mode:
        raise FileError(
            "safe_mode=False: fitwell never runs code from a file; pass what it needs as custom_objects, or build "
            "the model in code and use load_weights"
        )
    path = check_input_path(filepath, _SUFFIXES)
    # Some files have the other format's name; Keras 2 wrote HDF5 whatever the name.
    read = (
        keras_v3_archive.read_model
        if zipfile.is_zipfile(path) or path.suffix == ".keras"
        else keras_v2_h5.read_model
    )
    where = str(path)
    with limit_loading(where, path.stat().st_size) as budget, custom_scope(custom_objects or {}):
        return read(path, compile, budget)
