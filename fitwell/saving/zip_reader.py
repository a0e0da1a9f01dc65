"""Reading members of zip archives from strangers, within the budget of the load."""

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

# Keras stores its members as they are; a zip that was made again may compress them a little.
_EXPANSION = 8
_SMALL = 2**20
_MOST_MEMBERS = 10_000
# The list of members at the end of the archive: some 100 bytes each.
_LARGEST_DIRECTORY = 4 * 2**20
# Python unpacks the others in blocks of any size: 4 KB of bzip2 become 80 MB at once.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class _Directory(io.BufferedReader):
    """A file that gives no more at once than the list of members may take."""

    most: float = _LARGEST_DIRECTORY

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size > self.most:
            raise FileError(f"its list of members claims {size} bytes, more than {_LARGEST_DIRECTORY:,}")
        return super().read(size)


@contextmanager
def open_archive(path: Path, where: str, kind: str) -> Iterator[zipfile.ZipFile]:
    """Give the archive at `path`, its list of members checked; errors inside the block say that it is no `kind`."""
    try:
        with _Directory(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
            file.most = float("inf")
            check_members(archive, where)
            yield archive
    except FitwellError:
        raise
    except Exception as error:
        # Each method of compression has errors of its own, and so has each field of the format.
        raise FileError(f"{where!r} is not a readable {kind}: {type(error).__name__}: {error}") from None


def check_members(archive: zipfile.ZipFile, where: str) -> None:
    """Refuse members that are twice in the archive, outside of it, too many, or compressed in a rare way."""
    names = [info.filename for info in archive.infolist()]
    if len(names) > _MOST_MEMBERS:
        raise FileError(f"{where}: the archive has {len(names):,} members, more than {_MOST_MEMBERS:,}")
    for name in names:
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise FileError(f"{where}: the archive has a member outside of it, {short_repr(name)}")
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise FileError(f"{where}: the archive has two members called {short_repr(twice)}")
    _check_overlaps(archive, where)
    for info in archive.infolist():
        if info.compress_type not in _METHODS:
            raise FileError(
                f"{where}: {short_repr(info.filename)} is compressed by method {info.compress_type}; "
                "fitwell reads stored (0) and deflated (8) members: unpack it, and pack it again by one of these"
            )


def _check_overlaps(archive: zipfile.ZipFile, where: str) -> None:
    """Refuse members that lie over each other: a small archive would unpack to any size."""
    end = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise FileError(f"{where}: {short_repr(info.filename)} lies over another member of the archive")
        end = info.header_offset + info.compress_size


def declared_size(archive: zipfile.ZipFile, name: str, where: str) -> int:
    """Return the size of a member, refusing one that its stored bytes cannot hold."""
    if name not in archive.namelist():
        raise FileError(f"{where}: the archive has no member {name!r}, which a .keras file needs")
    info = archive.getinfo(name)
    limit = _SMALL + _EXPANSION * info.compress_size
    if info.file_size > limit:
        raise FileError(
            f"{where}: {name!r} claims {info.file_size:,} bytes, more than the {limit:,} it may have"
        )
    return info.file_size


def read_member(archive: zipfile.ZipFile, name: str, where: str, limit: int) -> bytes:
    """Return one member, refusing anything larger than `limit`."""
    size = declared_size(archive, name, where)
    if size > limit:
        raise FileError(f"{where}: {name!r} claims {size:,} bytes, more than the {limit:,} it may have")
    charge_memory(size, f"member {name!r}")
    with archive.open(name) as member:
        return member.read(size)
