"""Mutations of valid files that keep their format: nested configurations, HDF5 layouts, zip methods, headers.

Each function takes a `random.Random` and returns the bytes of a file, which depend on the seed only.
"""

from __future__ import annotations

import copy
import inspect
import io
import json
import random
import re
import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t, h5z

from fitwell import activations, constraints, initializers, layers, losses, metrics, optimizers, regularizers

VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2, 7, 10**6, 10**9, 10**12, 2**31, 2**63, -(2**70), 10**400, 0.5, -0.0, 1e308,
    float("nan"), float("inf"), "", "relu", "x" * 1000, "\ud800", "a\0b", "../..", "__lambda__", [], [1], [0, 0], [-1],
    [None, 10**9], [10**9, 10**9], [1] * 70, [[1, 2], [3]], [[10**9, 10**9]] * 2, {}, {"a": 1},
    {"class_name": "Lambda", "config": {}}, {"class_name": "function", "config": "system"},
]  # fmt: skip
_ROOMS = (layers, losses, metrics, optimizers, regularizers, initializers, constraints, activations)


def classes() -> list[tuple[str, type]]:
    """Return ``(module as files call it, class)`` for everything that a configuration can name."""
    found = []
    for room in (*_ROOMS, optimizers.schedules):
        name = room.__name__.replace("fitwell", "keras")
        found += [
            (name, value)
            for key, value in sorted(vars(room).items())
            if inspect.isclass(value) and key[0].isupper()
        ]
    return found


# --- configurations ---------------------------------------------------------------------------------------------


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value inside `value`."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += places(item, (*path, key))
    return found


def at(value: Any, path: tuple[Any, ...]) -> Any:
    """Return the value at `path`."""
    for key in path:
        value = value[key]
    return value


def an_object(draw: random.Random, depth: int = 0) -> Any:
    """Return the configuration of an object of any class, some of its arguments of odd values or sizes."""
    module, entry = draw.choice(classes())
    arguments = [
        name
        for name in inspect.signature(entry.__init__).parameters
        if name not in ("self", "args", "kwargs")
    ]
    chosen = draw.sample(arguments, min(len(arguments), draw.choice((0, 1, 1, 2, 4))))
    config = {name: a_value(draw, depth + 1) for name in chosen}
    if entry is layers.Layer or issubclass(entry, layers.Layer):
        config.setdefault("name", f"odd{draw.randrange(100)}")
    return {"module": module, "class_name": entry.__name__, "config": config, "registered_name": None}


def a_value(draw: random.Random, depth: int = 0) -> Any:
    """Return a possible value of an argument, sometimes a nested object."""
    if depth < 3 and draw.random() < 0.3:
        return an_object(draw, depth)
    if depth < 3 and draw.random() < 0.1:
        return [a_value(draw, depth + 1) for _ in range(draw.choice((1, 2, 30)))]
    return copy.deepcopy(draw.choice(VALUES))


def nested_config(config: Any, draw: random.Random) -> Any:
    """Return `config` with an object where a value was, layers around layers, or one object in many places."""
    config = copy.deepcopy(config)
    for _ in range(draw.choice((1, 1, 2, 3))):
        path = draw.choice(places(config) or [()])
        if not path:
            return config
        parent, key = at(config, path[:-1]), path[-1]
        kind = draw.randrange(6)
        if kind == 0:
            parent[key] = an_object(draw)
        elif kind == 1:
            parent[key] = a_value(draw)
        elif kind == 2:
            parent[key] = copy.deepcopy(at(config, draw.choice(places(config))))
        elif kind == 3 and isinstance(parent[key], list) and parent[key]:
            parent[key] = [copy.deepcopy(draw.choice(parent[key])) for _ in range(draw.choice((1, 3, 40)))]
        elif kind == 4:
            wrapped = parent[key]
            for level in range(draw.choice((1, 3, 20))):
                inner = wrapped if isinstance(wrapped, list) else [wrapped]
                wrapped = {"class_name": "Sequential", "config": {"name": f"around{level}", "layers": inner}}
            parent[key] = wrapped
        elif isinstance(parent[key], dict):
            parent[key] = {**parent[key], "shared_object_id": draw.choice((0, 1, "x", None, [1]))}
    return config


