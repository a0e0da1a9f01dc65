"""The ``.keras`` archive of Keras 3: a zip of the configuration (JSON) and the weights (HDF5).

`metadata.json` tells the version that wrote it, `config.json` the architecture and the compilation, and
`model.weights.h5` holds arrays by the place of their layer (see `layout`), ``layers/dense/vars/0``, and the
optimizer's, ``optimizer/vars/0``.
"""

from __future__ import annotations

import datetime
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import h5py

from fitwell.errors import FileError, FitwellError
from fitwell.registry import serialize, sharing
from fitwell.saving import keras_weights, layout, optimizer_state, own
from fitwell.saving.building import built_from, readable
from fitwell.saving.compiling import compile_config, compile_from
from fitwell.saving.dialect import to_keras
from fitwell.saving.hdf5 import LARGEST_TEXT, Reader, opened, parse
from fitwell.saving.legacy import KERAS_VERSION

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# Keras stores its members as they are; a zip made anew may compress them a little.
_EXPANSION = 8
_SMALL = 2**20
_MOST_MEMBERS = 10_000


# --- writing -----------------------------------------------------------------------------------------------


def write_model(target: IO[bytes], model: Any, include_optimizer: bool) -> None:
    """Write `model` to an empty file."""
    config = model_config(model)
    compilation = compile_config(model) if include_optimizer else None
    if compilation is not None:
        config["compile_config"] = compilation
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        keras_weights.write(file, model)
        if compilation is not None:
            _write_optimizer(file, model)
        own.write(file, model, training=compilation is not None)
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(_METADATA, json.dumps({"keras_version": KERAS_VERSION, "date_saved": now}))
        archive.writestr(_CONFIG, json.dumps(config))
        archive.writestr(_WEIGHTS, weights.getvalue())


def model_config(model: Any) -> dict[str, Any]:
    """Return the architecture of `model` in Keras's words, with the shape to build it for."""
    with sharing():
        config: dict[str, Any] = to_keras(serialize(model))
    config["build_config"] = {"input_shape": model._input_shapes}
    return config


def _write_optimizer(file: Any, model: Any) -> None:
    group = file.create_group("optimizer/vars")
    group.attrs["name"] = str(model.optimizer.name)
    for number, (_, array) in enumerate(optimizer_state.named_arrays(model)):
        group[str(number)] = array


# --- reading -----------------------------------------------------------------------------------------------


def read_model(path: Path, compile: bool) -> Any:
    """Return the model in the file; custom objects are looked up where the caller has put them."""
    where = str(path)
    with _archive(path, where) as archive:
        config = parse(_member(archive, _CONFIG, where, LARGEST_TEXT), where)
        if not isinstance(config, dict):
            raise FileError(f"{where}: the configuration is {type(config).__name__}, expected a table")
        model = built_from(config, where, _claimed(archive, _WEIGHTS, where))
        weights = _member(archive, _WEIGHTS, where, _most_bytes(model))
    with opened(io.BytesIO(weights), where) as file:
        keras_weights.read(file, model)
        if compile and config.get("compile_config"):
            with readable(where):
                compile_from(model, config["compile_config"])
            _read_optimizer(file, model)
            own.read_training(file, model)
        own.check_probe(file, model)
    return model


@contextmanager
def _archive(path: Path, where: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            check_members(archive, where)
            yield archive
    except FitwellError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
    ) as error:
        raise FileError(f"{where!r} is not a readable .keras archive: {error}") from None


def _most_bytes(model: Any) -> int:
    """Return how large the weights of `model` can be in a file: slots come on top, and HDF5 adds headers."""
    variables = layout.all_variables(model)
    size = sum(variable.size * variable.dtype.itemsize for variable in variables)
    return int(8 * size + 2**20 + 2**15 * len(variables))


def _read_optimizer(file: Reader, model: Any) -> None:
    if "optimizer/vars" in file:
        group = file.child("optimizer/vars")
        arrays = [group.array(str(number)) for number in range(len(group.keys()))]
        # Before the first update Keras may write the step and the rate alone.
        if len(arrays) > 2 or (arrays and model.optimizer.slot_names() == ()):
            optimizer_state.restore(model, arrays, file.where)


def check_members(archive: zipfile.ZipFile, where: str) -> None:
    """Refuse members that are twice in the archive, that would lie outside it, or that are too many."""
    names = [info.filename for info in archive.infolist()]
    if len(names) > _MOST_MEMBERS:
        raise FileError(f"{where}: the archive has {len(names):,} members, more than {_MOST_MEMBERS:,}")
    for name in names:
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise FileError(f"{where}: the archive has a member outside of it, {name!r}")
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    if twice:
        raise FileError(f"{where}: the archive has two members called {min(twice)!r}")


def _claimed(archive: zipfile.ZipFile, name: str, where: str) -> int:
    """Return the size of a member, refusing one that its stored bytes cannot hold."""
    if name not in archive.namelist():
        raise FileError(f"{where}: the archive has no member {name!r}, which a .keras file needs")
    info = archive.getinfo(name)
    limit = _SMALL + _EXPANSION * info.compress_size
    if info.file_size > limit:
        raise FileError(
            f"{where}: {name!r} claims {info.file_size:,} bytes, more than the {limit:,} it may have"
        )
    return info.file_size


def _member(archive: zipfile.ZipFile, name: str, where: str, limit: int) -> bytes:
    """Return one member, refusing anything larger than `limit`."""
    size = _claimed(archive, name, where)
    if size > limit:
        raise FileError(f"{where}: {name!r} claims {size:,} bytes, more than the {limit:,} it may have")
    with archive.open(name) as member:
        return member.read(size)
