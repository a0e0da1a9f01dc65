"""Readers of the three file formats of the data sets, all with checks: IDX, .npz, and text of numbers."""

from __future__ import annotations

import gzip
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell.errors import FileError

_UNSIGNED_BYTE = 8


def read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read gzipped unsigned bytes in the IDX format (LeCun), which must have exactly `shape`.

    The header is two zero bytes, the dtype, the number of dimensions, and each dimension as a big-endian 32-bit
    integer. At most the bytes of `shape` are unpacked.
    """
    header = struct.pack(f">HBB{len(shape)}I", 0, _UNSIGNED_BYTE, len(shape), *shape)
    size = len(header) + math.prod(shape)
    try:
        with gzip.open(path) as file:
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(f"{path} is not a complete gzip file: {error}") from error
    if not content.startswith(header) or len(content) != size:
        raise FileError(f"{path} does not hold unsigned bytes of shape {shape} in the IDX format")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape).copy()


def read_npz(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> list[NDArray[Any]]:
    """Read the arrays named by `shapes` from a NumPy archive. Pickled objects are not loaded."""
    try:
        with zipfile.ZipFile(path) as archive:
            missing = [name for name in shapes if f"{name}.npy" not in archive.namelist()]
        if missing:
            raise FileError(f"{path} has no array {missing[0]!r}, expected {list(shapes)}")
        with np.load(path, allow_pickle=False) as arrays_in_file:
            arrays = [arrays_in_file[name] for name in shapes]
    except (EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise FileError(f"{path} is not a readable .npz file of plain arrays: {error}") from error
    for name, array in zip(shapes, arrays, strict=True):
        if array.shape != shapes[name]:
            raise FileError(f"{path}: {name} has shape {array.shape}, expected {shapes[name]}")
    return arrays


def read_text(path: Path, shape: tuple[int, int], delimiter: str | None = None) -> NDArray[np.float64]:
    """Read a gzipped text file of numbers without a header, separated by `delimiter` (whitespace by default)."""
    try:
        with gzip.open(path, "rt", encoding="ascii") as file:
            table = np.loadtxt(file, delimiter=delimiter, ndmin=2, max_rows=shape[0] + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise FileError(f"{path} is not a gzipped table of numbers: {error}") from error
    if table.shape != shape:
        raise FileError(f"{path} has {table.shape[0]} rows of {table.shape[1]} numbers, expected {shape}")
    return table


__all__ = ["read_idx", "read_npz", "read_text"]
