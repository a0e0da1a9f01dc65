"""Checkpoint files: plain data and arrays in one file that is whole or not there at all.

A checkpoint is a zip archive, nothing compressed, of two members: ``manifest.json`` (numbers, texts, lists and
dicts; what stood for an array names its type and shape) and ``arrays.bin`` (their bytes, one after another). The
archive's own CRC-32 of each member tells a damaged file. Nothing in it is code, and reading it runs none.

It is written beside its final name, forced to the disk and then renamed (`paths.atomic_writer`), and only then is
the one before the last removed: whenever the power fails, a whole checkpoint is there.

Why not orbax-checkpoint (measured 2026-11, version 0.12, one machine of 2 CPU cores): it brings 16 packages of
some 110 MB besides JAX, takes 0.7 s to import, and 50 to 70 ms on both cores to write one megabyte, where this
takes 3 (SGD) to 9 ms (Adam) on one. What it is made for, arrays sharded over many hosts, fitwell does not have.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._escaping import short_repr
from fitwell._file_io import atomic_writer, os_error_reason
from fitwell.errors import FileError

_MANIFEST, _ARRAYS = "manifest.json", "arrays.bin"
_FORMAT, _VERSION = "fitwell checkpoint", 1
_ARRAY_KEY = "__array__"
# Histories and other long lists travel as arrays; a manifest is some KB.
_LARGEST_MANIFEST = 64 * 2**20


def encode_tree(tree: Any, arrays: list[Any]) -> Any:
    """Return `tree` as JSON can hold it, each array replaced by ``{"__array__": its place in arrays}``.

    Dicts (with text keys), lists, tuples (which come back as lists), numbers, texts, truth values and None may be
    nested; anything else raises `FileError`.
    """
    if isinstance(tree, dict):
        if not all(isinstance(key, str) for key in tree) or _ARRAY_KEY in tree:
            raise FileError(f"a checkpoint holds dicts with texts as keys only, got keys {list(tree)[:5]}")
        return {key: encode_tree(value, arrays) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [encode_tree(value, arrays) for value in tree]
    if tree is None or isinstance(tree, bool | int | float | str):
        return tree
    if isinstance(tree, np.generic | np.ndarray | jax.Array) and np.dtype(tree.dtype).kind != "O":
        arrays.append(tree)
        return {_ARRAY_KEY: len(arrays) - 1}
    raise FileError(
        f"a checkpoint holds numbers, texts, arrays, lists and dicts, got {type(tree).__name__}: {tree!r:.80}"
    )


def decode_tree(tree: Any, arrays: Sequence[np.ndarray]) -> Any:
    """Return what `encode_tree` was given."""
    if isinstance(tree, dict):
        if _ARRAY_KEY in tree:
            return arrays[tree[_ARRAY_KEY]]
        return {key: decode_tree(value, arrays) for key, value in tree.items()}
    return [decode_tree(value, arrays) for value in tree] if isinstance(tree, list) else tree


def write_checkpoint(path: Path, tree: Any, before_rename: Callable[[], Any] = lambda: None) -> None:
    """Write `tree` (see `encode_tree`) to `path`, all at once.

    before_valid: called when everything is written, before the file gets its name.
    Raises `FileError` when that is not possible; then `path` is what it was.
    """
    packed: list[Any] = []
    structure = encode_tree(tree, packed)
    arrays = [np.asarray(array) for array in packed]
    kinds = [{"dtype": array.dtype.name, "shape": array.shape} for array in arrays]
    manifest = {"format": _FORMAT, "version": _VERSION, "arrays": kinds, "tree": structure}
    with atomic_writer(path) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(_MANIFEST, json.dumps(manifest))
            with archive.open(_ARRAYS, "w", force_zip64=True) as member:
                for array in arrays:
                    member.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        before_rename()


def read_checkpoint(path: Path) -> Any:
    """Return what `write_checkpoint` wrote; raises `FileError` when the file is damaged or not a checkpoint."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(_read_member(archive, _MANIFEST, path, _LARGEST_MANIFEST))
            if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
                raise FileError(f"{str(path)!r} is not a fitwell checkpoint")
            if manifest["version"] != _VERSION:
                raise FileError(
                    f"{str(path)!r} has version {short_repr(manifest['version'])} of the format; this fitwell reads "
                    f"{_VERSION}"
                )
            data = _read_member(archive, _ARRAYS, path, path.stat().st_size)
        return decode_tree(manifest["tree"], _split_arrays(data, manifest["arrays"]))
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{str(path)!r} cannot be read: {os_error_reason(error)}") from None
    except (
        zipfile.BadZipFile, NotImplementedError, EOFError, RecursionError, MemoryError,
        ArithmeticError, ValueError, TypeError, KeyError, IndexError, AttributeError,
    ) as error:  # fmt: skip
        raise FileError(f"{str(path)!r} is damaged: {short_repr(str(error), quote=False)}") from None


def _read_member(archive: zipfile.ZipFile, name: str, path: Path, limit: int) -> bytes:
    found = [info for info in archive.infolist() if info.filename == name]
    if len(found) != 1 or found[0].compress_type != zipfile.ZIP_STORED:
        raise FileError(f"{str(path)!r} is not a fitwell checkpoint: it holds no {name}, or not as it should")
    if found[0].file_size > min(limit, path.stat().st_size):
        raise FileError(f"{str(path)!r}: {name} claims {found[0].file_size:,} bytes, more than there can be")
    return archive.read(found[0])


def _split_arrays(data: bytes, kinds: Sequence[dict[str, Any]]) -> list[np.ndarray]:
    arrays = []
    place = 0
    for kind in kinds:
        dtype, shape = jnp.dtype(kind["dtype"]), tuple(map(int, kind["shape"]))
        if dtype.kind == "O" or any(length < 0 for length in shape):
            raise ValueError(f"an array of {kind}")
        count = 1
        for length in shape:
            count *= length
        size = count * dtype.itemsize
        if place + size > len(data):
            raise ValueError(f"{len(data):,} bytes do not hold an array of {kind}")
        arrays.append(np.frombuffer(data, dtype, count, place).reshape(shape).copy())
        place += size
    return arrays
