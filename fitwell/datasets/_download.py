"""Functions that find or download data set files."""

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

# The folder of Debian's data set packages. For example, dataset-fashion-mnist installs fashion-mnist/*.gz here.
SYSTEM_FOLDER = Path("/usr/share/datasets")
MAX_DOWNLOAD_BYTES = 64 * 2**20
TIMEOUT_SECONDS = 30


class DatasetNotFound(FileError, FileNotFoundError):
    """An error that is raised if a data set's file is not in any searched folder and could not be downloaded."""


@dataclass(frozen=True)
class RemoteFile:
    """A file's public URL and expected SHA-256."""

    url: str
    sha256: str


def find_file(dataset: str, names: Sequence[str], remote: RemoteFile | None = None, advice: str = "") -> Path:
    """Return the path of a data set's file. If no searched folder contains the file, download it into the cache.

    Args:
        dataset (str): The data set's name, for error messages.
        names (Sequence[str]): Accepted file names relative to the searched folders, in order of preference. If
            the first one is the path of an existing file, it is returned. A downloaded file gets the first name.
        remote (RemoteFile | None): The file to download, or None if there is no URL with a known checksum.
            Default: None.
        advice (str): An alternative way to get the file, for the error message. Default: ``""``.

    Returns:
        pathlib.Path: The path of an existing file.

    Raises:
        DatasetNotFound: If no file was found. The message lists the searched folders and explains how to
            provide the file.
        FileError: If a download does not have the expected checksum, or if the cache cannot be written to.
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
        looked.append("(not downloaded, because there is no public copy with a known checksum)")
    elif _offline():
        looked.append(f"{remote.url} (not tried because FITWELL_OFFLINE is set)")
    else:
        target = _cache_folder() / names[0]
        try:
            download(remote, target)
            return target
        except _network_errors() as error:
            looked.append(f"{remote.url} (the download failed: {error})")
    wanted = " or ".join(names)
    steps = f"set FITWELL_DATA to a folder that contains {wanted}" + (f", or {advice}" if advice else "")
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
    """Download a file to `target`. The target is created only if the download is complete and correct."""
    import urllib.request

    # A file from `tempfile` would be accessible to only one user, but a cache may be shared.
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = part.open("xb")
    except OSError as error:
        raise FileError(
            f"cannot write to the cache folder {target.parent} ({error.strerror}); "
            "set FITWELL_CACHE to a writable folder"
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
                        f"{remote.url} sent more than {MAX_DOWNLOAD_BYTES} bytes, so the download was discarded"
                    )
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != remote.sha256:
            raise FileError(
                f"expected {remote.url} to have SHA-256 {remote.sha256}, got {digest.hexdigest()}; the file may have "
                "been changed or truncated in transit and was discarded. Try again"
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