def text_of(config: Any, draw: random.Random) -> bytes:
    """Return a configuration as JSON, rarely with a duplicate key or very many brackets."""
    text = json.dumps(config)
    kind = draw.randrange(20)
    if kind == 0:
        text = text.replace('"name"', '"name": "twice", "name"', 1)
    elif kind == 1:
        text = text.replace('"config"', '"config": ' + "[" * 2000 + "]" * 2000 + ', "other"', 1)
    elif kind == 2:
        text = text[: draw.randrange(len(text))]
    return text.encode()


# --- HDF5 -------------------------------------------------------------------------------------------------------


def odd_hdf5(data: bytes, draw: random.Random) -> bytes:
    """Return an HDF5 file with datasets, attributes and links of other layouts, or pointers that lead elsewhere."""
    for _ in range(draw.choice((1, 1, 2))):
        if draw.random() < 0.5:
            data = other_pointers(data, draw)
            continue
        file_bytes = io.BytesIO(data)
        try:
            with h5py.File(file_bytes, "r+") as file:
                names: list[str] = []
                file.visit(names.append)
                change = draw.choice((_odd_dataset, _odd_dataset, _odd_attribute, _odd_link))
                change(file, draw, draw.choice(names) if names else "/")
        except Exception:
            continue  # not everything can be written, and what was broken before not be opened
        data = file_bytes.getvalue()
        if draw.random() < 0.3:
            data = shared_texts(data, draw)
    return data


def other_pointers(data: bytes, draw: random.Random) -> bytes:
    """Return a file with some of the words that may be addresses or lengths replaced by others."""
    changed = bytearray(data)
    words = [
        (place, value)
        for place in range(0, len(data) - 7, 8)
        if 0 < (value := struct.unpack_from("<Q", data, place)[0]) <= 2 * len(data) and value != 2**64 - 1
    ]
    if not words:
        return data
    for _ in range(draw.choice((1, 1, 2, 5))):
        place, value = draw.choice(words)
        other = draw.choice(
            (draw.choice(words)[1], draw.choice(words)[0], 0, 1, value + 1, value - 1, value * 2, value // 2, len(data),
             2**31, 2**32 - 1, 2**32 * 5, 2**62, 2**63, 2**64 - 2, 2**64 - 1)
        )  # fmt: skip
        size = draw.choice((8, 8, 8, 4, 2))
        changed[place : place + size] = (other % 2 ** (8 * size)).to_bytes(size, "little")
    return bytes(changed)


def shared_texts(data: bytes, draw: random.Random) -> bytes:
    """Return a file in which references to variable-length strings are replaced by the first one."""
    changed = bytearray(data)
    heap = changed.find(b"GCOL")
    reference = struct.pack("<Q", heap)
    found = [i - 4 for i in range(len(changed) - 16) if heap > 0 and changed[i : i + 8] == reference]
    if found:
        first = bytes(changed[found[0] : found[0] + 16])
        for place in found[1:]:
            if draw.random() < 0.8:
                changed[place : place + 16] = first
    return bytes(changed)


