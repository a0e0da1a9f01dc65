"""Fitted preparations as files: plain JSON, written beside and renamed, checked when read."""

from __future__ import annotations

import json
import os
from pathlib import Path

from fitwell.data.pixels import PixelPreparation
from fitwell.data.table import TablePreparation
from fitwell.errors import FileError

VERSION = 1
Preparation = TablePreparation | PixelPreparation
_FORMATS: dict[str, type[TablePreparation] | type[PixelPreparation]] = {
    "table": TablePreparation,
    "pixels": PixelPreparation,
}


def save_preparation(preparation: Preparation, path: str | Path) -> None:
    """Write `preparation` to `path` as JSON."""
    path = Path(path)
    text = json.dumps(
        {"fitwell": "preprocessing", "version": VERSION, **preparation.to_json()},
        indent=1,
        ensure_ascii=False,
        allow_nan=False,
    )
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text + "\n", encoding="utf-8")
    beside.replace(path)


def load_preparation(path: str | Path) -> Preparation:
    """Read what `save_preparation` wrote; raises `FileError` for anything else."""
    path = Path(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise FileError(f"{path} is not JSON: {error}") from error
    if not isinstance(data, dict) or data.get("fitwell") != "preprocessing":
        raise FileError(f"{path} does not hold the preprocessing of a fitwell run")
    if data.get("version") != VERSION:
        raise FileError(f"{path} has version {data.get('version')!r}, this fitwell reads version {VERSION}")
    try:
        return _FORMATS[data["format"]].from_json(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(f"{path} is damaged: {type(error).__name__}: {error}") from error
