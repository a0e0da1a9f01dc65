"""A reader for untrusted HDF5 files that reads only attributes and plain numeric arrays inside the file.

An HDF5 file can refer to other files (through external links, external datasets or virtual datasets), contain pickled
objects, and claim to be larger than it is. `HDF5Reader` follows only hard links, and checks dtypes and sizes before it
reads anything.

h5py is imported only when a file is opened or written, which makes `import fitwell` 17 ms faster.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import jax.numpy as jnp
import numpy as np

from fitwell._escaping import short_repr
from fitwell._load_budget import LARGEST_TEXT, charge_memory
from fitwell._typing import NumpyArray
from fitwell.errors import FileError
from fitwell.saving.hdf5_guard import check_global_heaps

__all__ = ["HDF5Reader", "open_hdf5"]

# The dtype that h5py returns for bfloat16.
_BFLOAT16 = np.dtype("V2")
# Maximum number of elements in an attribute.
_MOST_ELEMENTS = 10**6
# Size in bytes of a Python string without its characters.
_ELEMENT = 64


class HDF5Reader:
    """A reader for one group in an untrusted HDF5 file.

    Args:
        group (h5py.Group): The group.
        where (str): The file name for error messages.
        longest_string (int): The length in bytes of the longest variable-length string in the file.
    """

    def __init__(self, group: Any, where: str, longest_string: int) -> None:
        self.group = group
        self.where = where
        self.longest_string = longest_string

    def keys(self) -> list[str]:
        """Return the names of this group's members."""
        return list(self.group.keys())

    def __contains__(self, path: str) -> bool:
        return self._walk(path) is not None

    def child(self, path: str) -> HDF5Reader:
        """Return the group at `path`."""
        import h5py

        found = self._walk(path)
        if not isinstance(found, h5py.Group):
            raise FileError(f"{self.where}: the file has no group {path!r}")
        return HDF5Reader(found, self.where, self.longest_string)

    def array(self, path: str, shape: tuple[int, ...] | None = None) -> NumpyArray:
        """Read and return the array at `path`. If `shape` is not None, also check that the array has this shape.

        Raises:
            FileError: if there is no such array, or it is not valid.
        """
        from fitwell.saving.hdf5_chunks import check_dataset_storage

        dataset = self.dataset(path, shape)
        check_dataset_storage(dataset, f"{self.where}: {short_repr(path)}")
        found = np.asarray(dataset[()])
        return found.view(jnp.bfloat16) if found.dtype == _BFLOAT16 else found

    def dataset(self, path: str, shape: tuple[int, ...] | None = None) -> Any:
        """Check the dataset at `path` and return it without reading its values.

        Raises:
            FileError: if there is no such dataset, or it is not an array of numbers with the expected `shape`.
        """
        import h5py

        found = self._walk(path)
        if found is None:
            raise FileError(f"{self.where}: the file has no array {path!r}")
        if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
            raise FileError(f"{self.where}: {path!r} is not a plain array inside the file")
        if found.dtype.kind not in "fiub" and found.dtype != _BFLOAT16:
            raise FileError(f"{self.where}: {path!r} has the dtype {found.dtype}, expected numbers")
        if found.shape is None or (shape is not None and found.shape != shape):
            raise FileError(
                f"{self.where}: {path!r} has shape {found.shape}, expected {'an array' if shape is None else shape}"
            )
        return found

    def string(self, name: str) -> str | None:
        """Return the string attribute `name`, or None if it does not exist."""
        value = self._attribute(name)
        if value is None:
            return None
        if isinstance(value, np.ndarray) and value.shape == ():
            value = value.item()
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if not isinstance(value, str):
            raise FileError(f"{self.where}: attribute {name!r} is not a string")
        return value

    def integer(self, name: str) -> int | None:
        """Return the nonnegative integer attribute `name`, or None if it does not exist."""
        value = self._attribute(name)
        if value is None:
            return None
        if np.ndim(value) or np.asarray(value).dtype.kind not in "iu" or value < 0:
            raise FileError(f"{self.where}: attribute {name!r} is {value!r}, expected an integer >= 0")
        return int(value)

    def string_list(self, name: str) -> list[str]:
        """Return the attribute `name`, which must be a list of strings.

        A long list may be split into the attributes ``name0``, ``name1``, and so on. The method joins these parts.
        """
        found = self._attribute(name)
        pieces = [found] if found is not None else []
        while found is None and (piece := self._attribute(f"{name}{len(pieces)}")) is not None:
            pieces.append(piece)
        if not pieces:
            raise FileError(f"{self.where}: attribute {name!r} is missing")
        strings = [string for piece in pieces for string in np.atleast_1d(piece).tolist()]
        strings = [
            string.decode("utf-8", "replace") if isinstance(string, bytes) else string for string in strings
        ]
        if not all(isinstance(string, str) for string in strings):
            raise FileError(f"{self.where}: attribute {name!r} is not a list of strings")
        return strings

    def _attribute(self, name: str) -> Any:
        import h5py

        if name not in self.group.attrs:
            return None
        kind = self.group.attrs.get_id(name)
        elements = math.prod(kind.shape)
        if elements == 0:
            return np.empty(0)
        size = kind.get_storage_size()
        if elements > _MOST_ELEMENTS or size > LARGEST_TEXT:
            raise FileError(
                f"{self.where}: attribute {name!r} has {elements:,} elements and {size:,} bytes, but at most "
                f"{_MOST_ELEMENTS:,} elements and {LARGEST_TEXT:,} bytes are allowed"
            )
        if kind.dtype.kind not in "SOUfiu" or (
            kind.dtype.kind == "O" and not h5py.check_string_dtype(kind.dtype)
        ):
            raise FileError(
                f"{self.where}: attribute {name!r} has the dtype {short_repr(kind.dtype)}, expected strings or numbers"
            )
        if kind.dtype.kind == "O":
            # All elements may refer to the same string in the file, but each is read separately.
            size = elements * self.longest_string
        charge_memory(size + elements * _ELEMENT, f"attribute {name!r}")
        return self.group.attrs[name]

    def _walk(self, path: str) -> Any:
        """Return the object at `path`, or None if there is none.

        Raises:
            FileError: if `path` goes through a soft or external link.
        """
        import h5py

        found = self.group
        for part in path.split("/"):
            link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
            if link is None:
                return None
            if not isinstance(link, h5py.HardLink):
                raise FileError(
                    f"{self.where}: {path!r} contains a soft or external link, which fitwell does not follow"
                )
            found = found[part]
        return found


@contextmanager
def open_hdf5(source: str | IO[bytes], where: str) -> Iterator[HDF5Reader]:
    """Open an HDF5 file for reading, and yield a reader for its root group.

    The memory for everything that is read is charged to the current load's budget (see
    `fitwell._load_budget.limit_loading`).

    Raises:
        FileError: if the file is not a valid HDF5 file.
    """
    import h5py

    longest = check_global_heaps(source, where)
    try:
        file = h5py.File(source, "r")
    except Exception as error:
        raise FileError(f"{where} is not a readable HDF5 file: {error}") from None
    with file:
        yield HDF5Reader(file, where, longest)
