"""`save_weights` and `load_weights`: the format is told by the file name."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from fitwell._file_io import atomic_writer
from fitwell._load_budget import limit_loading
from fitwell._param_validation import FilePath, Instance, validate_params
from fitwell.errors import InvalidArgument
from fitwell.layers.base import Layer
from fitwell.saving import keras_v2_h5, keras_v3_weights, npz_safetensors
from fitwell.saving.hdf5_reader import open_hdf5
from fitwell.saving.path_checks import check_input_path, check_output_path

_SUFFIXES = (".h5", ".hdf5", ".npz", ".safetensors")


@validate_params(model=Instance(Layer, "a model"), filepath=FilePath())
def save_weights(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Write the weights alone.

    ``.weights.h5`` has Keras 3's layout, any other ``.h5`` Keras 2's; ``.npz`` and ``.safetensors`` have one array
    per variable, called by its path in the model (``"layers.0/kernel"``).
    """
    path = check_output_path(filepath, _SUFFIXES, overwrite)
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

    write = keras_v3_weights.write_weights if path.name.endswith(".weights.h5") else keras_v2_h5.write_layers
    with h5py.File(target, "w") as file:
        write(file, model)


@validate_params(model=Instance(Layer, "a model"), filepath=FilePath())
def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, by_name: bool = False) -> None:
    """Read weights, of fitwell or Keras, into a model of the same architecture; from whole-model ``.h5`` files too.

    skip_mismatch: leave out what does not fit, with a warning each; without it nothing is read unless all fits, and
    `WeightsMismatch` names the layer and both shapes. by_name: match layers by name and leave out those that only
    one side has, with a warning if that is all of them; in the layout of Keras 2 only.
    """
    path = check_input_path(filepath, _SUFFIXES)
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
            "skip_mismatch=True reads what fits"
        )


def _load_hdf5(model: Any, where: str, skip_mismatch: bool, by_name: bool) -> bool:
    """Read the weights, unless layers are asked for by name and the file names none; return whether it does."""
    with open_hdf5(where, where) as file:
        has_names = "layer_names" in file.group.attrs
        if has_names or "model_weights" in file:
            # A layer may be called "model_weights" as well.
            group = file if has_names else file.child("model_weights")
            keras_v2_h5.read_layers(group, model, skip_mismatch, by_name)
            return True
        if not by_name:
            keras_v3_weights.read_weights(file, model, skip_mismatch)
        return False
