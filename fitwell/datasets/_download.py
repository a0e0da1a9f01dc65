"""Find the file of a data set, or download it."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fitwell.errors import FileError

_logger = logging.getLogger("fitwell")

# Folder of Debian's data set packages: dataset-fashion-mnist installs fashion-mnist/*.gz here.
SYSTEM_FOLDER = Path("/usr/share/datasets")
MAX_DOWNLOAD_BYTES = 64 * 2**20
TIMEOUT_SECONDS = 30


class DatasetNotFound(FileError, FileNotFoundError):
    """The file of a data set is in none of the searched folders and could not be downloaded."""


@dataclass(frozen=True)
class RemoteFile:
    """The public URL of a file and its expected SHA-256."""

    url: str
    sha256: str


def find_file(dataset: str, names: Sequence[str], remote: RemoteFile | None = None, advice: str = "") -> Path:
    """Return the path of a data set's file. Download it into the cache if no searched folder has it.

    Args:
        dataset (str): The name of the data set, for errors.
        names (Sequence[str]): Accepted file names, preferred ones first, relative to the searched folders. If
            the first one is the path of a file, it is returned. A download gets the first name.
        remote (RemoteFile | None): The file to download, or None if no URL with a known checksum exists.
            Default: None.
        advice (str): Another way to get the file, for the error. Default: ``""``.

    Returns:
        pathlib.Path: The path of an existing file.

    Raises:
        DatasetNotFound: if no file was found. The message lists the searched folders and what to do.
        FileError: if a download does not have the expected checksum, or the cache cannot be written.
    """
    first = Path(names[0]).expanduser()
    if first.is_file():
        return first
    looked = []
    for label, folder in _folders():
        looked.append(f"{folder} ({label})")
        for name in names:
            if (folder / name).is_file():
                return folder / name
    if remote is None:
        looked.append("no download: no public copy with a known checksum")
    elif _offline():
        looked.append(f"{remote.url} not tried, FITWELL_OFFLINE is set")
    else:
        target = _cache_folder() / names[0]
        try:
            download(remote, target)
            return target
        except _network_errors() as error:
            looked.append(f"{remote.url} failed: {error}")
    wanted = " or ".join(names)
    steps = f"set FITWELL_DATA to a folder that holds {wanted}" + (f", or {advice}" if advice else "")
    raise DatasetNotFound(
        f"{dataset}: {wanted} was not found. Looked in:"
        + "".join(f"\n  - {place}" for place in looked)
        + f"\nTo provide it, {steps}."
    )


def _network_errors() -> tuple[type[Exception], ...]:
    import http.client
    import urllib.error

    return urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError


def download(remote: RemoteFile, target: Path) -> None:
    """Download `remote` to `target`. `target` appears only if complete and correct."""
    import urllib.request

    # Not a tempfile: a cache may be shared, and tempfile allows access to one user only.
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = part.open("xb")
    except OSError as error:
        raise FileError(
            f"the cache folder {target.parent} cannot be written ({error.strerror}); "
            "set FITWELL_CACHE to a folder that can"
        ) from error
    _logger.info("downloading %s to %s", remote.url, target)
    try:
        digest = hashlib.sha256()
        size = 0
        with file, urllib.request.urlopen(remote.url, timeout=TIMEOUT_SECONDS) as response:
            while block := response.read(2**20):
                size += len(block)
                if size > MAX_DOWNLOAD_BYTES:
                    raise FileError(
                        f"{remote.url} sends more than {MAX_DOWNLOAD_BYTES} bytes; the download was discarded"
                    )
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != remote.sha256:
            raise FileError(
                f"{remote.url} has SHA-256 {digest.hexdigest()}, expected {remote.sha256}: "
                "the file was changed or truncated in transit and was discarded; try again"
            )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _folders() -> Iterator[tuple[str, Path]]:
    if data := os.environ.get("FITWELL_DATA"):
        yield "$FITWELL_DATA", Path(data).expanduser()
    yield "system", SYSTEM_FOLDER
    yield "cache", _cache_folder()


def _cache_folder() -> Path:
    return Path(os.environ.get("FITWELL_CACHE") or "~/.cache/fitwell").expanduser()


def _offline() -> bool:
    return os.environ.get("FITWELL_OFFLINE", "0") not in ("", "0")


__all__ = ["DatasetNotFound", "RemoteFile", "download", "find_file"]
