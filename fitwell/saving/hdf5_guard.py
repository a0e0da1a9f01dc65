"""Checks of an HDF5 file's heaps, made before the HDF5 library opens the file.

HDF5 stores variable-length strings in *global heaps*. A global heap is a list of objects with their sizes, and the last
object (number 0) is the free space. The library follows these sizes and hangs if one of them is 0.

The names in a group are stored in a *local heap*, whose free blocks form a linked list. The library hangs if the list
has a cycle (found by fuzzing HDF5 2.0).
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import IO

from fitwell.errors import FileError

__all__ = ["check_global_heaps"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# The signatures include the version and three zero bytes, because weights may contain the four letters by chance.
_HEAP = b"GCOL\x01\x00\x00\x00"
_LOCAL_HEAP = b"HEAP\x00\x00\x00\x00"
# The value that marks the end of a free list.
_LAST_PLACE = 1
# A global heap and each object in it start with a header of this size in bytes.
_HEADER = 16


def check_global_heaps(source: str | IO[bytes], where: str) -> int:
    """Check that no heap would make the HDF5 library hang, and return the longest string's length in bytes.

    Raises:
        FileError: if the file is not an HDF5 file, or if a heap is damaged.
    """
    if not isinstance(source, str):
        position = source.tell()
        data = source.read()
        source.seek(position)
        return _check_bytes(data, where)
    if Path(source).stat().st_size == 0:
        raise FileError(f"{where} is not a readable HDF5 file because it is empty")
    with open(source, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        return _check_bytes(view, where)


def _check_bytes(data: bytes | mmap.mmap, where: str) -> int:
    if data[:8] != _SIGNATURE:
        raise FileError(f"{where} is not a readable HDF5 file because it has no HDF5 signature")
    # The superblock specifies how many bytes each size takes. In practice, this is always eight.
    place = 14 if data[8:9] in (b"\0", b"\1") else 10
    if data[place : place + 1] != b"\x08":
        raise FileError(
            f"{where} is not a readable HDF5 file because it does not store sizes as eight-byte integers"
        )
    longest = 0
    # Heaps do not overlap, so the total number of objects is limited by the file size.
    left = len(data) // _HEADER
    start = data.find(_HEAP)
    while start >= 0:
        lengths = _string_lengths(data, start, where)
        longest = max(longest, *lengths, 0)
        left -= len(lengths)
        if left < 0:
            raise FileError(f"{where} is not a readable HDF5 file because its heaps overlap")
        start = data.find(_HEAP, start + 1)
    _check_free_lists(data, where)
    return longest


def _check_free_lists(data: bytes | mmap.mmap, where: str) -> None:
    # The total number of blocks is limited by the file size. A list with a cycle exceeds this limit.
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
                raise FileError(
                    f"{where} is not a readable HDF5 file because the free list of the heap at byte {start} never ends"
                )
        start = data.find(_LOCAL_HEAP, start + 1)


def _string_lengths(data: bytes | mmap.mmap, start: int, where: str) -> list[int]:
    """Return the lengths of the strings in one heap."""
    (size,) = struct.unpack("<Q", data[start + 8 : start + _HEADER].ljust(8, b"\0"))
    end = min(start + size, len(data))
    place = start + _HEADER
    lengths = []
    while place + _HEADER <= end:
        number, _, length = struct.unpack("<H6sQ", data[place : place + _HEADER])
        # The size of the free space includes its header, but the size of a string does not.
        step = length if number == 0 else _HEADER + (length + 7) // 8 * 8
        if step < _HEADER or place + step > start + size:
            raise FileError(
                f"{where} is not a readable HDF5 file because the heap at byte {start} has an object whose size, "
                f"{length:,} bytes, is not valid"
            )
        lengths.append(0 if number == 0 else length)
        place += step
    return lengths
