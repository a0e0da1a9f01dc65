"""The folder of a run: made before training starts, never one that holds something."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from fitwell._file_io import check_path, check_writable, os_error_reason
from fitwell.errors import FileError


def make_run_folder(name: str, requested: str | None = None, now: datetime | None = None) -> Path:
    """Make and return a new folder: `requested`, or ``runs/<name>-<date>-<time>``.

    Raises `FileError` when it cannot be made, holds something already, or cannot be written to: better
    before training than after.
    """
    if requested is not None:
        folder = check_path(requested, "--output")
        if folder.is_dir() and any(folder.iterdir()):
            raise FileError(f"{folder} already holds files; name another folder, or leave --output out")
        _make(folder, exist_ok=True)
    else:
        clean = re.sub(r"[^\w.-]+", "_", name).strip("._") or "run"
        stamp = (now or datetime.now()).strftime("%Y%m%d-%H%M%S")
        folder = _make_first_unused(Path("runs"), f"{clean}-{stamp}")
    _check_writable(folder)
    return folder


def _make_first_unused(parent: Path, name: str) -> Path:
    # Two runs may start within one second; whoever makes the folder has it.
    for number in range(1, 1000):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            _make(folder, exist_ok=False)
        except FileExistsError:
            continue
        return folder
    raise FileError(f"{parent / name} and 998 others with a number behind exist already")


def _make(folder: Path, exist_ok: bool) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=exist_ok)
    except FileExistsError:
        if folder.is_dir():
            raise
        raise FileError(f"the folder {folder} cannot be made: there is a file of that name") from None
    except OSError as error:
        raise FileError(f"the folder {folder} cannot be made: {os_error_reason(error)}") from None


def _check_writable(folder: Path) -> None:
    try:
        check_writable(folder)
    except OSError as error:
        raise FileError(f"nothing can be written to {folder}: {os_error_reason(error)}") from None
