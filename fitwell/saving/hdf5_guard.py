"""Check the heaps of an HDF5 file before the library opens it.

HDF5 stores variable-length strings in *global heaps*: lists of objects with their sizes, the last of which (number 0)
is the free space. The library follows these sizes, and never ends if one of them is 0.

The names in a group are in a *local heap*, whose free blocks are a linked list. The library never ends if the list has
a cycle (found by fuzzing, HDF5 2.0).
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import IO

from fitwell.errors import FileError

__all__ = ["check_global_heaps"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# The signature includes the version and three zero bytes: four letters alone may occur in any weight.
_HEAP = b"GCOL\x01\x00\x00\x00"
_LOCAL_HEAP = b"HEAP\x00\x00\x00\x00"
_LAST_PLACE = 1
_HEADER = 16


def check_global_heaps(source: str | IO[bytes], where: str) -> int:
    """Raise if a heap cannot be walked to its end; return the length in bytes of the longest string."""
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
        raise FileError(f"{where} is not a readable HDF5 file: it has no HDF5 signature")
    # The superblock holds the number of bytes of a size. All programs write eight.
    place = 14 if data[8:9] in (b"\0", b"\1") else 10
    if data[place : place + 1] != b"\x08":
        raise FileError(f"{where} is not a readable HDF5 file: its sizes do not have eight bytes")
    longest = 0
    # Heaps do not overlap, so all of them together have no more objects than fit into the file.
    left = len(data) // _HEADER
    start = data.find(_HEAP)
    while start >= 0:
        lengths = _string_lengths(data, start, where)
        longest = max(longest, *lengths, 0)
        left -= len(lengths)
        if left < 0:
            raise FileError(f"{where} is not a readable HDF5 file: its heaps overlap")
        start = data.find(_HEAP, start + 1)
    _check_free_lists(data, where)
    return longest


def _check_free_lists(data: bytes | mmap.mmap, where: str) -> None:
    # All lists together have no more blocks than fit into the file; a list with a cycle has infinitely many.
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
    """Return the lengths of the strings in one heap."""
    (size,) = struct.unpack("<Q", data[start + 8 : start + _HEADER].ljust(8, b"\0"))
    end = min(start + size, len(data))
    place = start + _HEADER
    lengths = []
    while place + _HEADER <= end:
        number, _, length = struct.unpack("<H6sQ", data[place : place + _HEADER])
        # The size of the free space includes its header, that of a string does not.
        step = length if number == 0 else _HEADER + (length + 7) // 8 * 8
        if step < _HEADER or place + step > start + size:
            raise FileError(
                f"{where} is not a readable HDF5 file: a heap at byte {start} holds {length:,} bytes"
            )
        lengths.append(0 if number == 0 else length)
        place += step
    return lengths
