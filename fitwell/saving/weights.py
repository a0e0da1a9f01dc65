"""`save_weights` and `load_weights`: the format is told by the file name."""

from __future__ import annotations

from typing import Any

import h5py

from fitwell.saving import keras_weights, legacy
from fitwell.saving.files import check_source, check_target, written_beside
from fitwell.saving.hdf5 import opened


def save_weights(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Write the weights alone: ``.weights.h5`` in Keras 3's layout, any other ``.h5`` in Keras 2's."""
    path = check_target(filepath, (".h5",), overwrite)
    model._require_built("save_weights")
    write = keras_weights.write if path.name.endswith(".weights.h5") else legacy.write_layers
    with written_beside(path) as target, h5py.File(target, "w") as file:
        write(file, model)


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, by_name: bool = False) -> None:
    """Read weights written by `save_weights` into a model of the same architecture."""
    path = check_source(filepath, (".h5",))
    model._require_built("load_weights")
    with opened(str(path), str(path)) as file:
        if "layer_names" in file.group.attrs or "model_weights" in file:
            group = file.child("model_weights") if "model_weights" in file else file
            legacy.read_layers(group, model, skip_mismatch, by_name)
        else:
            keras_weights.read(file, model, skip_mismatch)
