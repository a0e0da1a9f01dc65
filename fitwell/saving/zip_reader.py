"""Functions that read members of untrusted zip archives, within the memory budget for loading a file."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fitwell._escaping import short_repr
from fitwell._load_budget import charge_memory
from fitwell.errors import FileError, FitwellError

__all__ = ["check_members", "declared_size", "open_archive", "read_member"]

# The maximum size of a member is `_SMALL` plus `_EXPANSION` times its compressed size. Keras stores members without
# compression, but if other software has repacked an archive, its members may be slightly compressed.
_EXPANSION = 8
_SMALL = 2**20
_MOST_MEMBERS = 10_000
# Maximum size in bytes of the member list at the end of the archive. It takes about 100 bytes per member.
_LARGEST_DIRECTORY = 4 * 2**20
# The accepted compression methods. Python decompresses other methods in blocks of any size, so that 4 KB of bzip2 can
# expand to 80 MB in one step.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class _Directory(io.BufferedReader):
    """A binary file that refuses to read more than `most` bytes in one call.

    The default limit is the maximum size of an archive's member list.
    """

    most: float = _LARGEST_DIRECTORY

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size > self.most:
            raise FileError(
                f"the member list claims to have {size} bytes, which exceeds the limit of {_LARGEST_DIRECTORY:,}"
            )
        return super().read(size)


@contextmanager
def open_archive(path: Path, where: str, kind: str) -> Iterator[zipfile.ZipFile]:
    """Open the archive at `path`, check its members, and yield it.

    Args:
        path: The path of the archive.
        where: The file name for error messages.
        kind: The expected kind of file, such as ``".npz file"``. It is used in error messages.

    Raises:
        FileError: if the archive is not valid, or if an error occurs inside the block.
    """
    try:
        with _Directory(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
            file.most = float("inf")
            check_members(archive, where)
            yield archive
    except FitwellError:
        raise
    except Exception as error:
        # Different compression methods and different damaged fields raise different errors.
        raise FileError(f"{where!r} is not a readable {kind}: {type(error).__name__}: {error}") from None


def check_members(archive: zipfile.ZipFile, where: str) -> None:
    """Check that the archive's members are safe to read.

    Raises:
        FileError: if there are too many members, or if members have the same name, overlap, have paths outside the
            archive, or use an unsupported compression method.
    """
    names = [info.filename for info in archive.infolist()]
    if len(names) > _MOST_MEMBERS:
        raise FileError(
            f"{where}: the archive has {len(names):,} members, which exceeds the limit of {_MOST_MEMBERS:,}"
        )
    for name in names:
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise FileError(
                f"{where}: the archive has a member whose path leads outside the archive: {short_repr(name)}"
            )
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise FileError(f"{where}: the archive has two members called {short_repr(twice)}")
    _check_overlaps(archive, where)
    for info in archive.infolist():
        if info.compress_type not in _METHODS:
            raise FileError(
                f"{where}: {short_repr(info.filename)} is compressed with method {info.compress_type}, but fitwell can "
                "read only stored (0) and deflated (8) members. Extract the archive, and create it again with one of "
                "these methods."
            )


def _check_overlaps(archive: zipfile.ZipFile, where: str) -> None:
    """Check that members do not overlap. If they did, a small archive could expand to any size.

    Raises:
        FileError: if members overlap.
    """
    end = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise FileError(f"{where}: {short_repr(info.filename)} overlaps another member of the archive")
        end = info.header_offset + info.compress_size


def declared_size(archive: zipfile.ZipFile, name: str, where: str) -> int:
    """Return the decompressed size in bytes that the archive declares for a member.

    Raises:
        FileError: if the member does not exist, or its declared size is too large relative to its compressed size.
    """
    if name not in archive.namelist():
        raise FileError(f"{where}: the archive has no member {name!r}, which a .keras file must have")
    info = archive.getinfo(name)
    limit = _SMALL + _EXPANSION * info.compress_size
    if info.file_size > limit:
        raise FileError(
            f"{where}: {name!r} claims to have {info.file_size:,} bytes, which exceeds the limit of {limit:,}"
        )
    return info.file_size


def read_member(archive: zipfile.ZipFile, name: str, where: str, limit: int) -> bytes:
    """Return the content of a member.

    Raises:
        FileError: if the member does not exist, or is larger than `limit` bytes.
    """
    size = declared_size(archive, name, where)
    if size > limit:
        raise FileError(
            f"{where}: {name!r} claims to have {size:,} bytes, which exceeds the limit of {limit:,}"
        )
    charge_memory(size, f"member {name!r}")
    with archive.open(name) as member:
        return member.read(size)
