"""The names of the files in a run folder, and the creation of the folder before training starts."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from fitwell._file_io import check_path, check_writable, os_error_reason
from fitwell.errors import FileError

__all__ = ["MODEL_FILE", "PREPROCESSING_FILE", "make_run_folder"]

MODEL_FILE = "model.keras"
PREPROCESSING_FILE = "preprocessing.json"


def make_run_folder(name: str, requested: str | None = None, now: datetime | None = None) -> Path:
    """Create the folder `requested`, or ``runs/<name>-<date>-<time>``, and return it.

    Raises:
        FileError: If the folder cannot be created, is not empty, or is not writable.
    """
    if requested is not None:
        folder = check_path(requested, "--output")
        if folder.is_dir() and any(folder.iterdir()):
            raise FileError(f"{folder} is not empty; choose a different folder, or omit --output")
        _make(folder, exist_ok=True)
    else:
        clean = re.sub(r"[^\w.-]+", "_", name).strip("._") or "run"
        stamp = (now or datetime.now()).strftime("%Y%m%d-%H%M%S")
        folder = _make_first_unused(Path("runs"), f"{clean}-{stamp}")
    _check_writable(folder)
    return folder


def _make_first_unused(parent: Path, name: str) -> Path:
    # Two runs may start within the same second. Only the run that creates the folder uses it.
    for number in range(1, 1000):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            _make(folder, exist_ok=False)
        except FileExistsError:
            continue
        return folder
    raise FileError(f"{parent / name} and 998 numbered variants of it already exist")


def _make(folder: Path, exist_ok: bool) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=exist_ok)
    except FileExistsError:
        if folder.is_dir():
            raise
        raise FileError(f"cannot create the folder {folder}: a file with this name exists") from None
    except OSError as error:
        raise FileError(f"cannot create the folder {folder}: {os_error_reason(error)}") from None


def _check_writable(folder: Path) -> None:
    try:
        check_writable(folder)
    except OSError as error:
        raise FileError(f"cannot write to {folder}: {os_error_reason(error)}") from None
