"""Functions that read and write weights in ``.npz`` and ``.safetensors`` files.

Both formats store one array for each variable, under the variable's path in the model. A safetensors file consists of
eight bytes with the length of the header, the header in JSON, and the raw data. This module does not use the
safetensors library, because the format is simple and untrusted files need additional checks anyway.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import jax.numpy as jnp
import numpy as np

from fitwell._escaping import short_repr
from fitwell._load_budget import LARGEST_TEXT, charge_memory
from fitwell._typing import NumpyArray
from fitwell.errors import FileError, FitwellError, WeightsMismatch, warn
from fitwell.saving.bounded_json import dump_json, parse_json
from fitwell.saving.legacy_layer_paths import NUMBERING, legacy_variable_names
from fitwell.saving.name_encoding import encode_name
from fitwell.saving.zip_reader import open_archive

__all__ = ["read_weights", "write_npz", "write_safetensors"]

Shape = tuple[int, ...]
# A dict that maps the name of each array to its shape and a function that reads it.
Arrays = dict[str, tuple[Shape, Callable[[], NumpyArray]]]
# The arrays in a file, and the layer numbering that the file specifies, or None if it does not specify any (see
# `legacy_layer_paths`).
Content = tuple[Arrays, Any]

_TYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "U16": "uint16", "F16": "float16",
    "BF16": "bfloat16", "I32": "int32", "U32": "uint32", "F32": "float32", "F64": "float64", "I64": "int64",
    "U64": "uint64",
}  # fmt: skip
_NAMES = {name: short for short, name in _TYPES.items()}
# Maximum length of a weight's name in bytes. The zip format allows 65,535 bytes, including the suffix ``.npy``.
_LONGEST_NAME = 2**16 - 10
# Number of bytes before the header in an .npy file, and maximum length of a header that NumPy reads.
_NPY_START, _LONGEST_HEADER = 12, 10_000
# The archive comment, which specifies the layer numbering.
_COMMENT = f"fitwell, layers {NUMBERING}".encode()


def write_npz(target: IO[bytes], model: Any) -> None:
    """Write the weights of `model` to an empty ``.npz`` file."""
    # Float types that NumPy does not support are converted to float32, because NumPy would store them as raw bytes.
    arrays = {
        path: v.numpy() if v.dtype.kind in "fiub" else v.numpy().astype(np.float32)
        for path, v in _named_variables(model)
    }
    with zipfile.ZipFile(
        target, "w"
    ) as archive:  # with `np.savez`, weight names could clash with its arguments
        for path, array in arrays.items():
            if len(path.encode()) > _LONGEST_NAME:
                raise FileError(
                    f"the weight name {short_repr(path)} is too long for .npz. Save to .safetensors instead."
                )
            with archive.open(f"{path}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
        archive.comment = _COMMENT


def write_safetensors(target: IO[bytes], model: Any) -> None:
    """Write the weights of `model` to an empty ``.safetensors`` file."""
    header: dict[str, Any] = {"__metadata__": {"format": "fitwell", "layers": NUMBERING}}
    offset = 0
    # Use the dtypes of the arrays. If 64-bit types are disabled in JAX, a float64 variable contains a float32 array.
    arrays = {path: np.ascontiguousarray(variable.numpy()) for path, variable in _named_variables(model)}
    for path, array in arrays.items():
        end = offset + array.nbytes
        header[path] = {
            "dtype": _NAMES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = dump_json(header).encode()
    text += b" " * (-len(text) % 8)
    target.write(struct.pack("<Q", len(text)) + text)
    for array in arrays.values():
        target.write(array.tobytes())


def read_weights(path: Path, model: Any, skip_mismatch: bool) -> None:
    """Load the weights in the file at `path` into `model`. If an error occurs, no weight is changed.

    Args:
        path: The path of the file.
        model: The model.
        skip_mismatch: Whether to skip weights that do not match the file, with a warning for each.

    Raises:
        WeightsMismatch: if a weight does not match the file and `skip_mismatch` is False.
    """
    where = str(path)
    with (_open_npz if path.suffix == ".npz" else _open_safetensors)(path, where) as (arrays, numbering):
        names = _names_in_file(model, arrays, numbering, where)
        matches = []
        for current, variable in model._named_variables():
            name = names[current]
            if name not in arrays:
                problem = (
                    f"the file has no weight {name!r} (weights in the file: {', '.join(sorted(arrays)[:20])})"
                )
            elif arrays[name][0] != variable.shape:
                problem = f"weight {name!r} has shape {arrays[name][0]} in the file, but {variable.shape} in the model"
            else:
                matches.append((variable, arrays[name][1]()))
                continue
            if not skip_mismatch:
                raise WeightsMismatch(f"{where}: {problem}")
            warn(f"{where}: skipped a weight: {problem}")
    for variable, value in matches:
        variable.assign(value)


def _names_in_file(model: Any, arrays: Arrays, numbering: Any, where: str) -> dict[str, str]:
    """Return a dict that maps the names of the variables in `model` to their names in a file.

    A file that does not specify its layer numbering was written by an earlier fitwell version or by a program other
    than fitwell, for example one that averages the weights in multiple files with NumPy. Its names may use the
    numbering of earlier versions or the current numbering (see `legacy_layer_paths`). If only the current numbering
    matches the model's names and shapes, it is used. Otherwise, the earlier numbering is used. If both numberings match
    and they differ, the function warns.
    """
    current = {name: encode_name(name) for name, _ in model._named_variables()}
    if numbering == NUMBERING:
        return current
    legacy_names = legacy_variable_names(model)
    earlier = {name: encode_name(legacy_names.get(name, name)) for name in current}
    fits = [
        all(
            arrays.get(names[name], (None,))[0] == variable.shape
            for name, variable in model._named_variables()
        )
        for names in (earlier, current)
    ]
    if all(fits) and earlier != current:
        warn(
            f"{where} does not specify its layer numbering, so it is read as a file from an early fitwell 0.1 version, "
            "which did not number layers in Keras's order. If a different program made it from a newer fitwell file, "
            "load the newer file instead, and use get_weights and set_weights to change the weights."
        )
    return current if fits == [False, True] else earlier


def _named_variables(model: Any) -> list[tuple[str, Any]]:
    """Return each variable with its name in the file, as pairs ``(name, variable)``."""
    return [(encode_name(path), variable) for path, variable in model._named_variables()]


@contextmanager
def _open_npz(path: Path, where: str) -> Iterator[Content]:
    with open_archive(path, where, ".npz file") as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        arrays = {info.filename.removesuffix(".npy"): _npy_reader(archive, info, where) for info in members}
        yield arrays, NUMBERING if archive.comment == _COMMENT else None


def _npy_reader(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str
) -> tuple[Shape, Callable[[], NumpyArray]]:
    """Return an array's shape and a function that reads the array.

    The shape is checked against the size of the archive member `info`.
    """
    description = f"{where}: {short_repr(info.filename)}"
    with archive.open(info) as member:
        # NumPy does not check the header length, which is stored in two or four bytes, so check it here.
        start = member.read(_NPY_START)
        (length,) = (
            struct.unpack("<H", start[8:10]) if start[6:7] == b"\1" else struct.unpack("<I", start[8:12])
        )
        if length > _LONGEST_HEADER:
            raise FileError(
                f"{description} claims to have a header of {length:,} bytes, which exceeds the limit of "
                f"{_LONGEST_HEADER:,}"
            )
        header = io.BytesIO(start + member.read(length))
        version = np.lib.format.read_magic(header)
        parsed = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = parsed(header)
        size = math.prod(shape) * dtype.itemsize
        if dtype.kind not in "fiub" or any(n < 0 for n in shape) or size + header.tell() != info.file_size:
            raise FileError(
                f"{description} is not a valid array of weights: it has {info.file_size:,} bytes, dtype "
                f"{short_repr(dtype)} and shape {short_repr(shape)}"
            )

    def load() -> NumpyArray:
        charge_memory(size, description)
        with archive.open(info) as member:
            return np.asarray(np.lib.format.read_array(member, allow_pickle=False))

    return tuple(shape), load


@contextmanager
def _open_safetensors(path: Path, where: str) -> Iterator[Content]:
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(size - 8, LARGEST_TEXT):
            raise FileError(
                f"{where} is not a readable .safetensors file: the header length of {length:,} bytes is not valid"
            )
        header = parse_json(file.read(length), where)
        data = 8 + length
        _check_contiguous(header, size - data, where)
        try:
            arrays = {
                name: _tensor_reader(file, entry, data, size, f"{where}: {short_repr(name)}")
                for name, entry in header.items()
                if name != "__metadata__"
            }
            yield arrays, header.get("__metadata__", {}).get("layers")
        except FitwellError:
            raise
        except Exception as error:
            raise FileError(f"{where}: the header is not readable: {type(error).__name__}: {error}") from None


def _check_contiguous(header: Any, size: int, where: str) -> None:
    """Check that the arrays fill the file's data section without gaps or overlaps, as the format requires.

    Raises:
        FileError: if there is a gap or an overlap.
    """
    try:
        offsets = [entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"]
        places = sorted((int(begin), int(end)) for begin, end in offsets)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
        return  # `_tensor_reader` raises an error for this array
    place = 0
    for begin, end in [*places, (size, size)]:
        if begin != place:
            raise FileError(
                f"{where}: there is a gap or an overlap between arrays at byte {short_repr(place)} of the data section"
            )
        place = end


def _tensor_reader(
    file: IO[bytes], entry: Any, data: int, size: int, description: str
) -> tuple[Shape, Callable[[], NumpyArray]]:
    begin, end = entry["data_offsets"]
    shape, dtype = tuple(entry["shape"]), jnp.dtype(_TYPES[entry["dtype"]])
    if not all(type(number) is int for number in (begin, end, *shape)):
        raise FileError(f"{description}: the shape and the offsets must be integers")
    num_bytes = math.prod(shape) * dtype.itemsize
    if begin < 0 or data + end > size or any(n < 0 for n in shape) or end - begin != num_bytes:
        raise FileError(
            f"{description}: the byte range {begin} to {end} does not fit in the file or does not match an array of "
            f"shape {short_repr(shape)} and dtype {dtype}"
        )

    def load() -> NumpyArray:
        charge_memory(num_bytes, description)
        file.seek(data + begin)
        return np.frombuffer(file.read(num_bytes), dtype).reshape(shape)

    return shape, load
