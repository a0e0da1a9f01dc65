"""Weights in HDF5: one dataset per variable, by its path in the model.

Only plain datasets directly in the file are read: no links, no data elsewhere. Shapes are compared with the
model's before any array is read.
"""

from __future__ import annotations

from typing import IO, Any

import h5py
import numpy as np

from fitwell.errors import FileError, ShapeError


def write_weights(target: str | IO[bytes], variables: dict[str, Any]) -> None:
    """Write `variables` (path -> Variable) to an HDF5 file."""
    with h5py.File(target, "w") as file:
        for path, variable in variables.items():
            file.create_dataset(path, data=variable.numpy())


def read_weights(source: str | IO[bytes], variables: dict[str, Any], where: str) -> None:
    """Assign to `variables` what the file holds for their paths; nothing is assigned unless all of it fits."""
    try:
        with h5py.File(source, "r") as file:
            datasets = {path: _dataset(file, path, where) for path in variables}
            for path, variable in variables.items():
                if datasets[path].shape != variable.shape:
                    raise ShapeError(
                        f"{where}: weight {path!r} has shape {datasets[path].shape} in the file, "
                        f"{variable.shape} in the model"
                    )
            values = {path: np.asarray(dataset[()]) for path, dataset in datasets.items()}
    except OSError as error:
        raise FileError(f"{where} is not a readable HDF5 file: {error}") from None
    for path, variable in variables.items():
        variable.assign(values[path])


def _dataset(file: Any, path: str, where: str) -> Any:
    """Return the dataset at `path`, refusing links and data that lies outside the file."""
    group = file
    for part in path.split("/"):
        link = group.get(part, getlink=True) if isinstance(group, h5py.Group) else None
        if link is None:
            raise FileError(f"{where} holds no weight {path!r}: it was saved from another architecture")
        if not isinstance(link, h5py.HardLink):
            raise FileError(f"{where}: {path!r} is a link, which fitwell does not follow")
        group = group[part]
    if not isinstance(group, h5py.Dataset) or group.is_virtual or group.external:
        raise FileError(f"{where}: {path!r} is not a plain array inside the file")
    if group.dtype.kind not in "fiub":
        raise FileError(f"{where}: {path!r} has type {group.dtype}, expected numbers")
    return group
