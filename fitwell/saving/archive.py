"""The ``.keras`` archive: a zip of the configuration (JSON) and the weights (HDF5)."""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fitwell.errors import FileError, FitwellError, InvalidArgument, StateError
from fitwell.registry import custom_objects as custom_scope
from fitwell.registry import deserialize, serialize
from fitwell.saving.weights import read_weights, write_weights

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# A configuration is text written by hand or by `get_config`; nothing sane comes near this.
_LARGEST_CONFIG = 64 * 2**20


def save_model(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Write `model` to `filepath`: architecture, weights, and how it was compiled."""
    path = _check_target(filepath, ".keras", overwrite)
    if not model.built:
        raise StateError(f"model {model.name!r} has no weights yet: call it once, or fit it, before saving")
    config = {"model": serialize(model), "compile": _compile_config(model)}
    weights = io.BytesIO()
    write_weights(weights, dict(model.named_variables()))
    with _written_beside(path) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr(_METADATA, json.dumps({"format": "fitwell", "version": 1}))
        archive.writestr(_CONFIG, json.dumps(config, indent=1))
        archive.writestr(_WEIGHTS, weights.getvalue())


def load_model(filepath: Any, custom_objects: Mapping[str, Any] | None = None, compile: bool = True) -> Any:
    """Read a model written by `save_model`.

    custom_objects: classes and functions of your own that the file names. Nothing else is looked up, and no
    code is ever read from the file. compile: whether to compile the model as it was.
    """
    path = Path(os.fspath(filepath))
    if not path.is_file():
        raise FileError(f"there is no file {str(path)!r}")
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(_member(archive, _CONFIG, _LARGEST_CONFIG))
            with custom_scope(custom_objects or {}):
                model = deserialize(config["model"])
                variables = dict(model.named_variables())
                size = sum(variable.size * variable.dtype.itemsize for variable in variables.values())
                # HDF5 adds headers: some KB a variable.
                weights = _member(archive, _WEIGHTS, size + 2**20 + 2**14 * len(variables))
                read_weights(io.BytesIO(weights), variables, str(path))
                if compile and config.get("compile"):
                    model.compile(**config["compile"])
    except FitwellError:
        raise
    except (
        zipfile.BadZipFile,
        json.JSONDecodeError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise FileError(
            f"{str(path)!r} is not a fitwell model file: {type(error).__name__}: {error}"
        ) from None
    return model


def save_weights(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Write the weights alone to an HDF5 file."""
    path = _check_target(filepath, ".h5", overwrite)
    model._require_built("save_weights")
    with _written_beside(path) as file:
        write_weights(file, dict(model.named_variables()))


def load_weights(model: Any, filepath: Any) -> None:
    """Read weights written by `save_weights` into a model of the same architecture."""
    path = Path(os.fspath(filepath))
    if not path.is_file():
        raise FileError(f"there is no file {str(path)!r}")
    model._require_built("load_weights")
    read_weights(str(path), dict(model.named_variables()), str(path))


def _compile_config(model: Any) -> dict[str, Any] | None:
    if not model.compiled:
        return None
    objective = model.runtime.objective
    settings = {
        "optimizer": model.optimizer,
        "loss": objective.loss,
        "metrics": objective.metrics,
        "loss_weights": objective.loss_weights,
        "weighted_metrics": objective.weighted_metrics,
    }
    try:
        return {name: serialize(value) for name, value in settings.items() if value is not None}
    except InvalidArgument:
        # Something only code can say, such as an optax transformation: the model loads without being compiled.
        return None


def _check_target(filepath: Any, suffix: str, overwrite: bool) -> Path:
    path = Path(os.fspath(filepath))
    if path.suffix != suffix:
        raise InvalidArgument(f"expected a file name ending in {suffix!r}, got {path.name!r}")
    if path.exists() and not overwrite:
        raise FileError(f"{str(path)!r} exists already; pass overwrite=True or another name")
    if not path.parent.is_dir():
        raise FileError(f"there is no folder {str(path.parent)!r}: make it first")
    return path


@contextmanager
def _written_beside(path: Path) -> Any:
    """Give a file to write to that takes the place of `path` when the block ends well, all at once."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise FileError(f"cannot write to {str(path.parent)!r}: {error.strerror}") from None
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise FileError(f"cannot write {str(path)!r}: {error.strerror}") from None
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Return one member, refusing duplicates and anything larger than `limit` bytes."""
    found = [info for info in archive.infolist() if info.filename == name]
    if len(found) != 1:
        raise FileError(f"the archive has {len(found)} members called {name!r}, expected one")
    if found[0].file_size > limit:
        raise FileError(f"{name!r} claims {found[0].file_size:,} bytes, more than the {limit:,} it may have")
    with archive.open(found[0]) as member:
        data = member.read(limit + 1)
    if len(data) > limit:
        raise FileError(f"{name!r} is larger than the {limit:,} bytes it may have")
    return data
