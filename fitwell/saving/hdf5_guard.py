"""A look at the bytes of an HDF5 file before the library sees them.

HDF5 keeps texts of free length in *global heaps*: collections of objects, each with its size, the last one (number
0) being what is free. The library walks them by these sizes and never ends at one that is 0.

The names in a group are in a *local heap*, whose free places are a list: each says where the next one is. The library
never ends at one that leads back (found by fuzzing, HDF5 2.0).
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import IO

from fitwell.errors import FileError

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# The version and three bytes of zeros follow: four letters alone may stand in any weight.
_HEAP = b"GCOL\x01\x00\x00\x00"
_LOCAL_HEAP = b"HEAP\x00\x00\x00\x00"
_LAST_PLACE = 1
_HEADER = 16


def check_global_heaps(source: str | IO[bytes], where: str) -> int:
    """Refuse a file with a global heap that cannot be walked to its end; return the size of the longest text."""
    if not isinstance(source, str):
        position = source.tell()
        data = source.read()
        source.seek(position)
        return _check_bytes(data, where)
    if Path(source).stat().st_size == 0:
        raise FileError(f"{where} is not a readable HDF5 file: it is empty")
    with open(source, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        return _check_bytes(view, where)


def _check_bytes(data: bytes | mmap.mmap, where: str) -> int:
    if data[:8] != _SIGNATURE:
        raise FileError(f"{where} is not a readable HDF5 file: it does not begin like one")
    # Where the superblock tells how many bytes a size takes; all that anybody writes are eight.
    place = 14 if data[8:9] in (b"\0", b"\1") else 10
    if data[place : place + 1] != b"\x08":
        raise FileError(f"{where} is not a readable HDF5 file: its sizes are not of eight bytes")
    longest = 0
    # Heaps lie apart: all of them together have no more objects than fit into the file.
    left = len(data) // _HEADER
    start = data.find(_HEAP)
    while start >= 0:
        lengths = _string_lengths(data, start, where)
        longest = max(longest, *lengths, 0)
        left -= len(lengths)
        if left < 0:
            raise FileError(f"{where} is not a readable HDF5 file: its heaps lie over each other")
        start = data.find(_HEAP, start + 1)
    _check_free_lists(data, where)
    return longest


def _check_free_lists(data: bytes | mmap.mmap, where: str) -> None:
    # Together they have no more places than fit into the file; one that leads back has them without end.
    left = len(data) // _HEADER
    start = data.find(_LOCAL_HEAP)
    while start >= 0:
        header = data[start + 8 : start + 32].ljust(24, b"\0")
        size, place, address = struct.unpack("<QQQ", header)
        while place < size and address + place + _HEADER <= len(data):
            (place,) = struct.unpack("<Q", data[address + place : address + place + 8])
            left -= 1
            if place == _LAST_PLACE:
                break
            if left < 0:
                raise FileError(f"{where} is not a readable HDF5 file: the heap at byte {start} has no end")
        start = data.find(_LOCAL_HEAP, start + 1)


def _string_lengths(data: bytes | mmap.mmap, start: int, where: str) -> list[int]:
    """Return the lengths of the texts of one heap."""
    (size,) = struct.unpack("<Q", data[start + 8 : start + _HEADER].ljust(8, b"\0"))
    end = min(start + size, len(data))
    place = start + _HEADER
    lengths = []
    while place + _HEADER <= end:
        number, _, length = struct.unpack("<H6sQ", data[place : place + _HEADER])
        # The size of what is free counts its header, that of a text does not.
        step = length if number == 0 else _HEADER + (length + 7) // 8 * 8
        if step < _HEADER or place + step > start + size:
            raise FileError(
                f"{where} is not a readable HDF5 file: a heap at byte {start} holds {length:,} bytes"
            )
        lengths.append(0 if number == 0 else length)
        place += step
    return lengths
