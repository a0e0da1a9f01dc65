"""Read members of untrusted zip archives, within the memory budget of the load."""

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

# Keras stores members uncompressed; a zip that was packed again may compress them a little.
_EXPANSION = 8
_SMALL = 2**20
_MOST_MEMBERS = 10_000
# The list of members at the end of the archive has some 100 bytes per member.
_LARGEST_DIRECTORY = 4 * 2**20
# Python decompresses other methods in blocks of any size: 4 KB of bzip2 become 80 MB at once.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class _Directory(io.BufferedReader):
    """A file that limits the size of one read to the maximum size of the list of members."""

    most: float = _LARGEST_DIRECTORY

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size > self.most:
            raise FileError(f"its list of members claims {size} bytes, more than {_LARGEST_DIRECTORY:,}")
        return super().read(size)


@contextmanager
def open_archive(path: Path, where: str, kind: str) -> Iterator[zipfile.ZipFile]:
    """Open the archive at `path` and check its members; errors inside the block name the expected `kind` of file."""
    try:
        with _Directory(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
            file.most = float("inf")
            check_members(archive, where)
            yield archive
    except FitwellError:
        raise
    except Exception as error:
        # Each compression method and each field of the format raises different errors.
        raise FileError(f"{where!r} is not a readable {kind}: {type(error).__name__}: {error}") from None


def check_members(archive: zipfile.ZipFile, where: str) -> None:
    """Raise for duplicate or too many members, paths outside the archive, and unusual compression."""
    names = [info.filename for info in archive.infolist()]
    if len(names) > _MOST_MEMBERS:
        raise FileError(f"{where}: the archive has {len(names):,} members, more than {_MOST_MEMBERS:,}")
    for name in names:
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise FileError(f"{where}: the archive has a member with a path outside it, {short_repr(name)}")
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise FileError(f"{where}: the archive has two members called {short_repr(twice)}")
    _check_overlaps(archive, where)
    for info in archive.infolist():
        if info.compress_type not in _METHODS:
            raise FileError(
                f"{where}: {short_repr(info.filename)} is compressed by method {info.compress_type}; "
                "fitwell reads stored (0) and deflated (8) members: unpack it, and pack it again with one of these"
            )


def _check_overlaps(archive: zipfile.ZipFile, where: str) -> None:
    """Raise if members overlap, because a small archive could then unpack to any size."""
    end = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise FileError(f"{where}: {short_repr(info.filename)} overlaps another member of the archive")
        end = info.header_offset + info.compress_size


def declared_size(archive: zipfile.ZipFile, name: str, where: str) -> int:
    """Return the size of a member; raise if its stored bytes cannot unpack to this size."""
    if name not in archive.namelist():
        raise FileError(f"{where}: the archive has no member {name!r}, which a .keras file needs")
    info = archive.getinfo(name)
    limit = _SMALL + _EXPANSION * info.compress_size
    if info.file_size > limit:
        raise FileError(
            f"{where}: {name!r} claims {info.file_size:,} bytes, more than the limit of {limit:,}"
        )
    return info.file_size


def read_member(archive: zipfile.ZipFile, name: str, where: str, limit: int) -> bytes:
    """Return the content of a member; raise if it is larger than `limit` bytes."""
    size = declared_size(archive, name, where)
    if size > limit:
        raise FileError(f"{where}: {name!r} claims {size:,} bytes, more than the limit of {limit:,}")
    charge_memory(size, f"member {name!r}")
    with archive.open(name) as member:
        return member.read(size)
