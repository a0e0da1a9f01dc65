"""Fitted preparations as files: plain JSON, written beside and renamed, checked when read."""

from __future__ import annotations

import json
from pathlib import Path

from fitwell.data.pixel_preprocessor import PixelPreprocessor
from fitwell.data.table_preprocessor import TablePreprocessor
from fitwell.errors import FileError
from fitwell.forms import ANYTHING, check, one_of, read_json
from fitwell.paths import write_whole
from fitwell.printable import shortened

VERSION = 1
Preprocessor = TablePreprocessor | PixelPreprocessor
_FORMATS: dict[str, type[TablePreprocessor] | type[PixelPreprocessor]] = {
    "table": TablePreprocessor,
    "pixels": PixelPreprocessor,
}


def save_preprocessor(preprocessor: Preprocessor, path: str | Path) -> None:
    """Write `preprocessor` to `path` as JSON."""
    data = {"fitwell": "preprocessing", "version": VERSION, **preprocessor.to_json()}
    write_whole(path, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def load_preprocessor(path: str | Path) -> Preprocessor:
    """Read what `save_preprocessor` wrote; raises `FileError` for anything else."""
    data = read_json(path)
    if not isinstance(data, dict) or data.get("fitwell") != "preprocessing":
        raise FileError(f"{path} does not hold the preprocessing of a fitwell run")
    if data.get("version") != VERSION:
        raise FileError(
            f"{path} has version {shortened(data.get('version'))}, this fitwell reads version {VERSION}"
        )
    check(data, {**dict.fromkeys(data, ANYTHING), "format": one_of(*_FORMATS)}, str(path))
    made = _FORMATS[data["format"]]
    check(data, {"fitwell": ANYTHING, "version": ANYTHING, **made.schema()}, str(path))
    return made.from_json(data)
