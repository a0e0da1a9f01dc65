"""Checks of how an HDF5 file stores a dataset, made before the HDF5 library reads it.

The library reads a chunked dataset chunk by chunk. It decompresses each chunk completely, even if the array uses only
a part of it, and zlib allocates as much memory as the decompressed data needs. All sizes come from the file and are
not trustworthy, so each of them is checked.
"""

from __future__ import annotations

import math
import zlib
from typing import Any

from h5py import h5d, h5z

from fitwell._load_budget import charge_memory
from fitwell.errors import FileError

__all__ = ["EXPANSION", "SMALL", "check_dataset_storage"]

# The maximum size of an array is `SMALL` plus `EXPANSION` times its stored size. Real weights hardly compress, so an
# array that claims to be much larger than its stored data does not contain weights.
SMALL, EXPANSION = 2**20, 8
# The accepted filters. Other filters decompress according to parameters in the file, or run code from other libraries.
_FILTERS = (h5z.FILTER_SHUFFLE, h5z.FILTER_DEFLATE, h5z.FILTER_FLETCHER32)


def check_dataset_storage(dataset: Any, description: str) -> None:
    """Check that a dataset is not far larger than its stored data, and charge its size to the memory budget.

    Args:
        dataset: The HDF5 dataset.
        description: A description of the dataset for error messages.

    Raises:
        FileError: if the dataset takes too much memory or is stored in an unsupported way.
    """
    stored, size = dataset.id.get_storage_size(), int(dataset.nbytes)
    if stored > dataset.file.id.get_filesize():
        raise FileError(
            f"{description} claims to store {stored:,} bytes, which is more than the size of the file"
        )
    if size > SMALL + EXPANSION * stored:
        raise FileError(
            f"{description} claims to have {size:,} bytes but stores only {stored:,}, so it was not read"
        )
    charge_memory(size, description)
    if dataset.id.get_create_plist().get_layout() == h5d.CHUNKED:
        _check_chunks(dataset, description)


def _check_chunks(dataset: Any, description: str) -> None:
    size = math.prod(dataset.chunks) * dataset.dtype.itemsize
    if size > SMALL + EXPANSION * dataset.nbytes:
        raise FileError(
            f"{description} has only {dataset.nbytes:,} bytes but is stored in chunks of {size:,} bytes, "
            "so it was not read"
        )
    charge_memory(size, f"a chunk of {description}")
    filters = _filters(dataset, description)
    most = math.prod(-(-n // c) for n, c in zip(dataset.shape, dataset.chunks, strict=True))
    found: list[tuple[int, ...]] = []

    def look(chunk: Any) -> None:
        found.append(tuple(chunk.chunk_offset))
        # A chunk that cannot be compressed is stored with a few extra bytes.
        if len(found) > most or chunk.size > size + size // 100 + 64:
            raise FileError(f"{description} is stored in more or larger chunks than its shape requires")

    dataset.id.chunk_iter(look)
    if h5z.FILTER_DEFLATE in filters:
        for offset in found:
            skipped, data = dataset.id.read_direct_chunk(offset)
            if not skipped and len(zlib.decompressobj().decompress(data, size + 1)) > size:
                raise FileError(f"{description} has a chunk that decompresses to more than {size:,} bytes")


def _filters(dataset: Any, description: str) -> list[int]:
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(number)[0] for number in range(properties.get_nfilters())]
    last = filters[filters.index(h5z.FILTER_DEFLATE) :] if h5z.FILTER_DEFLATE in filters else []
    if len(set(filters)) < len(filters) or not set(filters) <= set(_FILTERS) or h5z.FILTER_SHUFFLE in last:
        raise FileError(
            f"{description} is stored with the HDF5 filters {filters}, but fitwell can read only data that is not "
            "compressed or is compressed once with gzip, with optional shuffling (before gzip) and an optional checksum"
        )
    return filters