def _odd_dataset(file: Any, draw: random.Random, name: str) -> None:
    shape = getattr(file[name], "shape", None) or (4, 5)
    del file[name]
    if draw.random() < 0.15:
        shape = draw.choice(((10**6, 10**6), (2**31,), (0, 5), (), (1,) * 32, (10**12,)))
    properties = h5p.create(h5p.DATASET_CREATE)
    chunk = None
    kind = draw.choice(("chunks", "chunks", "compact", "contiguous", "external", "early", "types"))
    if kind == "chunks" and shape:
        chunk = tuple(draw.choice((1, max(n, 1), 2 * n + 1, 1000, 30_000, 2**28)) for n in shape)
        properties.set_chunk(chunk)
        for _ in range(draw.choice((0, 1, 1, 2, 3))):
            draw.choice((
                lambda: properties.set_deflate(draw.randrange(10)), properties.set_shuffle, properties.set_fletcher32,
                lambda: properties.set_filter(h5z.FILTER_LZF, h5z.FLAG_OPTIONAL),
                lambda: properties.set_scaleoffset(h5z.SO_INT, draw.choice((0, 2, 30))),
                lambda: properties.set_filter(h5z.FILTER_NBIT, h5z.FLAG_OPTIONAL, (8, 1, 20, 1, 4, 0, 30, 0)),
                lambda: properties.set_filter(32_001, h5z.FLAG_OPTIONAL, (1, 2, 2**31)),
            ))()  # fmt: skip
    elif kind == "compact":
        properties.set_layout(h5d.COMPACT)
    elif kind == "external":
        properties.set_external(b"secret.bin", 0, 2**40)
    elif kind == "early":
        properties.set_alloc_time(
            h5d.ALLOC_TIME_EARLY if np.prod(shape, dtype=float) < 10**6 else h5d.ALLOC_TIME_LATE
        )
        properties.set_fill_value(np.asarray(3.0, "f4"))
    dtype = draw.choice(_types()) if kind == "types" else h5t.IEEE_F32LE
    links = h5p.create(h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    limits = tuple(h5s.UNLIMITED for _ in shape) if chunk else None
    space = h5s.create_simple(shape, limits) if shape else h5s.create(draw.choice((h5s.SCALAR, h5s.NULL)))
    dataset = h5d.create(file.id, name.encode(), dtype, space, dcpl=properties, lcpl=links)
    if chunk and draw.random() < 0.8:
        dataset.write_direct_chunk((0,) * len(shape), _packed(draw), draw.choice((0, 0, 0, 1, 3)))


def _packed(draw: random.Random) -> bytes:
    """Return the bytes of a chunk: zeros packed once or twice by zlib, some truncated or changed."""
    size = draw.choice((80, 1000, 2**20, 2**24))
    data = bytes(size)
    for _ in range(draw.choice((0, 1, 1, 2))):
        data = zlib.compress(data, 1)
    if draw.random() < 0.2:
        data = data[: len(data) // 2] + bytes([draw.randrange(256)])
    return data[: 2**20] or b"\0"


def _types() -> list[Any]:
    names = h5t.create(h5t.COMPOUND, 8)
    names.insert(b"a", 0, h5t.STD_I32LE)
    enum = h5t.enum_create(h5t.STD_I8LE)
    enum.enum_insert(b"RED", 0)
    text = h5t.C_S1.copy()
    text.set_size(h5t.VARIABLE)
    return [
        names, enum, text, h5t.create(h5t.OPAQUE, 2), h5t.create(h5t.OPAQUE, 2**20), h5t.vlen_create(h5t.STD_U8LE),
        h5t.array_create(h5t.IEEE_F32LE, (5, 2**20)), h5t.STD_REF_OBJ, h5t.STD_REF_DSETREG, h5t.STD_B8LE,
        h5t.IEEE_F64BE, h5t.IEEE_F16LE, h5t.STD_I64BE, h5t.STD_U8LE, h5t.py_create(np.dtype("c8")),
    ]  # fmt: skip


def _odd_attribute(file: Any, draw: random.Random, name: str) -> None:
    owners = [path for path in ("/", "model_weights", name, name.rpartition("/")[0] or "/") if path in file]
    owner = file[draw.choice(owners)]
    known = [key for key in owner.attrs if key not in ("keras_version", "backend")]
    key = draw.choice(known or ["layer_names", "weight_names", "seed"])
    if key in owner.attrs:
        del owner.attrs[key]
    text = h5py.string_dtype()
    value: Any = draw.choice((
        lambda: np.array(["x" * draw.choice((10, 10**6))] + ["n"] * draw.choice((1, 300)), dtype=object),
        lambda: np.array([b"dense", b"out", b"dense"]), lambda: np.zeros(draw.choice((0, 5, 8000)), "i8"),
        lambda: h5py.Empty("f4"), lambda: -1, lambda: 2**64 - 1, lambda: 1.5, lambda: np.void(b"\x80\x04."),
        lambda: "x" * 10**5, lambda: b"[" * 60_000,
        lambda: np.array(["."] * 20, dtype=object), lambda: np.array([["a", "b"]], dtype=object),
    ))()  # fmt: skip
    if isinstance(value, np.ndarray) and value.dtype == object:
        owner.attrs.create(key, value, dtype=text)
    else:
        owner.attrs[key] = value
    if draw.random() < 0.2:
        owner.attrs[f"{key}0"] = np.array([b"dense"])


def _odd_link(file: Any, draw: random.Random, name: str) -> None:
    parent, others = name.rpartition("/")[0] or "/", []
    file.visit(others.append)
    kind = draw.randrange(6)
    if kind == 0:
        for number in range(draw.choice((3, 200))):
            file[parent][f"{number + 2}"] = file[draw.choice(others)]
        return
    del file[name]
    target = draw.choice(others)
    if kind == 1 and target in file:
        file[name] = file[target]
    elif kind == 2:
        file[name] = h5py.SoftLink(f"/{target}")
    elif kind == 3:
        file[name] = h5py.ExternalLink("secret.h5", "data")
    elif kind == 4:
        file[name] = np.dtype([("a", "i4")])
    else:
        file[parent].create_group(name.rpartition("/")[2] or "g", track_order=True)


# --- archives ---------------------------------------------------------------------------------------------------

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def odd_zip(members: dict[str, bytes], draw: random.Random) -> bytes:
    """Return an archive of `members`, packed by any method, with unusual or wrong entries."""
    target = io.BytesIO()
    items = list(members.items())
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w", draw.choice(_METHODS)) as archive:
        warnings.simplefilter("ignore")
        for name, data in items:
            kind = draw.randrange(12)
            if kind == 0:
                data = bytes(draw.choice((0, 10, 2**22)))
            elif kind == 1:
                data = data + bytes(2**22)
            elif kind == 2:
                name = draw.choice(
                    ("../x", "/abs", "a\\b", name + "/", name.upper(), "x" * 5000, "é", "con", "a:b")
                )
            elif kind == 3:
                items.append((name, data))
            elif kind == 4:
                inner = io.BytesIO()
                with zipfile.ZipFile(inner, "w") as other:
                    other.writestr(name, data)
                data = inner.getvalue()
            archive.writestr(name, data, draw.choice(_METHODS) if draw.random() < 0.2 else None)
            if len(items) > 50:
                break
        if draw.random() < 0.1:
            archive.comment = bytes(draw.choice((10, 65_535)))
    data = target.getvalue()
    for _ in range(draw.choice((0, 1, 1, 2))):
        data = _other_entry(data, draw)
    return b"junk" * draw.choice((1, 1000)) + data if draw.random() < 0.1 else data


def _other_entry(data: bytes, draw: random.Random) -> bytes:
    """Return the archive with one field of its lists changed: sizes, offsets, methods, flags, counts."""
    changed = bytearray(data)
    signature, size = draw.choice(((b"PK\1\2", 46), (b"PK\1\2", 46), (b"PK\3\4", 30), (b"PK\5\6", 22)))
    starts = [found.start() for found in re.finditer(re.escape(signature), data)]
    if not starts:
        return data
    place = draw.choice(starts) + draw.randrange(4, size - 1)
    width = draw.choice((1, 2, 4))
    value = draw.choice((0, 1, 8, 12, 14, 2**8 - 1, 2**16 - 1, 2**31, 2**32 - 1, draw.choice(starts)))
    changed[place : place + width] = (value % 2 ** (8 * width)).to_bytes(width, "little")
    return bytes(changed)


# --- headers ----------------------------------------------------------------------------------------------------


_NPY_TYPES = (
    "<f4", ">f8", "|O", "<U5", "|V3", "<M8[s]", "<c8", "|b1", "<f2", [("a", "<f4")], ("<f4", (2,)), "f4,i4",
)  # fmt: skip
_NPY_TEXTS = ("(" * 9000, "-" * 9000 + "1", "{", "", "[]", "{}" * 3, "x" * 9999, "{'descr': '<f4'}")
_OFFSETS_AND_TYPES = ("F64", "BF16", "I64", "F8_E4M3", [0, float("inf")], [-8, 72])


def odd_npy(data: bytes, draw: random.Random) -> bytes:
    """Return an ``.npy`` with another header: version, type, order, shape, length."""
    if draw.random() < 0.05:  # a good one, so that not all are refused
        good = io.BytesIO()
        version = draw.choice(((1, 0), (2, 0), (3, 0)))
        np.lib.format.write_array(good, np.load(io.BytesIO(data)), version, allow_pickle=False)
        return good.getvalue()
    kind = draw.choice(_NPY_TYPES)
    shape = draw.choice(
        ((4, 5), (5,), (10**9, 10**9), (-1,), (2**63,), (), "x", (1.5,), (True,), (1,) * 100, [4, 5])
    )
    header = {"descr": kind, "fortran_order": draw.choice((False, True, 1, "x")), "shape": shape}
    text = repr(header) if draw.random() < 0.8 else draw.choice(_NPY_TEXTS)
    version = draw.choice(((1, 0), (1, 0), (2, 0), (3, 0), (9, 9)))
    length = draw.choice((len(text), len(text), len(text), 0, 2**16 - 1, 2**32 - 1, 10**9))
    packed = struct.pack("<H", length % 2**16) if version == (1, 0) else struct.pack("<I", length)
    return b"\x93NUMPY" + bytes(version) + packed + text.encode() + data[draw.choice((0, 128)) :]


def odd_safetensors(data: bytes, draw: random.Random) -> bytes:
    """Return a ``.safetensors`` file whose header has other values, or another length."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    for _ in range(draw.choice((1, 1, 2))):
        path = draw.choice(places(header))
        value = draw.choice((*VALUES, *_OFFSETS_AND_TYPES))
        at(header, path[:-1])[path[-1]] = copy.deepcopy(value)
    text = text_of(header, draw)
    claimed = draw.choice((len(text), len(text), len(text), len(text), 0, 1, 2**32, 2**63, 2**64 - 1))
    return struct.pack("<Q", claimed) + text + data[8 + length :]


# --- whole files ------------------------------------------------------------------------------------------------


def odd_file(path: Path, draw: random.Random, kind: str) -> bytes | None:
    """Return the file at `path` changed in one way; None where that does not apply to such a file."""
    data = path.read_bytes()
    if kind == "hdf5":
        if path.suffix == ".keras":
            members = members_of(data)
            return stored({**members, "model.weights.h5": odd_hdf5(members["model.weights.h5"], draw)})
        return odd_hdf5(data, draw) if path.suffix == ".h5" else None
    if kind == "zip" and path.suffix in (".keras", ".npz"):
        return odd_zip(members_of(data), draw)
    if kind == "header" and path.suffix == ".npz":
        members = members_of(data)
        name = draw.choice(sorted(members))
        return stored({**members, name: odd_npy(members[name], draw)})
    if kind == "header" and path.suffix == ".safetensors":
        return odd_safetensors(data, draw)
    return None


def members_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def stored(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target.getvalue()
