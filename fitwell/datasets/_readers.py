"""Readers for the data sets' file formats, which are IDX, .npz and text. They check the arrays' shapes."""

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
    """Read a gzipped array of unsigned bytes in LeCun's IDX format. The array must have the given shape.

    The header consists of two zero bytes, the dtype, the number of dimensions, and each dimension as a big-endian
    32-bit integer. Decompression stops one byte after the array's expected end, so an oversized file cannot exhaust
    memory.

    Raises:
        FileError: If the file is damaged or does not contain such an array.
    """
    header = struct.pack(f">HBB{len(shape)}I", 0, _UNSIGNED_BYTE, len(shape), *shape)
    size = len(header) + math.prod(shape)
    try:
        with gzip.open(path) as file:
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(f"{path} is not a complete gzip file: {error}") from error
    if not content.startswith(header) or len(content) != size:
        raise FileError(f"{path} does not contain an IDX array of unsigned bytes with shape {shape}")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape).copy()


def read_npz(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> list[NDArray[Any]]:
    """Read arrays from a NumPy archive. Pickled objects are not loaded.

    Args:
        path: The archive.
        shapes: A dict that maps the arrays' names to their required shapes.

    Raises:
        FileError: If the file is damaged, if an array is missing, or if an array has a different shape.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            missing = [name for name in shapes if f"{name}.npy" not in archive.namelist()]
        if missing:
            raise FileError(f"{path} must contain the arrays {list(shapes)}, but {missing[0]!r} is missing")
        with np.load(path, allow_pickle=False) as arrays_in_file:
            arrays = [arrays_in_file[name] for name in shapes]
    except (EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise FileError(f"{path} is not a readable .npz file of plain arrays: {error}") from error
    for name, array in zip(shapes, arrays, strict=True):
        if array.shape != shapes[name]:
            raise FileError(f"{path}: expected {name} to have shape {shapes[name]}, got {array.shape}")
    return arrays


def read_text(path: Path, shape: tuple[int, int], delimiter: str | None = None) -> NDArray[np.float64]:
    """Read a gzipped text file of numbers without a header.

    Args:
        path: The file.
        shape: The required numbers of rows and columns.
        delimiter: The separator between numbers. Defaults to None, which means whitespace.

    Raises:
        FileError: If the file is damaged or the table has a different shape.
    """
    try:
        with gzip.open(path, "rt", encoding="ascii") as file:
            table = np.loadtxt(file, delimiter=delimiter, ndmin=2, max_rows=shape[0] + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise FileError(f"{path} is not a gzipped table of numbers: {error}") from error
    if table.shape != shape:
        raise FileError(f"expected {path} to contain a table of shape {shape}, got {table.shape}")
    return table


__all__ = ["read_idx", "read_npz", "read_text"]
