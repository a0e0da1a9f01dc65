"""Check how an HDF5 file stores a dataset before the library reads it.

The library reads a chunked dataset chunk by chunk. It decompresses each chunk completely, even if the array uses only
a part of it, and zlib allocates as much memory as the compressed bytes ask for. The sizes are claims of the file, so
all of them are checked.
"""

from __future__ import annotations

import math
import zlib
from typing import Any

from h5py import h5d, h5z

from fitwell._load_budget import charge_memory
from fitwell.errors import FileError

__all__ = ["EXPANSION", "SMALL", "check_dataset_storage"]

# Real weights hardly compress: an array that claims far more than it stores is not an array of weights.
SMALL, EXPANSION = 2**20, 8
# Other filters decompress by parameters of the file, or are code of other libraries.
_FILTERS = (h5z.FILTER_SHUFFLE, h5z.FILTER_DEFLATE, h5z.FILTER_FLETCHER32)
_CHECKSUM = 4


def check_dataset_storage(dataset: Any, what: str) -> None:
    """Raise if reading the dataset takes more memory than it stores; charge the memory budget otherwise."""
    stored, size = dataset.id.get_storage_size(), int(dataset.nbytes)
    if stored > dataset.file.id.get_filesize():
        raise FileError(f"{what} claims to store {stored:,} bytes, more than its file")
    if size > SMALL + EXPANSION * stored:
        raise FileError(f"{what} claims {size:,} bytes and holds {stored:,}; refused")
    charge_memory(size, what)
    if dataset.id.get_create_plist().get_layout() == h5d.CHUNKED:
        _check_chunks(dataset, what)


def _check_chunks(dataset: Any, what: str) -> None:
    size = math.prod(dataset.chunks) * dataset.dtype.itemsize
    if size > SMALL + EXPANSION * dataset.nbytes:
        raise FileError(f"{what} of {dataset.nbytes:,} bytes is stored in chunks of {size:,}; refused")
    charge_memory(size, f"a chunk of {what}")
    filters = _filters(dataset, what)
    most = math.prod(-(-n // c) for n, c in zip(dataset.shape, dataset.chunks, strict=True))
    found: list[tuple[int, ...]] = []

    def look(chunk: Any) -> None:
        found.append(tuple(chunk.chunk_offset))
        # A chunk that does not compress is stored with a few extra bytes.
        if len(found) > most or chunk.size > size + size // 100 + 64:
            raise FileError(f"{what} is stored in unexpected chunks")

    dataset.id.chunk_iter(look)
    if h5z.FILTER_DEFLATE in filters:
        for offset in found:
            skipped, data = dataset.id.read_direct_chunk(offset)
            if not skipped and len(zlib.decompressobj().decompress(data, size + 1)) > size:
                raise FileError(f"{what} has a chunk that unpacks to more than {size:,} bytes")


def _filters(dataset: Any, what: str) -> list[int]:
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(number)[0] for number in range(properties.get_nfilters())]
    last = filters[filters.index(h5z.FILTER_DEFLATE) :] if h5z.FILTER_DEFLATE in filters else []
    if len(set(filters)) < len(filters) or not set(filters) <= set(_FILTERS) or h5z.FILTER_SHUFFLE in last:
        raise FileError(
            f"{what} is packed by the filters {filters}; fitwell reads data that gzip packed once, with or "
            "without shuffling and a checksum"
        )
    return filters
