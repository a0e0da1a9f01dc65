"""Saving and loading of fitted preprocessors as JSON files."""

from __future__ import annotations

import json
from pathlib import Path

from fitwell._data.pixel_preprocessor import PixelPreprocessor
from fitwell._data.table_preprocessor import TablePreprocessor
from fitwell._escaping import short_repr
from fitwell._file_io import atomic_write
from fitwell._schema import ANY, check_schema, enum_schema, read_json
from fitwell.errors import FileError

VERSION = 1
Preprocessor = TablePreprocessor | PixelPreprocessor
_FORMATS: dict[str, type[TablePreprocessor] | type[PixelPreprocessor]] = {
    "table": TablePreprocessor,
    "pixels": PixelPreprocessor,
}


def save_preprocessor(preprocessor: Preprocessor, path: str | Path) -> None:
    """Save `preprocessor` to `path` as a JSON file."""
    data = {"fitwell": "preprocessing", "version": VERSION, **preprocessor.to_json()}
    atomic_write(path, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def load_preprocessor(path: str | Path) -> Preprocessor:
    """Load a preprocessor that `save_preprocessor` wrote.

    Raises:
        FileError: If the file is damaged or was not written by `save_preprocessor`.
    """
    data = read_json(path)
    if not isinstance(data, dict) or data.get("fitwell") != "preprocessing":
        raise FileError(f"{path} does not contain a preprocessor saved by fitwell")
    if data.get("version") != VERSION:
        raise FileError(
            f"{path} has format version {short_repr(data.get('version'))}, but this release of fitwell reads only "
            f"version {VERSION}"
        )
    check_schema(data, {**dict.fromkeys(data, ANY), "format": enum_schema(*_FORMATS)}, str(path))
    made = _FORMATS[data["format"]]
    check_schema(data, {"fitwell": ANY, "version": ANY, **made.schema()}, str(path))
    return made.from_json(data)


__all__ = ["Preprocessor", "VERSION", "load_preprocessor", "save_preprocessor"]
